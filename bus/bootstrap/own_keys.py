"""Own keys: the private keys of a home, made where they are missing, and proven before a start."""

from collections.abc import Collection
from functools import partial

from bus.bootstrap.document_signatures import header_signer
from bus.bootstrap.process import now
from bus.core.routing import Routing
from bus.home.layout import Home
from bus.keys.authority import DevelopmentAuthority, without_certificate
from bus.keys.folder import KeyFolder
from bus.keys.ring import load_signing_key
from bus.keys.sealing import SealingFolder
from bus.services.participants import Participants
from bus.settings import Settings
from schemas.codes import FormatName
from schemas.identifiers import MailboxName
from schemas.problem import AxisError


def ensure_keys(
    settings: Settings, home: Home, routing: Routing, served: Collection[MailboxName]
) -> None:
    """Key pairs made by the development authority where there are none at all; sealing keys.

    Whom we do not serve may sign elsewhere, with a private key that is there alone.
    """
    moment, files = now(), KeyFolder(home.keys)
    owners = [m for m in routing.mailboxes if m in served or not files.filed_under(m)]
    if without_certificate(home.keys, owners, now=moment):
        authority = DevelopmentAuthority.open(home.keys, now=moment, access=settings.key_access)
        authority.ensure(owners, now=moment)
    signing = partial(load_signing_key, home.keys, now=moment, access=settings.key_access)
    SealingFolder(home.keys).ensure(routing.mailboxes, signing=signing, now=moment)


def must_be_able_to_sign(settings: Settings, home: Home, participants: Participants) -> None:
    """Stop the start if no agency can sign; one that cannot is reported by its worker alone.

    Raises:
        ConfigurationError: E_KEYS: no mailbox has a key to sign with; E_SETTING: one cannot sign
            the packets that it shall sign.
    """
    missing: list[AxisError] = []
    for mailbox in participants.mailboxes:
        try:
            key = load_signing_key(
                home.keys,
                mailbox,
                now=now(),
                access=settings.key_access,
                known=tuple(participants.ring),
            )
        except AxisError as error:
            missing.append(error)
            continue
        is_edxml = participants.routing.owner_of(mailbox).format == FormatName.EDXML
        if settings.sign_edxml and is_edxml:
            header_signer(key, mailbox, keys=home.keys)
    if missing and len(missing) == len(participants.mailboxes):
        raise missing[0]
