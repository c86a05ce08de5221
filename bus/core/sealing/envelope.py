"""Envelope: a document sealed into one, and opened again; how inside and outside are bound.

The outer signature covers wrapped keys, ciphertext and files; the inner one covers the content and
names sender, recipients, time, files and envelope. Wrapped keys and ciphertext are bound to all
that stands in sight. So nothing of one envelope serves in another.
"""

import hmac
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import ValidationError
from pydantic_core import to_json

from bus.core.base64url import from_base64url, to_base64url
from bus.core.identity import document_hash, document_identity
from bus.core.keyring import KeyRing
from bus.core.sealing.key import PrivateSealingKey, PublicSealingKey, judge_choice
from bus.core.signing import SigningKey, Verified, sign, verify
from schemas.codes import EnvelopeKind
from schemas.document import Document
from schemas.envelope import SEALED_WIRE_VERSION, Envelope, Recipient
from schemas.identifiers import AgencyCode, EnvelopeId, MailboxName
from schemas.problem import AxisError, Warned
from schemas.reading import SignatureCheck, Source
from schemas.sealing import InnerFile, Sealed, SealedContent, SealedFile, WrappedKey

KEY_BYTES = 32

_PADDED_TO = 4096
"""The length of the ciphertext tells the length of the content only in steps of so many bytes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LENGTH = struct.Struct(">I")
_NONCE = bytes(12)
"""The key of the content seals one message only."""

# Each stands before what is derived or signed for one purpose, so that nothing serves another.
_CONTENT = b"lienthong sealed content 1\n"
_WRAP = b"lienthong sealed key 1\n"
_FILE = b"lienthong sealed file 1\n"
_SALT = b"lienthong sealed salt 1\n"
_ENVELOPE = "lienthong sealed envelope 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFile:
    """A file of a document, and what the attachment store holds of it: its ciphertext."""

    of: str
    sealed: SealedFile


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenFile:
    """How a file of an opened document is read.

    Attributes:
        sealed: Digest of the ciphertext, by which the attachment store finds it.
    """

    sealed: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """An opened envelope.

    Attributes:
        envelope: With the document in it; what stood in sight is unchanged.
        files: By the digest under which the document names them.
    """

    envelope: Envelope
    files: Mapping[str, OpenFile]


def file_key(content_key: bytes, place: int) -> bytes:
    """The key of the file at a place in the list of an envelope's files."""
    return _derived(content_key, _FILE + str(place).encode())


def salt_of(document: Document, *, sender: AgencyCode, secret: bytes) -> str:
    """What keys the ids of this document. The same at every reading, and known to no outsider.

    Args:
        secret: The sender's own; whoever has it could test a guess at the content.
    """
    said = to_json([document_identity(document, sender), document_hash(document)])
    return hmac.new(secret, _SALT + said, sha256).hexdigest()


def sealed_ids(document: Document, *, sender: AgencyCode, salt: str) -> tuple[EnvelopeId, str]:
    """Envelope id and content hash of a sealed document: one id, one content.

    Both are commitments: they tell nothing to who does not know the salt, and hold the sender to
    one content towards all recipients.
    """
    said = to_json([document_identity(document, sender), document_hash(document)])
    content_hash = hmac.new(bytes.fromhex(salt), said, sha256).hexdigest()
    return EnvelopeId(sha256(to_json(["sealed", content_hash])).hexdigest()), content_hash


