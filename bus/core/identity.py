"""The ids of envelopes and deliveries, as digests of their content: one id, one content.

The wire contract (`docs/wire-contract.md`, Identity) defines them. Every value is a SHA-256 digest
of canonical JSON.
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
"""Fields that do not count as header: hops, staff, reason, raw values, printed receivers.

Receivers and attachments are digested separately: receivers sorted, and attachments by name and
SHA-256 only.
"""


def document_identity(document: Document, sender: AgencyCode) -> str:
    """Digest of sender, document id, number, notation, issue date and business type."""
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
    """The content hash: equal whenever one document is read, in whatever format."""
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
    """The idempotency key of a status, as a digest.

    It includes number, date and the answered envelope, because document ids are reused and a recall
    has the id of its target. Status 05 may occur several times, so its time and description count
    too. A party reports every other status once for each document.
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
    """The id of an envelope with this identity and content."""
    return EnvelopeId(_digest(identity, content_hash))


def delivery_id(envelope: EnvelopeId, mailbox: MailboxName) -> DeliveryId:
    """The id of the delivery of one envelope to one mailbox."""
    return DeliveryId(_digest(envelope, mailbox))


def _digest(*parts: object) -> str:
    return _sha256(*map(_canonical, parts))


def _sha256(*canonical: object) -> str:
    return sha256(to_json(canonical)).hexdigest()


def _canonical(value: object) -> object:
    """A value in the form that is digested."""
    if isinstance(value, str):
        return value if value.isascii() else normalize("NFC", value)
    if isinstance(value, Value):
        return _said(value)
    if isinstance(value, tuple):
        return [_canonical(item) for item in value]
    return value


def _said(value: Value) -> dict[str, object]:
    """The fields of a value, sorted by name, without those that have their default.

    This code replaces pydantic's dump because it runs twice for every message and takes half the
    time.
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
    """The fields that count, sorted by name, with their defaults."""
    apart = _NOT_IN_THE_HEADER.get(kind, frozenset())
    fields = sorted(kind.model_fields.items())
    return tuple((name, field.default) for name, field in fields if name not in apart)
