"""The sealed content: its ids, its signature, and the check against the readable envelope."""

import hmac
import struct
from datetime import datetime
from hashlib import sha256

from pydantic import ValidationError
from pydantic_core import to_json

from bus.core.identity import document_hash, document_identity
from bus.core.keyring import KeyRing
from bus.core.signing import verify
from schemas.document import Document
from schemas.envelope import Envelope
from schemas.identifiers import AgencyCode, EnvelopeId
from schemas.problem import AxisError
from schemas.sealing import Sealed, SealedContent
from schemas.term import Coded, term

SIGNED = b"lienthong sealed content 1\n"
"""The prefix of the signed content, so that it cannot be used as an envelope, nor the reverse."""

_SALT = b"lienthong sealed salt 1\n"
_PADDED_TO = 4096
"""The content is padded to a multiple of this, in bytes, to hide its exact length."""

_LENGTH = struct.Struct(">I")


def salt_of(document: Document, *, sender: AgencyCode, secret: bytes) -> str:
    """The salt of a document: always the same for one document, different for all others.

    Args:
        secret: The sender's own. Whoever has it can test guesses of the content.
    """
    return hmac.new(secret, _SALT + _identity(document, sender), sha256).hexdigest()


def sealed_ids(document: Document, *, sender: AgencyCode, salt: str) -> tuple[EnvelopeId, str]:
    """Envelope id and content hash of a sealed document, computed with the salt.

    A plain digest of the content would confirm a correct guess. Only sender and recipients know the
    salt. All recipients get the same ids, so the sender cannot send them different contents.
    """
    key = bytes.fromhex(salt)
    content_hash = hmac.new(key, _identity(document, sender), sha256).hexdigest()
    return EnvelopeId(sha256(to_json(["sealed", content_hash])).hexdigest()), content_hash


def _identity(document: Document, sender: AgencyCode) -> bytes:
    return to_json([document_identity(document, sender), document_hash(document)])


def proven_content(
    plain: bytes, envelope: Envelope, sealed: Sealed, *, keys: KeyRing, now: datetime
) -> SealedContent:
    """Verify the inner signature, parse the content, and compare it with the envelope.

    Raises:
        DocumentError: E_SEAL_SIGNATURE: the sender did not sign it. E_SEAL_BINDING: it was signed
            for another envelope. E_SEAL_BROKEN: it cannot be parsed.
    """
    try:
        signature, inner = unframed(plain)
    except ValueError as error:
        raise _broken(term("seal_empty")) from error
    try:
        proof = verify(SIGNED + inner, signature, keys=keys, now=now)
    except AxisError as error:
        raise AxisError.of("E_SEAL_SIGNATURE", cause=error.problem) from error
    if proof.owner != envelope.sender_mailbox:
        cause = term("signed_by_other", signer=proof.owner, sender=envelope.sender_mailbox)
        raise AxisError.of("E_SEAL_SIGNATURE", cause=cause)
    try:
        content = SealedContent.model_validate_json(inner)
    except ValidationError:
        # `from None`: the message of pydantic may quote content.
        raise _broken(term("seal_schema")) from None
    _check_binding(content, envelope, sealed)
    return content


def framed(signature: str, inner: bytes) -> bytes:
    """Join signature and content, each after its length, and pad them with zeros."""
    made = signature.encode("ascii")
    filled = b"".join((_LENGTH.pack(len(made)), made, _LENGTH.pack(len(inner)), inner))
    return filled + bytes(-len(filled) % _PADDED_TO)


def unframed(plain: bytes) -> tuple[str, bytes]:
    """Split what `framed` returned. Raises `ValueError` for anything else."""
    signature, rest = _first(plain)
    inner, padding = _first(rest)
    if padding.strip(b"\0") or len(padding) >= _PADDED_TO or len(plain) % _PADDED_TO:
        raise ValueError("it is not filled up with zeros")
    return signature.decode("ascii"), inner


def _first(rest: bytes) -> tuple[bytes, bytes]:
    if len(rest) < _LENGTH.size:
        raise ValueError("it ends too early")
    end = _LENGTH.size + int(_LENGTH.unpack_from(rest)[0])
    if len(rest) < end:
        raise ValueError("it ends too early")
    return rest[_LENGTH.size : end], rest[end:]


def _check_binding(content: SealedContent, envelope: Envelope, sealed: Sealed) -> None:
    document = content.document
    inside = [file.sealed for file in content.files]
    outside = [file.sha256 for file in sealed.files]
    named = {attachment.sha256 for attachment in document.attachments}
    if content.source is not None:
        named.add(content.source.sha256)
    ids = sealed_ids(document, sender=content.sender, salt=content.salt)
    for what, agrees in (
        ("sender", content.sender == envelope.sender),
        ("sender_mailbox", content.sender_mailbox == envelope.sender_mailbox),
        ("recipients", content.recipients == envelope.recipients),
        ("sent_at", content.sent_at == envelope.sent_at),
        ("urgency", document.lane == sealed.lane),
        ("files", inside == outside and named <= {file.of for file in content.files}),
        ("envelope_id", content.envelope_id == envelope.envelope_id),
        ("envelope_id", ids == (envelope.envelope_id, envelope.content_hash)),
    ):
        if not agrees:
            raise AxisError.of("E_SEAL_BINDING", what=term(what))


def _broken(cause: Coded) -> AxisError:
    return AxisError.of("E_SEAL_BROKEN", cause=cause)