def seal(
    document: Document,
    *,
    content_key: bytes,
    secret: bytes,
    keys: Sequence[PublicSealingKey],
    signing: SigningKey,
    sender: AgencyCode,
    sender_mailbox: MailboxName,
    recipients: Sequence[Recipient],
    sent_at: datetime,
    files: Sequence[KeptFile] = (),
    source: Source | None = None,
    source_signature: SignatureCheck | None = None,
    warnings: Sequence[Warned] = (),
) -> Envelope:
    """Seal a document to its recipients; the envelope is to be signed like any other.

    Args:
        content_key: 32 fresh random bytes, used for this envelope and its files alone.
        secret: The sender's own, the same at every reading.
        keys: One for each recipient's mailbox.
        files: Sealed with `file_key` at their places.
    """
    salt = salt_of(document, sender=sender, secret=secret)
    envelope_id, content_hash = sealed_ids(document, sender=sender, salt=salt)
    content = SealedContent(
        envelope_id=envelope_id,
        sender=sender,
        sender_mailbox=sender_mailbox,
        recipients=tuple(recipients),
        sent_at=sent_at,
        salt=salt,
        document=document,
        files=tuple(InnerFile(of=file.of, sealed=file.sealed.sha256) for file in files),
        source=source,
        source_signature=source_signature,
        warnings=tuple(warnings),
    )
    inner = content.to_json()
    plain = _framed(sign(_CONTENT + inner, key=signing, now=sent_at), inner)
    # Every part of it but content and wrapped keys is bound into these; hence the two steps.
    named = Envelope(
        version=SEALED_WIRE_VERSION,
        kind=EnvelopeKind.DOCUMENT,
        envelope_id=envelope_id,
        content_hash=content_hash,
        sender=sender,
        sender_mailbox=sender_mailbox,
        recipients=tuple(recipients),
        sent_at=sent_at,
        sealed=Sealed(
            lane=document.lane,
            keys=tuple(
                WrappedKey(mailbox=key.owner, suite=key.suite, key_id=key.key_id, wrapped="-")
                for key in keys
            ),
            content="-",
            files=tuple(file.sealed for file in files),
        ),
    )
    context = _context(named, _sealed_in(named))
    sealed = _sealed_in(named).model_copy(
        update={
            "keys": tuple(
                WrappedKey(
                    mailbox=key.owner,
                    suite=key.suite,
                    key_id=key.key_id,
                    wrapped=to_base64url(
                        key.suite.wrap(
                            content_key,
                            to=key.public_key,
                            info=_info(context, key.owner, key.key_id),
                        )
                    ),
                )
                for key in keys
            ),
            "content": to_base64url(
                AESGCM(_derived(content_key, _CONTENT)).encrypt(_NONCE, plain, context)
            ),
        }
    )
    return named.model_copy(update={"sealed": sealed})


def unseal(
    envelope: Envelope,
    verified: Verified,
    *,
    mailbox: MailboxName,
    private: Sequence[PrivateSealingKey],
    keys: KeyRing,
    now: datetime,
) -> Opened:
    """Open a sealed envelope for one of its mailboxes, and prove the inside against the outside.

    Args:
        envelope: As it was admitted.
        verified: The proof of its outer signature.
        private: The mailbox's own keys, the old ones too.

    Raises:
        DocumentError: E_SEAL_NOT_WRAPPED, E_SEAL_SUITE, E_SEAL_DOWNGRADE, E_SEAL_BROKEN,
            E_SEAL_SIGNATURE or E_SEAL_BINDING. Never retry.
        ConfigurationError: E_SEAL_NO_KEY: the private key is not here.
    """
    sealed = _sealed_in(envelope)
    content_key, context = _content_key(envelope, sealed, verified, mailbox, private)
    try:
        plain = AESGCM(_derived(content_key, _CONTENT)).decrypt(
            _NONCE, from_base64url(sealed.content), context
        )
        signature, inner = _unframed(plain)
    except (InvalidTag, ValueError) as error:
        raise _broken("the content was changed, or belongs to another envelope") from error
    content = _proven_content(inner, signature, envelope, keys=keys, now=now)
    _judge(envelope, sealed, content)
    return Opened(
        envelope=envelope.model_copy(
            update={
                "document": content.document,
                "source": content.source,
                "source_signature": content.source_signature,
                "warnings": content.warnings,
            }
        ),
        files={
            file.of: OpenFile(sealed=file.sealed, key=file_key(content_key, place))
            for place, file in enumerate(content.files)
        },
    )


def _content_key(
    envelope: Envelope,
    sealed: Sealed,
    verified: Verified,
    mailbox: MailboxName,
    private: Sequence[PrivateSealingKey],
) -> tuple[bytes, bytes]:
    """The content key, by this mailbox's own wrapped copy; and the context it is bound to."""
    named = [key.mailbox for key in sealed.keys]
    if len(set(named)) != len(named) or set(named) != {r.mailbox for r in envelope.recipients}:
        raise _unbound("the list of mailboxes it is sealed to")
    wrapped = next((key for key in sealed.keys if key.mailbox == mailbox), None)
    if wrapped is None:
        # It is addressed by the directory of today, but was sealed by that of yesterday.
        raise AxisError.of("E_SEAL_NOT_WRAPPED", mailbox=mailbox)
    own = next((key for key in private if key.key_id == wrapped.key_id), None)
    if own is None:
        raise AxisError.of("E_SEAL_NO_KEY", mailbox=mailbox, key_id=wrapped.key_id[:12])
    if wrapped.suite != own.suite:
        raise AxisError.of("E_SEAL_SUITE", suite=wrapped.suite)
    judge_choice(own, private, signed_at=verified.signed_at)
    context = _context(envelope, sealed)
    try:
        content_key = own.suite.unwrap(
            from_base64url(wrapped.wrapped),
            by=own.private_key,
            info=_info(context, mailbox, own.key_id),
        )
    except ValueError as error:
        raise _broken("the wrapped key was changed, or belongs to another envelope") from error
    if len(content_key) != KEY_BYTES:
        raise _broken("the content key has another length")
    return content_key, context


