"""Conflict: says what arrived before a document with other content, so that a person can decide."""

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
    """E_CONFLICT, which names what arrived before: when, its subject, its envelope.

    Args:
        rival: None: its hand-over was given up meanwhile.
        envelope: What arrives now; None: it was sealed, and no word of it or of what came before
            is told to anybody but its recipient.
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
