"""Content: the fields of an envelope as lines for people."""

from collections.abc import Iterator

from bus.cli.legible import legible, size
from bus.cli.moment import shown_exactly
from schemas.document import Document
from schemas.envelope import Envelope, Receipt
from schemas.sealing import Sealed

Line = tuple[str, str]


def content_of(envelope: Envelope) -> Iterator[Line]:
    """The lines, made safe to print."""
    for name, value in _lines(envelope):
        if value:
            yield name, legible(value)


def _lines(envelope: Envelope) -> Iterator[Line]:
    yield "envelope", envelope.envelope_id
    yield "sent", f"{shown_exactly(envelope.sent_at)} by {envelope.sender}"
    for recipient in envelope.recipients:
        yield "recipient", _recipient(recipient.agency, recipient.mailbox)
    if envelope.sealed is not None:
        yield from _sealed(envelope.sealed)
    if envelope.document is not None:
        yield from _document(envelope.document)
    if envelope.receipt is not None:
        yield from _receipt(envelope.receipt)


def _recipient(agency: str, mailbox: str) -> str:
    return agency if mailbox == agency else f"{agency} (mailbox {mailbox})"


def _sealed(sealed: Sealed) -> Iterator[Line]:
    yield "sealed", "only its recipients can open it"
    yield "lane", sealed.lane
    for key in sealed.keys:
        yield "sealed to", f"{key.mailbox}, key {key.key_id[:12]}, {key.suite}"
    for file in sealed.files:
        yield "sealed file", size(file.size)
        yield "  sha256", file.sha256


def _document(document: Document) -> Iterator[Line]:
    yield "document id", document.document_id
    yield "number", document.full_number or ""
    yield "type", document.type_name or ""
    yield "date", f"{document.issued_on:%d/%m/%Y}" if document.issued_on else ""
    yield "subject", document.subject or ""
    yield "urgency", document.priority.name.lower().replace("_", " ")
    yield "business", document.bussiness.type.name.lower()
    yield "target", document.bussiness.target_document_id or ""
    for attachment in document.attachments:
        yield "attachment", f"{attachment.name}, {size(attachment.size)}"
        yield "  sha256", attachment.sha256


def _receipt(receipt: Receipt) -> Iterator[Line]:
    report = receipt.report
    yield "status", report.code
    yield "on document", report.document_id or report.document_code or ""
    yield "description", report.description or ""
    yield "at", shown_exactly(report.at) if report.at else ""
    yield "problem", str(receipt.problem) if receipt.problem else ""