def _proven_content(
    inner: bytes, signature: str, envelope: Envelope, *, keys: KeyRing, now: datetime
) -> SealedContent:
    """Verify, then parse, as with the outer signature."""
    try:
        proof = verify(_CONTENT + inner, signature, keys=keys, now=now)
    except AxisError as error:
        raise AxisError.of("E_SEAL_SIGNATURE", cause=str(error.problem)) from error
    if proof.owner != envelope.sender_mailbox:
        cause = f"signed by {proof.owner}, but sent by {envelope.sender_mailbox}"
        raise AxisError.of("E_SEAL_SIGNATURE", cause=cause)
    try:
        return SealedContent.model_validate_json(inner)
    except ValidationError as error:
        # Its words may quote content.
        raise _broken("the content does not follow its schema") from error


def _judge(envelope: Envelope, sealed: Sealed, content: SealedContent) -> None:
    """Hold the inside against the outside. Raises `DocumentError` E_SEAL_BINDING."""
    document = content.document
    for what, inside, outside in (
        ("the sender", content.sender, envelope.sender),
        ("the sender's mailbox", content.sender_mailbox, envelope.sender_mailbox),
        ("the list of recipients", content.recipients, envelope.recipients),
        ("the sending time", content.sent_at, envelope.sent_at),
        ("the urgency", document.lane, sealed.lane),
        (
            "the list of files",
            [file.sealed for file in content.files],
            [file.sha256 for file in sealed.files],
        ),
        (
            "the envelope id",
            (content.envelope_id, envelope.content_hash),
            sealed_ids(document, sender=content.sender, salt=content.salt),
        ),
        ("the envelope id", content.envelope_id, envelope.envelope_id),
    ):
        if inside != outside:
            raise _unbound(what)
    files = {file.of for file in content.files}
    needed = {attachment.sha256 for attachment in document.attachments}
    if not needed | ({content.source.sha256} if content.source else set()) <= files:
        raise _unbound("the list of files")


def _context(envelope: Envelope, sealed: Sealed) -> bytes:
    """Digest of all that stands in sight, which is bound into wrapped keys and content."""
    return sha256(
        to_json(
            [
                _ENVELOPE,
                envelope.version,
                envelope.kind,
                envelope.envelope_id,
                envelope.content_hash,
                envelope.sender,
                envelope.sender_mailbox,
                [[each.agency, each.mailbox, each.named] for each in envelope.recipients],
                (envelope.sent_at - _EPOCH) // _MICROSECOND,
                sealed.lane,
                [[key.mailbox, key.suite, key.key_id] for key in sealed.keys],
                [[file.size, file.sha256] for file in sealed.files],
            ]
        )
    ).digest()


def _info(context: bytes, mailbox: MailboxName, key_id: str) -> bytes:
    return _WRAP + to_json([context.hex(), mailbox, key_id])


def _derived(content_key: bytes, purpose: bytes) -> bytes:
    """RFC 5869. No salt, because the content key is random from end to end."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(content_key)


def _framed(signature: str, inner: bytes) -> bytes:
    """Signature and content, each after its length, filled up with zeros."""
    made = signature.encode("ascii")
    framed = b"".join((_LENGTH.pack(len(made)), made, _LENGTH.pack(len(inner)), inner))
    return framed + bytes(-len(framed) % _PADDED_TO)


def _unframed(plain: bytes) -> tuple[str, bytes]:
    """Raises `ValueError`: it is nothing that `_framed` gives."""
    signature, rest = _first(plain)
    inner, padding = _first(rest)
    if padding.strip(b"\0") or len(padding) >= _PADDED_TO or len(plain) % _PADDED_TO:
        raise ValueError("it is not filled up with zeros")
    return signature.decode("ascii"), inner


def _first(framed: bytes) -> tuple[bytes, bytes]:
    if len(framed) < _LENGTH.size:
        raise ValueError("it ends too early")
    end = _LENGTH.size + int(_LENGTH.unpack_from(framed)[0])
    if len(framed) < end:
        raise ValueError("it ends too early")
    return framed[_LENGTH.size : end], framed[end:]


def _sealed_in(envelope: Envelope) -> Sealed:
    if envelope.sealed is None:
        raise ValueError("only sealed envelopes are unsealed")
    return envelope.sealed


def _broken(cause: str) -> AxisError:
    return AxisError.of("E_SEAL_BROKEN", cause=cause)


def _unbound(what: str) -> AxisError:
    return AxisError.of("E_SEAL_BINDING", what=what)
