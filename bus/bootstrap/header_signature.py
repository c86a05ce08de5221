"""Header signature: with what the edXML packets for an agency are signed, where that is wanted."""

from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from adapters.formats.edxml.signing import HeaderSigner
from bus.core.keyring import thumbprint_of
from bus.core.signing import SigningKey
from bus.keys.folder import KeyFolder
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError
from schemas.term import term


def header_signer(key: SigningKey, mailbox: MailboxName, *, keys: Path) -> HeaderSigner:
    """The mailbox's own key with its certificate, when it can sign a packet.

    Raises:
        ConfigurationError: E_SETTING, the key is no RSA key, or one in a token; E_KEYS, its
            certificate cannot be read any more.
    """
    if not isinstance(key.private_key, RSAPrivateKey):
        code = "rsa_due_token" if key.is_elsewhere else "rsa_due"
        cause = term(code, mailbox=mailbox, algorithm=key.algorithm)
        raise AxisError.of("E_SETTING", name="LIENTHONG_SIGN_EDXML", cause=cause)
    for filed in KeyFolder(keys).filed_under(mailbox):
        with suppress(ConfigurationError):  # one that is set aside is not that of the key
            certificate = filed.certificate()
            if thumbprint_of(certificate) == key.thumbprint:
                return HeaderSigner(private_key=key.private_key, certificate=certificate)
    raise AxisError.of("E_KEYS", agency=mailbox, cause=term("certificate_gone"))
