"""Parties: who may report on a document, and who may recall, update or replace it.

Handbook 3.2 and section 4. Only a document that is known can prove that somebody is no party; what
is said of an unknown document passes with a warning, because bodies exchanged documents before
they joined the axis (decision record 0005).
"""

from collections.abc import Sequence

from bus.core.record import DocumentRecord
from schemas.codes import BusinessType, StatusCode
from schemas.document import Document
from schemas.identifiers import AgencyCode
from schemas.problem import AxisError, Warned
from schemas.status import StatusReport


def judge_report(
    report: StatusReport,
    *,
    sender: AgencyCode,
    addressee: AgencyCode,
    known: Sequence[DocumentRecord],
) -> tuple[Warned, ...]:
    """Judge whether `sender` may tell `addressee` this status.

    Args:
        known: The documents that the report may mean, found by id, or by number and year.

    Raises:
        DocumentError: E_STATUS_NOT_PARTY: it is known, and the reporter is no party to it.
    """
    taken_back = report.code == StatusCode.TAKE_BACK
    owner, receiver = (sender, addressee) if taken_back else (addressee, sender)
    own = [record for record in known if record.sender == owner]
    if not any(receiver in record.recipients for record in own):
        if any(_is_certainly(record, report.document_code) for record in known):
            raise _no_party(report, sender)
        params = {"document_id": _named(report)}
        return (Warned(code="W_STATUS_TARGET_UNKNOWN", params=params),)
    if report.document_id is None:
        return (Warned(code="W_MATCH_BY_NUMBER"),)
    return ()


def targets_of(document: Document) -> tuple[str, ...]:
    """The ids of the documents that a recall, update or replacement is about."""
    block = document.bussiness
    match block.type:
        case BusinessType.NEW:
            return ()
        case BusinessType.RECALL | BusinessType.UPDATE:
            return (block.target_document_id or document.document_id,)
        case BusinessType.REPLACE:
            return tuple(replacement.document_id for replacement in block.replacements)


def judge_targets(
    document: Document, *, sender: AgencyCode, known: Sequence[DocumentRecord]
) -> tuple[Warned, ...]:
    """Judge whether `sender` may recall, update or replace the documents it names.

    Args:
        known: All recorded documents with one of the ids in `targets_of(document)`.

    Raises:
        DocumentError: E_NOT_OWNER: a target is known, and somebody else sent it.
    """
    warnings = []
    for target in targets_of(document):
        found = [record for record in known if record.document_id == target]
        strangers = any(_is_certainly(record, _number_of_target(document)) for record in found)
        if strangers and not any(record.sender == sender for record in found):
            raise AxisError.of("E_NOT_OWNER", sender=sender, document_id=target)
        if not any(record.sender == sender for record in found):
            warnings.append(Warned(code="W_TARGET_UNKNOWN", params={"document_id": target}))
    return tuple(warnings)


def judge_reuse(
    document: Document,
    *,
    sender: AgencyCode,
    identity: str,
    known: Sequence[DocumentRecord],
) -> tuple[Warned, ...]:
    """Warn of a document id, or a number of the year, that its sender used before (handbook 6).

    Both are delivered all the same: some systems number documents by a short local count. A
    recall, update or replacement repeats its target's on purpose.

    Args:
        known: Recorded documents with the same id, or the same number and year.
    """
    if document.bussiness.type is not BusinessType.NEW:
        return ()
    others = [r for r in known if r.sender == sender and r.identity != identity]
    warnings = []
    if any(record.document_id == document.document_id for record in others):
        params = {"value": document.document_id}
        warnings.append(Warned(code="W_ID_REUSED", params=params))
    number = document.full_number
    if number and any(
        record.full_number == number and record.document_id != document.document_id
        for record in others
    ):
        warnings.append(Warned(code="W_NUMBER_REUSED", params={"value": number}))
    return tuple(warnings)


def _number_of_target(document: Document) -> str | None:
    """A recall or an update repeats its target's header; a replacement has a number of its own."""
    replaces = document.bussiness.type is BusinessType.REPLACE
    return None if replaces else document.full_number


def _is_certainly(record: DocumentRecord, number: str | None) -> bool:
    """Whether the record found by its id is the document that is meant, whoever sent it.

    Many systems count their documents 1, 2, 3 (handbook 6, form C): another agency's 15 is not
    one's own. An id in form A names its agency; else the number must agree as well.
    """
    return "," in record.document_id or number in (None, record.full_number)


def _named(report: StatusReport) -> str:
    return report.document_id or report.document_code or "?"


def _no_party(report: StatusReport, sender: AgencyCode) -> AxisError:
    return AxisError.of(
        "E_STATUS_NOT_PARTY", sender=sender, status=report.code, document_id=_named(report)
    )
