"""Conflict: describes the earlier delivery of a document that now arrives with other content."""

from bus.core.duplicates import Rival
from bus.core.record import DocumentRecord
from bus.ports import Claim, Records
from schemas.envelope import Envelope
from schemas.problem import AxisError
from schemas.term import Term, term
from schemas.vietnam import to_vietnam


async def conflict_with(
    rival: Rival | None, envelope: Envelope | None, *, claim: Claim, records: Records
) -> AxisError:
    """The error E_CONFLICT, with time, subject and envelope of the earlier delivery.

    Args:
        rival: The earlier delivery; None: its hand-over was given up meanwhile.
        envelope: The envelope that arrives now; None: it was sealed, so the error may contain
            nothing of its content or of the earlier content.
    """
    document = envelope.document if envelope else None
    if document is None:
        return AxisError.of("E_CONFLICT", document_id=claim.envelope_id, cause=_before(rival, None))
    known = None
    if rival is not None:
        found = await records.find(document_id=document.document_id)
        known = next((one for one in found if one.envelope_id == rival.envelope_id), None)
    return AxisError.of("E_CONFLICT", document_id=document.document_id, cause=_before(rival, known))


def _before(rival: Rival | None, known: DocumentRecord | None) -> Term:
    if rival is None:
        return term("arrived_before_unknown")
    if rival.at is None:
        return term("arriving_before", sha256=rival.envelope_id)
    at = to_vietnam(rival.at).isoformat(timespec="seconds")
    if known is None or not known.subject:
        return term("arrived_before_untold", at=at, sha256=rival.envelope_id)
    return term("arrived_before", subject=known.subject, at=at, sha256=rival.envelope_id)
