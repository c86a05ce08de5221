"""Sealing: the keys of mailboxes, and a place for what is not sealed yet."""

from typing import Protocol

from bus.core.sealing.key import PrivateSealingKey
from bus.ports.attachments import AttachmentStore
from schemas.identifiers import MailboxName
from schemas.sealing import SignedSealingKey


class SealingKeys(Protocol):
    """The sealing keys of mailboxes. Blocking: called in threads. What is told is as of now."""

    def published(self, mailbox: MailboxName) -> tuple[SignedSealingKey, ...]:
        """What is published as a mailbox's keys; nothing of it is proven."""

    def private(self, mailbox: MailboxName) -> tuple[PrivateSealingKey, ...]:
        """The private keys of a mailbox that are here, the old ones too."""

    def secret(self, mailbox: MailboxName) -> bytes:
        """What the ids of sealed documents of a mailbox are keyed with: always the same."""


class Spool(AttachmentStore, Protocol):
    """The files of one document before they are sealed, kept from everybody else."""

    def clear(self) -> None:
        """Leave nothing of it behind."""
