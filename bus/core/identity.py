"""Identity: which content an envelope id stands for, so that one id always means one content.

Handbook section 6 defines document identity and content hash; the wire contract (version 1) builds
envelope and delivery ids on them. Everything here is a digest of canonical JSON.
"""

from functools import cache
from hashlib import sha256
from unicodedata import normalize

from pydantic_core import to_json

from schemas.codes import StatusCode
from schemas.document import Bussiness, Document
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.status import StatusReport
from schemas.value import Value

_NOT_IN_THE_HEADER: dict[type[Value], frozenset[str]] = {
    Document: frozenset({"hops", "raw", "to_places", "to_agencies", "attachments"}),
    Bussiness: frozenset({"reason", "paper_raw", "staff"}),
}
"""Not content: hops, staff, reason, raw values, the printed list of receivers.

Receivers and attachments are content, but count in a form of their own: sorted, and without what
a reader found out about a file.
"""


def document_identity(document: Document, sender: AgencyCode) -> str:
    """Digest of (canonical sender, document id, code, issue date, business type)."""
    return _digest(
        "document",
        sender,
        document.document_id,
        document.number,
        document.notation,
        document.issued_on.isoformat() if document.issued_on else None,
        int(document.bussiness.type),
    )


def document_hash(document: Document) -> str:
    """The content hash: equal for two readings of one document, whatever format carried it."""
    header = _said(document)
    if not header.get("bussiness"):
        header.pop("bussiness", None)
    receivers = sorted(
        (_said(receiver) for receiver in document.to_agencies),
        key=lambda receiver: str(receiver["organ_id"]),
    )
    files = [
        (_canonical(attachment.name), attachment.sha256) for attachment in document.attachments
    ]
    return _sha256(header, receivers, files)


def report_identity(
    report: StatusReport,
    sender: AgencyCode,
    addressee: AgencyCode,
    answers: EnvelopeId | None = None,
) -> str:
    """The idempotency key of a status (handbook 3.3), digested.

    Number, date and the answered envelope belong to it, because document ids are used again and a
    recall bears the id of its target. Status 05 may repeat, so its stamp and description count
    too; every other status of one party on one document is said once.
    """
    repeatable = (
        (report.at.isoformat() if report.at else None, report.description)
        if report.code == StatusCode.IN_PROCESS
        else None
    )
    return _digest(
        "status",
        sender,
        addressee,
        report.document_id,
        report.document_code,
        report.issued_on.isoformat() if report.issued_on else None,
        answers,
        report.code,
        repeatable,
    )


def envelope_id(identity: str, content_hash: str) -> EnvelopeId:
    """One id, one content."""
    return EnvelopeId(_digest(identity, content_hash))


def delivery_id(envelope: EnvelopeId, mailbox: MailboxName) -> DeliveryId:
    """One envelope for one mailbox."""
    return DeliveryId(_digest(envelope, mailbox))


def _digest(*parts: object) -> str:
    return _sha256(*map(_canonical, parts))


def _sha256(*canonical: object) -> str:
    return sha256(to_json(canonical)).hexdigest()


def _canonical(value: object) -> object:
    """A value in the one spelling that is digested."""
    if isinstance(value, str):
        return value if value.isascii() else normalize("NFC", value)
    if isinstance(value, Value):
        return _said(value)
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    return value


def _said(value: Value) -> dict[str, object]:
    """The content of a value by field name, sorted, without what holds its default.

    By hand, because it is done twice for every message: half the time of pydantic's dump, a sorting
    JSON encoder and the normalisation of the whole text.
    """
    held = value.__dict__
    said: dict[str, object] = {}
    for name, default in _content_of(type(value)):
        found = held[name]
        if found is not None and found != default:
            said[name] = _canonical(found)
    return said


@cache
def _content_of(kind: type[Value]) -> tuple[tuple[str, object], ...]:
    """The fields that are content, sorted by name, with their defaults."""
    apart = _NOT_IN_THE_HEADER.get(kind, frozenset())
    fields = sorted(kind.model_fields.items())
    return tuple((name, field.default) for name, field in fields if name not in apart)
