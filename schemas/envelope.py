"""Envelope: the exact content that is signed and travels (wire contract, version 1)."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.codes import EnvelopeKind, Lane
from schemas.document import Document
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName, Sha256
from schemas.problem import Problem
from schemas.reading import SignatureCheck, Source
from schemas.status import StatusReport
from schemas.value import Value

WIRE_VERSION = "1.0"
MAX_BODY_BYTES = 1024 * 1024
"""Larger is refused before sending; attachments are referenced, never carried."""


class Recipient(Value):
    """One addressed agency and the mailbox that serves it."""

    agency: AgencyCode
    mailbox: MailboxName


class Receipt(Value):
    """A signed answer to a delivery: arrived, refused, or a business status 01 to 16.

    Attributes:
        answers: The envelope that is answered; absent when an agency reports by document id only.
        delivery: The delivery that is answered, on automatic receipts.
        problem: Why, when the axis itself refused.
    """

    report: StatusReport
    answers: EnvelopeId | None = None
    delivery: DeliveryId | None = None
    problem: Problem | None = None


class Envelope(Value):
    """Who, to whom, when, what.

    Attributes:
        envelope_id: Digest of document identity and content hash; the recipient recomputes it.
        sender: Canonical code of the sending agency.
        sender_mailbox: The mailbox whose account publishes, and whose certificate signs.
        recipients: All of them: signed once, and who is not on the list refuses.
        sent_at: When the sender's worker signed, UTC.
        source: The original bytes, where they must be kept.
    """

    version: Annotated[str, Field(pattern=r"^\d+\.\d+$")]
    kind: EnvelopeKind
    envelope_id: EnvelopeId
    content_hash: Sha256
    sender: AgencyCode
    sender_mailbox: MailboxName
    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1)]
    sent_at: AwareDatetime
    document: Document | None = None
    receipt: Receipt | None = None
    source: Source | None = None
    source_signature: SignatureCheck | None = None

    @property
    def lane(self) -> Lane:
        """Receipts and urgent documents go express."""
        return Lane.EXPRESS if self.document is None else self.document.lane

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The distinct mailboxes, in the order of the recipients."""
        return tuple(dict.fromkeys(recipient.mailbox for recipient in self.recipients))

    def agencies_of(self, mailbox: MailboxName) -> tuple[AgencyCode, ...]:
        """The addressed agencies that one mailbox serves."""
        return tuple(r.agency for r in self.recipients if r.mailbox == mailbox)
