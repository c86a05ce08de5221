"""Identity: which content an envelope id stands for, so that one id always means one content.

Handbook section 6 defines document identity and content hash; the wire contract (version 1) builds
envelope and delivery ids on them. Everything here is a digest of canonical JSON.
"""

import json
from hashlib import sha256
from unicodedata import normalize

from pydantic.main import IncEx

from schemas.codes import StatusCode
from schemas.document import Document
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.status import StatusReport

_CHANGES_ON_THE_WAY: dict[str, IncEx | bool] = {
    "hops": True,
    "raw": True,
    "to_places": True,
    "to_agencies": True,
    "attachments": True,
    "bussiness": {"reason", "paper_raw", "staff"},
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
    header = document.model_dump(mode="json", exclude=_CHANGES_ON_THE_WAY, exclude_defaults=True)
    if not header.get("bussiness"):
        header.pop("bussiness", None)
    receivers = sorted(
        (r.model_dump(mode="json", exclude_defaults=True) for r in document.to_agencies),
        key=lambda receiver: str(receiver["organ_id"]),
    )
    files = [(attachment.name, attachment.sha256) for attachment in document.attachments]
    return _digest(header, receivers, files)


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
    text = _CANONICAL.encode(parts)
    # No character of JSON's own syntax composes with a following mark, so the text as a whole
    # may be normalised: the strings in it become NFC and nothing else moves.
    return sha256((text if text.isascii() else normalize("NFC", text)).encode()).hexdigest()


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
