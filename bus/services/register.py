"""Register: which recorded documents a status, recall, update or replacement may mean."""

from bus.core.parties import targets_of
from bus.core.record import DocumentRecord
from bus.ports import Records
from schemas.document import Document
from schemas.status import StatusReport


async def meant_by(report: StatusReport, records: Records) -> tuple[DocumentRecord, ...]:
    """Find by document id; without one, by number and year (handbook 3.3)."""
    if report.document_id is not None:
        return tuple(await records.find(document_id=report.document_id))
    if report.document_code is None:
        return ()
    year = report.issued_on.year if report.issued_on else None
    return tuple(await records.find(full_number=report.document_code, year=year))


async def targeted_by(document: Document, records: Records) -> tuple[DocumentRecord, ...]:
    """Find the documents that a recall, update or replacement names."""
    return tuple(
        [
            record
            for target in targets_of(document)
            for record in await records.find(document_id=target)
        ]
    )


async def resembling(document: Document, records: Records) -> tuple[DocumentRecord, ...]:
    """Find the documents with the same id, or the same number in the same year."""
    found = await records.find(document_id=document.document_id)
    if document.full_number is None or document.issued_on is None:
        return tuple(found)
    numbered = await records.find(full_number=document.full_number, year=document.issued_on.year)
    return (*found, *numbered)
