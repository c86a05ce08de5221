"""Make an envelope from content, and open a verified envelope."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, ValidationError

from bus.core.bounds import check
from bus.core.identity import document_hash, document_identity, envelope_id, report_identity
from bus.core.signing import Verified
from schemas.codes import EnvelopeKind
from schemas.document import Document
from schemas.envelope import MAX_BODY_BYTES, WIRE_VERSION, Envelope, Receipt, Recipient
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import AxisError, Place, Warned
from schemas.reading import SignatureCheck, Source
from schemas.status import StatusReport
from schemas.term import Coded, term
from schemas.validation import finding_term

_MAJOR = WIRE_VERSION.partition(".")[0]


def envelope_of(
    content: Document | Receipt,
    *,
    sender: AgencyCode,
    sender_mailbox: MailboxName,
    recipients: Sequence[Recipient],
    sent_at: datetime,
    source: Source | None = None,
    source_signature: SignatureCheck | None = None,
    warnings: Sequence[Warned] = (),
) -> Envelope:
    """Make the envelope of a document or receipt; the same one always gets the same envelope id.

    A receipt has one recipient, and its identity is also its content hash.
    """
    if isinstance(content, Document):
        kind, document, receipt = EnvelopeKind.DOCUMENT, content, None
        identity, content_hash = document_identity(content, sender), document_hash(content)
    else:
        kind, document, receipt = EnvelopeKind.RECEIPT, None, content
        identity = report_identity(content.report, sender, recipients[0].agency, content.answers)
        content_hash = identity
    return Envelope(
        version=WIRE_VERSION,
        kind=kind,
        envelope_id=envelope_id(identity, content_hash),
        content_hash=content_hash,
        sender=sender,
        sender_mailbox=sender_mailbox,
        recipients=tuple(recipients),
        sent_at=sent_at,
        document=document,
        receipt=receipt,
        source=source,
        source_signature=source_signature,
        warnings=tuple(warnings),
    )


def body_of(envelope: Envelope) -> bytes:
    """The exact bytes to sign. Raises `DocumentError` E_TOO_LARGE, or as `bounds.check`."""
    body = envelope.to_json()
    if len(body) > MAX_BODY_BYTES:
        raise AxisError.of("E_TOO_LARGE", size=len(body), limit=MAX_BODY_BYTES)
    check(envelope, body)
    return body


def open_envelope(verified: Verified) -> Envelope:
    """Parse a verified body, and check the version, the ids and the owner of the key.

    Raises:
        DocumentError: E_UNSUPPORTED_VERSION, E_ENVELOPE (schema), E_FORGED when the sender or an id
            does not match, or as `bounds.check`. Never retry.
    """
    try:
        envelope = Envelope.model_validate_json(verified.body)
    except ValidationError as invalid:
        _refuse_newer(_version_in(verified.body))
        first = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
        raise AxisError.of(
            "E_ENVELOPE",
            place=Place(field=".".join(str(part) for part in first["loc"])),
            cause=finding_term(first),
        ) from invalid
    _refuse_newer(envelope.version)
    check(envelope, verified.body)
    if verified.owner != envelope.sender_mailbox:
        raise _forged(
            term("signed_by_other", signer=verified.owner, sender=envelope.sender_mailbox)
        )
    if envelope.sealed is not None:
        # Only who can open it can check its ids, because they depend on a secret salt.
        return envelope
    identity = identity_of(envelope)
    content_hash = document_hash(envelope.document) if envelope.document else identity
    if content_hash != envelope.content_hash:
        raise _forged(term("content_hash"))
    if envelope_id(identity, content_hash) != envelope.envelope_id:
        raise _forged(term("envelope_id"))
    return envelope


def identity_of(envelope: Envelope) -> str:
    """The identity of an envelope's content."""
    match envelope.message:
        case Document() as document:
            return document_identity(document, envelope.sender)
        case StatusReport() as report:
            addressee = envelope.recipients[0].agency
            answers = envelope.receipt.answers if envelope.receipt else None
            return report_identity(report, envelope.sender, addressee, answers)


class _VersionOnly(BaseModel):
    version: str


def _version_in(body: bytes) -> str:
    try:
        return _VersionOnly.model_validate_json(body).version
    except ValidationError:
        return WIRE_VERSION


def _refuse_newer(version: str) -> None:
    if version.partition(".")[0] != _MAJOR:
        raise AxisError.of("E_UNSUPPORTED_VERSION", version=version)


def _forged(cause: Coded) -> AxisError:
    return AxisError.of("E_FORGED", cause=cause)
