"""Header signature: with what the edXML packets for an agency are signed, where that is wanted."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from adapters.formats.edxml.signing import HeaderSigner
from bus.bootstrap.process import now
from bus.core.keyring import thumbprint_of
from bus.core.routing import Routing
from bus.keys.folder import KeyFolder
from bus.keys.ring import load_signing_key
from bus.settings import Settings
from schemas.codes import FormatName
from schemas.identifiers import MailboxName
from schemas.problem import AxisError

_SETTING = "LIENTHONG_SIGN_EDXML"


def header_signer(keys: Path, mailbox: MailboxName, *, at: datetime) -> HeaderSigner:
    """The mailbox's own key and certificate, when they can sign a packet.

    Raises:
        ConfigurationError: E_SETTING, the key is no RSA key; E_KEYS, there is none.
    """
    key = load_signing_key(keys, mailbox, now=at)
    if not isinstance(key.private_key, RSAPrivateKey):
        cause = f"a header signature needs an RSA key, and that of {mailbox} is {key.algorithm}"
        raise AxisError.of("E_SETTING", name=_SETTING, cause=cause)
    certificate = next(
        filed.certificate()
        for filed in KeyFolder(keys).filed_under(mailbox)
        if thumbprint_of(filed.certificate()) == key.thumbprint
    )
    return HeaderSigner(private_key=key.private_key, certificate=certificate)


def require_signers(
    settings: Settings, keys: Path, routing: Routing, mailboxes: Iterable[MailboxName]
) -> None:
    """Raise `ConfigurationError` unless every packet can be signed that is to be signed."""
    if settings.sign_edxml:
        for mailbox in mailboxes:
            if routing.owner_of(mailbox).format == FormatName.EDXML:
                header_signer(keys, mailbox, at=now())
