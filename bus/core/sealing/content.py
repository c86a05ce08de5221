"""Content: what is signed inside a seal, and held against what stands in sight."""

import struct
from datetime import datetime

from pydantic import ValidationError

from bus.core.keyring import KeyRing
from bus.core.sealing.identity import sealed_ids
from bus.core.signing import verify
from schemas.envelope import Envelope
from schemas.problem import AxisError
from schemas.sealing import Sealed, SealedContent
from schemas.term import Coded, term

SIGNED = b"lienthong sealed content 1\n"
"""Stands before the content when it is signed: it can never be passed off as an envelope, nor
an envelope as it."""

_PADDED_TO = 4096
"""The length of the ciphertext tells the length of the content only in steps of so many bytes."""

_LENGTH = struct.Struct(">I")


def proven_content(
    plain: bytes, envelope: Envelope, sealed: Sealed, *, keys: KeyRing, now: datetime
) -> SealedContent:
    """Verify the inner signature, then parse, then hold the inside against the outside.

    Raises:
        DocumentError: E_SEAL_SIGNATURE: it is not the sender's. E_SEAL_BINDING: the content was
            signed for another envelope. E_SEAL_BROKEN: it is no content.
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
        # `from None`: its words may quote content.
        raise _broken(term("seal_schema")) from None
    _judge(content, envelope, sealed)
    return content


def framed(signature: str, inner: bytes) -> bytes:
    """Signature and content, each after its length, filled up with zeros."""
    made = signature.encode("ascii")
    filled = b"".join((_LENGTH.pack(len(made)), made, _LENGTH.pack(len(inner)), inner))
    return filled + bytes(-len(filled) % _PADDED_TO)


def unframed(plain: bytes) -> tuple[str, bytes]:
    """Signature and content. Raises `ValueError`: it is nothing that `framed` gives."""
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


def _judge(content: SealedContent, envelope: Envelope, sealed: Sealed) -> None:
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
