"""Wrap the content key for each mailbox, and encrypt the content with it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic_core import to_json

from bus.core.base64url import from_base64url, to_base64url
from bus.core.sealing.key import PrivateSealingKey, PublicSealingKey, judge_choice
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.sealing import Sealed, SealedFile, WrappedKey
from schemas.term import term

KEY_BYTES = 32

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NONCE = bytes(12)
"""Constant, because each content key encrypts only one message."""

# One prefix for each purpose, so that no derived value can be used for another one.
_CONTENT = b"lienthong sealed content 1\n"
_WRAP = b"lienthong sealed key 1\n"
_FILE = b"lienthong sealed file 1\n"
_ENVELOPE = "lienthong sealed envelope 1"


def file_key(content_key: bytes, place: int) -> bytes:
    """The key of the file at this position in the envelope's list of files."""
    return _derived(content_key, _FILE + str(place).encode())


def enclose(
    envelope: Envelope,
    plain: bytes,
    *,
    content_key: bytes,
    keys: Sequence[PublicSealingKey],
    files: Sequence[SealedFile],
) -> Envelope:
    """Replace the document by encrypted content, `plain`. The arguments are as in `finish_seal`."""
    sealed = Sealed(
        lane=envelope.lane,
        keys=tuple(_named(key, "-") for key in keys),
        content="-",
        files=tuple(files),
    )
    context = _context(envelope, sealed)
    cipher = AESGCM(_derived(content_key, _CONTENT))
    wrapped = []
    for key in keys:
        info = _info(context, key.owner, key.key_id)
        secret = key.suite.wrap(content_key, to=key.public_key, info=info)
        wrapped.append(_named(key, to_base64url(secret)))
    content = to_base64url(cipher.encrypt(_NONCE, plain, context))
    sealed = sealed.model_copy(update={"keys": tuple(wrapped), "content": content})
    return envelope.model_copy(update={"document": None, "sealed": sealed})


def disclose(
    envelope: Envelope,
    sealed: Sealed,
    *,
    mailbox: MailboxName,
    private: Sequence[PrivateSealingKey],
    signed_at: datetime,
) -> tuple[bytes, bytes]:
    """Decrypt with the mailbox's own key; returns the content key and the content.

    Raises:
        DocumentError: E_SEAL_BINDING: it is sealed for other mailboxes than it is addressed to.
            E_SEAL_NOT_WRAPPED, E_SEAL_SUITE, E_SEAL_DOWNGRADE. E_SEAL_BROKEN: the wrapped key, the
            content or a readable part was changed.
        ConfigurationError: E_SEAL_NO_KEY: the private key is not stored here.
    """
    named = [key.mailbox for key in sealed.keys]
    if len(set(named)) != len(named) or set(named) != {r.mailbox for r in envelope.recipients}:
        raise AxisError.of("E_SEAL_BINDING", what=term("sealed_to"))
    wrapped = next((key for key in sealed.keys if key.mailbox == mailbox), None)
    if wrapped is None:
        # After a change of the directory, another mailbox may serve the recipient.
        raise AxisError.of("E_SEAL_NOT_WRAPPED", mailbox=mailbox)
    own = next((key for key in private if key.key_id == wrapped.key_id), None)
    if own is None:
        raise AxisError.of("E_SEAL_NO_KEY", mailbox=mailbox, key_id=wrapped.key_id[:12])
    if wrapped.suite != own.suite:
        raise AxisError.of("E_SEAL_SUITE", suite=wrapped.suite)
    judge_choice(own, private, signed_at=signed_at)
    context = _context(envelope, sealed)
    try:
        content_key = own.suite.unwrap(
            from_base64url(wrapped.wrapped),
            by=own.private_key,
            info=_info(context, mailbox, own.key_id),
        )
        cipher = AESGCM(_derived(content_key, _CONTENT))
        return content_key, cipher.decrypt(_NONCE, from_base64url(sealed.content), context)
    except (InvalidTag, ValueError) as error:
        raise AxisError.of("E_SEAL_BROKEN", cause=term("seal_changed")) from error


def _context(envelope: Envelope, sealed: Sealed) -> bytes:
    """Digest of all readable parts, except those that are derived from it."""
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
    """Derive a key (RFC 5869), without a salt because the content key is random."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(content_key)


def _named(key: PublicSealingKey, wrapped: str) -> WrappedKey:
    return WrappedKey(mailbox=key.owner, suite=key.suite, key_id=key.key_id, wrapped=wrapped)
