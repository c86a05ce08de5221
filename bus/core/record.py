"""What the records keep about a document that was sent or received here."""

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
    """A document that was sent or received here, as needed to check statuses, recalls and repeats.

    Attributes:
        document_id: As in the document; not unique.
        full_number: Number and notation.
        year: The year of the issue date.
        type: None in records of older versions.
        subject: None for sealed documents, whose subject is secret, and in records of older
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
        """The document id in the form that is compared."""
        return id_key(self.document_id)

    @property
    def number_key(self) -> str | None:
        """The full number in the form that is compared."""
        return None if self.full_number is None else number_key(self.full_number)

    @property
    def makes_a_document(self) -> bool:
        """Whether it created a document; a recall or an update only refers to one."""
        return self.type not in {BusinessType.RECALL, BusinessType.UPDATE}


def record_of(
    envelope: Envelope, document: Document, *, now: datetime, sealed: bool = False
) -> DocumentRecord:
    """The record of an envelope's document; `sealed`: it was sealed and has been opened."""
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
    """How long a document waited for this automatic receipt; None for a status by a person."""
    if receipt.delivery is None:
        return None
    sent = [each.recorded_at for each in meant if each.envelope_id == receipt.answers]
    return now - sent[0] if sent else None


def proven_arrival(envelope: Envelope) -> DeliveryId | None:
    """The delivery whose hand-over a verified receipt `01` proves; None for other envelopes.

    A mailbox can prove its own deliveries only, because the delivery id depends on who signed.
    """
    receipt = envelope.receipt
    if receipt is None or receipt.report.code != StatusCode.ARRIVED or receipt.answers is None:
        return None
    own = delivery_id(receipt.answers, envelope.sender_mailbox)
    return own if receipt.delivery == own else None
