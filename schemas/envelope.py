"""The envelope: the content that is signed and sent (wire contract, version 1)."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

from schemas.codes import EnvelopeKind, Lane
from schemas.directory import Recipient
from schemas.document import Document
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName, Sha256
from schemas.limits import MAX_BODY_BYTES
from schemas.problem import Problem, Warned
from schemas.reading import SignatureCheck, Source
from schemas.sealing import Sealed
from schemas.status import StatusReport
from schemas.value import Value

WIRE_VERSION = "1.0"

SEALED_WIRE_VERSION = "1.1"
"""The version of sealed envelopes. Software that knows only 1.0 has no sealing key."""

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
        answers: The answered envelope; None when an agency reports by document id only.
        delivery: The answered delivery, in automatic receipts.
        problem: The reason when the axis itself refused.
    """

    report: StatusReport
    answers: EnvelopeId | None = None
    delivery: DeliveryId | None = None
    problem: Problem | None = None


class Envelope(Value):
    """Sender, recipients, time and content of a message.

    Attributes:
        envelope_id: Digest of document identity and content hash; the recipient recomputes it. For
            a sealed document only who can open it can recompute it.
        sender: The sending agency's own code.
        sender_mailbox: The mailbox whose account publishes and whose certificate signs.
        recipients: All recipients. A mailbox that is not among them refuses the envelope.
        sent_at: When the sender's worker signed, UTC.
        sealed: Replaces the document until a recipient opens it; after that both are present.
        source: The original bytes, where they must be kept.
        warnings: What was unusual or repaired in the sender's file.
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
    def _has_the_content_of_its_kind(self) -> Self:
        documents = (self.document is not None) + (self.sealed is not None)
        held = (documents, self.receipt is not None)
        said = self.kind is EnvelopeKind.DOCUMENT
        if held != (int(said), not said):
            raise ValueError(f"an envelope of kind {self.kind} holds exactly one {self.kind}")
        return self

    @property
    def message(self) -> Document | StatusReport:
        """The content for the recipient's system. A sealed document must be opened first."""
        if self.document is not None:
            return self.document
        if self.receipt is not None:
            return self.receipt.report
        raise ValueError("an envelope without content was made without validation")

    @property
    def lane(self) -> Lane:
        """The express lane for receipts and urgent documents."""
        if self.sealed is not None:
            return self.sealed.lane
        return Lane.EXPRESS if self.document is None else self.document.lane
