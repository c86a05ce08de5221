"""Normal form: bring a message from JSON into the form that the readers of all formats give.

JSON can say what no packet can: empty objects, a target where none is meant, fractions of a second.
All formats must give the same message for the same document, so that its ids are the same.
"""

from datetime import UTC, datetime

from adapters.contract import Message
from adapters.formats.findings import Findings
from adapters.formats.value_range import refuse_beyond
from schemas.codes import BusinessType
from schemas.document import Bussiness, Document, Hop, ResponseFor, Signer, Staff
from schemas.problem import DocumentError, Place
from schemas.status import StatusReport

_TARGETED = frozenset({BusinessType.RECALL, BusinessType.UPDATE})
_LEFTOVER = "TraceHeaderList/Bussiness/DocumentId"


def in_normal_form(message: Message, findings: Findings, path: str) -> Message:
    """Return the message in normal form; each repair becomes a warning in `findings`.

    Args:
        path: The member that contains the message.

    Raises:
        DocumentError: E_RANGE; or E_MISSING_ID: a status does not say which document it is about.
    """
    refuse_beyond(message, path)
    if isinstance(message, StatusReport):
        return _report(message, findings, path)
    return _document(message, findings, path)


def _report(report: StatusReport, findings: Findings, path: str) -> StatusReport:
    if report.document_id is None and report.document_code is None:
        raise DocumentError.of("E_MISSING_ID", place=Place(field=f"{path}.document_id"))
    staff = None if report.staff == Staff() else report.staff
    at = _stamp(report.at, findings, f"{path}.at")
    return report.model_copy(update={"staff": staff, "at": at})


def _document(document: Document, findings: Findings, path: str) -> Document:
    responses = []
    for index, response in enumerate(document.response_for):
        if response == ResponseFor():
            findings.warn("W_EMPTY_RESPONSEFOR", field=f"{path}.response_for.{index}")
        else:
            responses.append(response)
    hops = tuple(
        Hop(organ_id=hop.organ_id, at=_stamp(hop.at, findings, f"{path}.hops.{index}.at"))
        for index, hop in enumerate(document.hops)
    )
    fields: dict[str, object] = {
        "signer": None if document.signer == Signer() else document.signer,
        "response_for": tuple(responses),
        "hops": hops,
        "bussiness": _bussiness(document.bussiness),
    }
    leftover = document.bussiness.target_document_id
    if leftover is not None and document.bussiness.type not in _TARGETED:
        # As in a packet: left over from another message; it is ignored and kept.
        fields["raw"] = {_LEFTOVER: leftover, **document.raw}
    return document.model_copy(update=fields)


def _bussiness(block: Bussiness) -> Bussiness:
    target = block.target_document_id if block.type in _TARGETED else None
    staff = tuple(each for each in block.staff if each != Staff())
    return block.model_copy(update={"target_document_id": target, "staff": staff})


def _stamp(moment: datetime | None, findings: Findings, path: str) -> datetime | None:
    """The moment in UTC and in whole seconds, as in packets."""
    if moment is None:
        return None
    stamp = moment.astimezone(UTC).replace(microsecond=0)
    if stamp != moment:
        value, date = moment.isoformat(), stamp.isoformat()
        findings.warn("W_DATE_FORM", field=path, value=value, date=date)
    return stamp
