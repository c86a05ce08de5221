"""Content: what is signed inside a seal, and held against what stands in sight."""

import struct
from datetime import datetime

from pydantic import ValidationError

from bus.core.keyring import KeyRing
from bus.core.sealing.identity import sealed_ids
from bus.core.signing import SigningKey, sign, verify
from schemas.envelope import Envelope
from schemas.problem import AxisError
from schemas.sealing import Sealed, SealedContent

SIGNED = b"lienthong sealed content 1\n"
"""Stands before the content when it is signed: it can never be passed off as an envelope, nor
an envelope as it."""

_PADDED_TO = 4096
"""The length of the ciphertext tells the length of the content only in steps of so many bytes."""

_LENGTH = struct.Struct(">I")


def signed_content(content: SealedContent, *, signing: SigningKey, now: datetime) -> bytes:
    """The bytes to seal: the sender's signature over the content, and the content."""
    inner = content.to_json()
    return framed(sign(SIGNED + inner, key=signing, now=now), inner)


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
        raise _broken("there is no signed content in it") from error
    try:
        proof = verify(SIGNED + inner, signature, keys=keys, now=now)
    except AxisError as error:
        raise AxisError.of("E_SEAL_SIGNATURE", cause=str(error.problem)) from error
    if proof.owner != envelope.sender_mailbox:
        cause = f"signed by {proof.owner}, but sent by {envelope.sender_mailbox}"
        raise AxisError.of("E_SEAL_SIGNATURE", cause=cause)
    try:
        content = SealedContent.model_validate_json(inner)
    except ValidationError:
        # `from None`: its words may quote content.
        raise _broken("the content does not follow its schema") from None
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
        ("the sender", content.sender == envelope.sender),
        ("the sender's mailbox", content.sender_mailbox == envelope.sender_mailbox),
        ("the list of recipients", content.recipients == envelope.recipients),
        ("the sending time", content.sent_at == envelope.sent_at),
        ("the urgency", document.lane == sealed.lane),
        ("the list of files", inside == outside and named <= {file.of for file in content.files}),
        ("the envelope id", content.envelope_id == envelope.envelope_id),
        ("the envelope id", ids == (envelope.envelope_id, envelope.content_hash)),
    ):
        if not agrees:
            raise AxisError.of("E_SEAL_BINDING", what=what)


def _broken(cause: str) -> AxisError:
    return AxisError.of("E_SEAL_BROKEN", cause=cause)
