"""Judgement: warnings about missing or contradictory fields, the same for every format."""

from datetime import date

from adapters.formats.findings import Findings
from schemas.codes import STATUS_NEEDS_REASON, BusinessType, StatusCode
from schemas.document import Document
from schemas.problem import DocumentError, Place
from schemas.secrecy import declared_mark
from schemas.status import StatusReport
from schemas.vietnam import day_in_vietnam

_KNOWN_STATUSES = frozenset(StatusCode)
_WIRE_NAMES = {
    "number": "CodeNumber",
    "notation": "CodeNotation",
    "issued_on": "PromulgationDate",
    "type_code": "Type",
    "type_name": "TypeName",
    "subject": "Subject",
    "content": "Content",
    "circulation": "SphereOfPromulgation",
    "drafter": "TyperNotation",
    "signer.full_name": "FullName",
}
"""The element of QCVN 102 that a warning names, by canonical field."""


def judge_document(document: Document, findings: Findings, *, today: date) -> None:
    """Warn of missing fields, of an issue date in the future and of repeated receivers.

    Raises:
        DocumentError: It declares a mark of State secrecy (E_STATE_SECRET), or there are too many
            receivers (E_LIMIT).
    """
    findings.refuse_many(len(document.to_agencies))
    if declared := declared_mark(document):
        field, mark = declared
        place = Place(field=_WIRE_NAMES.get(field, field))
        raise DocumentError.of("E_STATE_SECRET", place=place, mark=mark)
    for name in document.missing_fields:
        findings.missing(_WIRE_NAMES[name])
    if document.bussiness.type is not BusinessType.NEW and document.bussiness.reason is None:
        findings.missing("BussinessDocReason")
    if document.issued_on is not None and document.issued_on > today:
        findings.warn("W_DATE_FUTURE", field="PromulgationDate", date=document.issued_on)
    seen: set[str] = set()
    for agency in document.to_agencies:
        if agency.organ_id in seen:
            findings.warn("W_DUPLICATE_RECEIVER", field="To", code=agency.organ_id)
        seen.add(agency.organ_id)


def judge_status(report: StatusReport, findings: Findings) -> None:
    """Warn of missing fields, an unknown code, a missing reason and an early stamp."""
    for element, value in (
        ("Code", report.document_code),
        ("DocumentId", report.document_id),
        ("Timestamp", report.at),
    ):
        if value is None:
            findings.missing(element)
    if report.code not in _KNOWN_STATUSES:
        findings.warn("W_STATUS_UNKNOWN", field="StatusCode", value=report.code)
    elif report.code in STATUS_NEEDS_REASON and report.description is None:
        findings.warn("W_STATUS_REASON", field="Description", value=report.code)
    if report.at and report.issued_on and day_in_vietnam(report.at) < report.issued_on:
        findings.warn("W_STATUS_EARLY", field="Timestamp")
