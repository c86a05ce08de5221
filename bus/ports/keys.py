"""Signing for a mailbox, and the keys of sealed documents."""

from datetime import datetime
from typing import Protocol

from bus.core.sealing.key import PrivateSealingKey
from bus.ports.attachments import AttachmentStore
from schemas.identifiers import MailboxName
from schemas.sealing import SignedSealingKey


class Signer(Protocol):
    """Signs with the current key of a mailbox, in memory or in a token."""

    async def sign(self, body: bytes, *, now: datetime) -> str:
        """Make the detached JWS of a body, as `bus.core.signing.sign` does.

        Args:
            now: The signing time.

        Raises:
            TransportError: E_SIGNING_KEY_AWAY: no key can be used now, or the token does not answer
                in time. Try again later.
        """


class SealingKeys(Protocol):
    """The current sealing keys of mailboxes. Blocking: called in threads."""

    def published(self, mailbox: MailboxName) -> tuple[SignedSealingKey, ...]:
        """The published keys of a mailbox, not verified."""

    def private(self, mailbox: MailboxName) -> tuple[PrivateSealingKey, ...]:
        """The private keys of a mailbox that are stored here, including the old ones."""

    def secret(self, mailbox: MailboxName) -> bytes:
        """The secret for the ids of a mailbox's sealed documents; it never changes."""


class Spool(AttachmentStore, Protocol):
    """A private place for the files of one document until they are sealed."""

    def clear(self) -> None:
        """Delete everything in it."""
