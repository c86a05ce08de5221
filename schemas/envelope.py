"""Envelope: the exact content that is signed and travels (wire contract, version 1)."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.codes import EnvelopeKind, Lane
from schemas.document import Document
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName, Sha256
from schemas.limits import MAX_BODY_BYTES
from schemas.problem import Problem, Warned
from schemas.reading import SignatureCheck, Source
from schemas.recipient import Recipient
from schemas.sealing import Sealed
from schemas.status import StatusReport
from schemas.value import Value

WIRE_VERSION = "1.0"

__all__ = ["MAX_BODY_BYTES", "WIRE_VERSION", "Envelope", "Receipt", "Recipient"]

SEALED_WIRE_VERSION = "1.1"
"""Of sealed envelopes alone: who knows 1.0 only cannot open them, and has no sealing key."""

__all__ = [
    "MAX_BODY_BYTES",
    "SEALED_WIRE_VERSION",
    "WIRE_VERSION",
    "Envelope",
    "Receipt",
    "Recipient",
]


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
            Of a sealed document it follows from the content only for who can open it.
        sender: Canonical code of the sending agency.
        sender_mailbox: The mailbox whose account publishes, and whose certificate signs.
        recipients: All of them: signed once, and who is not on the list refuses.
        sent_at: When the sender's worker signed, UTC.
        sealed: Stands in the place of the document until a recipient opens it, and stays beside
            it then.
        source: The original bytes, where they must be kept.
        warnings: What was odd or repaired when the sender's file was read.
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
    sealed: Sealed | None = None
    source: Source | None = None
    source_signature: SignatureCheck | None = None
    warnings: tuple[Warned, ...] = ()

    @model_validator(mode="after")
    def _holds_what_it_says(self) -> Self:
        documents = (self.document is not None) + (self.sealed is not None)
        held = (documents, self.receipt is not None)
        said = self.kind is EnvelopeKind.DOCUMENT
        if held != (int(said), not said):
            raise ValueError(f"an envelope of kind {self.kind} holds exactly one {self.kind}")
        return self

    @property
    def message(self) -> Document | StatusReport:
        """What the recipient's system gets to read. A sealed document must be opened first."""
        if self.document is not None:
            return self.document
        if self.receipt is not None:
            return self.receipt.report
        raise ValueError("an envelope without content was made without validation")

    @property
    def lane(self) -> Lane:
        """Receipts and urgent documents go express."""
        if self.sealed is not None:
            return self.sealed.lane
        return Lane.EXPRESS if self.document is None else self.document.lane
