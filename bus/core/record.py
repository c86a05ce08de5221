"""DocumentRecord: what the register keeps of a document that passed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.core.identity import delivery_id, document_identity
from bus.core.reference import id_key, number_key
from schemas.codes import BusinessType, StatusCode
from schemas.document import Document
from schemas.envelope import Envelope, Receipt
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentRecord:
    """A document that passed here: enough to judge statuses, recalls and repeats.

    Attributes:
        document_id: As on the wire; not unique.
        full_number: Number and notation.
        year: Of the issue date.
        type: What it did; None in records of older versions.
        subject: Absent of sealed documents, whose subject is nobody else's, and in records of older
            versions.
    """

    envelope_id: EnvelopeId
    identity: str
    sender: AgencyCode
    recipients: tuple[AgencyCode, ...]
    document_id: str
    full_number: str | None
    year: int | None
    recorded_at: datetime
    type: BusinessType | None = None
    subject: str | None = None

    @property
    def id_key(self) -> str:
        """The document id as it is compared."""
        return id_key(self.document_id)

    @property
    def number_key(self) -> str | None:
        """The full number as it is compared."""
        return None if self.full_number is None else number_key(self.full_number)

    @property
    def makes_a_document(self) -> bool:
        """Whether a document came to be by it: a recall or an update only speaks of one."""
        return self.type not in {BusinessType.RECALL, BusinessType.UPDATE}


def record_of(
    envelope: Envelope, document: Document, *, now: datetime, sealed: bool = False
) -> DocumentRecord:
    """What the register keeps of an envelope's document.

    Args:
        sealed: It was, and has been opened.
    """
    return DocumentRecord(
        envelope_id=envelope.envelope_id,
        identity=document_identity(document, envelope.sender),
        sender=envelope.sender,
        recipients=tuple(recipient.agency for recipient in envelope.recipients),
        document_id=document.document_id,
        full_number=document.full_number,
        year=document.issued_on.year if document.issued_on else None,
        recorded_at=now,
        type=document.bussiness.type,
        subject=None if sealed or envelope.sealed else document.subject,
    )


def answered_after(
    receipt: Receipt, meant: Iterable[DocumentRecord], *, now: datetime
) -> timedelta | None:
    """How long a document waited for this automatic receipt; None for what people report."""
    if receipt.delivery is None:
        return None
    sent = [each.recorded_at for each in meant if each.envelope_id == receipt.answers]
    return now - sent[0] if sent else None


def proven_arrival(envelope: Envelope) -> DeliveryId | None:
    """The delivery that an admitted receipt `01` proves to be handed over; None of all others.

    A mailbox speaks for its own deliveries only: the id follows from who signs.
    """
    receipt = envelope.receipt
    if receipt is None or receipt.report.code != StatusCode.ARRIVED or receipt.answers is None:
        return None
    own = delivery_id(receipt.answers, envelope.sender_mailbox)
    return own if receipt.delivery == own else None
