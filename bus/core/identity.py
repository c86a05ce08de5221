"""Identity: which content an envelope id stands for, so that one id always means one content.

Handbook section 6 defines document identity and content hash; the wire contract (version 1) builds
envelope and delivery ids on them. Everything here is a digest of canonical JSON.
"""

import json
from hashlib import sha256
from unicodedata import normalize

from schemas.codes import StatusCode
from schemas.document import Document
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.status import StatusReport

_HEADER = frozenset(
    {
        "from_agency",
        "document_id",
        "number",
        "notation",
        "place",
        "issued_on",
        "type_code",
        "type_name",
        "subject",
        "content",
        "signer",
        "due_on",
        "priority",
        "circulation",
        "drafter",
        "copies",
        "pages",
        "appendixes",
        "response_for",
    }
)
_BUSINESS = frozenset(
    {
        "type",
        "target_document_id",
        "content_changes",
        "receivers_change",
        "receiver_changes",
        "replacements",
    }
)
"""Fields 1 to 12 and the business lists; receivers and attachments are added in their own form.

Left out on purpose: hops, staff, reason, raw values and content ids. They change on the way.
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
    header = document.model_dump(mode="json", include=set(_HEADER), exclude_defaults=True)
    business = document.bussiness.model_dump(
        mode="json", include=set(_BUSINESS), exclude_defaults=True
    )
    receivers = sorted(
        (r.model_dump(mode="json", exclude_defaults=True) for r in document.to_agencies),
        key=lambda receiver: str(receiver["organ_id"]),
    )
    files = [(attachment.name, attachment.sha256) for attachment in document.attachments]
    return _digest(header, business, receivers, files)


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
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # No character of JSON's own syntax composes with a following mark, so the text as a whole
    # may be normalised: the strings in it become NFC and nothing else moves.
    return sha256(normalize("NFC", text).encode()).hexdigest()
