"""KnownDocuments: which recorded documents a status, recall, update or replacement may mean."""

from collections.abc import Sequence

from bus.core.parties import (
    Judged,
    Viewpoint,
    judge_document,
    judge_report,
    owner_of,
)
from bus.core.record import DocumentRecord
from bus.core.reference import references_of
from bus.ports import Records
from schemas.document import Document
from schemas.envelope import Envelope
from schemas.identifiers import AgencyCode
from schemas.status import StatusReport

MOST = 100
"""So many documents with the same id or number are looked at; of the owner's so many more."""


async def judge(
    envelope: Envelope, records: Records, *, at: Viewpoint
) -> tuple[Judged, tuple[DocumentRecord, ...]]:
    """Judge an arriving message by the register; with the documents that a status may mean.

    Raises:
        DocumentError: E_STATUS_NOT_PARTY, E_NOT_OWNER or E_ID_OF_OTHER.
    """
    sender = envelope.sender
    if envelope.document is not None:
        known = await referred_to_by(envelope.document, records, owner=sender)
        # Where sender and recipient share a store, it is in the register itself.
        known = tuple(each for each in known if each.envelope_id != envelope.envelope_id)
        return judge_document(envelope.document, sender=sender, known=known, at=at), ()
    if envelope.receipt is None:
        return Judged(), ()
    report, addressee = envelope.receipt.report, envelope.recipients[0].agency
    owner = owner_of(report, sender=sender, addressee=addressee)
    meant = await meant_by(report, records, owner=owner)
    return judge_report(report, sender=sender, addressee=addressee, known=meant, at=at), meant


async def meant_by(
    report: StatusReport, records: Records, *, owner: AgencyCode
) -> tuple[DocumentRecord, ...]:
    """Find by document id; without one, by number (`docs/edxml.md`).

    Args:
        owner: Who sent the document, as the report says.
    """
    if report.document_id is not None:
        return await _found(records, owner, document_id=report.document_id)
    if report.document_code is None:
        return ()
    return await _found(records, owner, full_number=report.document_code)


async def referred_to_by(
    document: Document, records: Records, *, owner: AgencyCode
) -> tuple[DocumentRecord, ...]:
    """Find the documents that have one of the ids that a message bears."""
    found = [
        await _found(records, owner, document_id=document_id)
        for document_id in references_of(document)
    ]
    return tuple(dict.fromkeys(record for each in found for record in each))


async def _found(
    records: Records,
    owner: AgencyCode,
    *,
    document_id: str | None = None,
    full_number: str | None = None,
) -> tuple[DocumentRecord, ...]:
    """Whoever uses an id or a number a hundred times does not hide the owner's."""
    found = tuple(await records.find(document_id=document_id, full_number=full_number, limit=MOST))
    if len(found) < MOST:
        return found
    own = await records.find(
        document_id=document_id, full_number=full_number, sender=owner, limit=MOST
    )
    return tuple(dict.fromkeys((*found, *own)))


async def resembling(
    document: Document, records: Records, *, found: Sequence[DocumentRecord]
) -> tuple[DocumentRecord, ...]:
    """Find the documents with the same id, or the same number in the same year.

    Args:
        found: Those with one of the ids that the document bears.
    """
    if document.full_number is None or document.issued_on is None:
        return tuple(found)
    numbered = await records.find(full_number=document.full_number, year=document.issued_on.year)
    return (*found, *numbered)
