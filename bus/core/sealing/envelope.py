"""Envelope: a document sealed into one, and opened again; how inside and outside are bound.

The outer signature covers wrapped keys, ciphertext and files; the inner one covers the content and
names sender, recipients, time, files and envelope. Wrapped keys and ciphertext are bound to all
that stands in sight. So nothing of one envelope serves in another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bus.core.bounds import check
from bus.core.keyring import KeyRing
from bus.core.sealing.content import SIGNED, framed, proven_content
from bus.core.sealing.identity import salt_of, sealed_ids
from bus.core.sealing.key import PrivateSealingKey, PublicSealingKey
from bus.core.sealing.wrapping import disclose, enclose, file_key
from bus.core.signing import Verified
from schemas.codes import EnvelopeKind
from schemas.envelope import SEALED_WIRE_VERSION, Envelope
from schemas.identifiers import MailboxName
from schemas.sealing import InnerFile, SealedContent, SealedFile


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


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsignedSeal:
    """An envelope that is sealed as soon as its content has the sender's inner signature.

    Attributes:
        envelope: With the ids of a sealed document; the document is still in it.
        content: The JSON of what is sealed.
        files: The ciphertext of the document's files, in the order of their places.
    """

    envelope: Envelope
    content: bytes = field(repr=False)
    files: tuple[SealedFile, ...]

    @property
    def to_sign(self) -> bytes:
        """The exact bytes for the inner signature."""
        return SIGNED + self.content


def begin_seal(
    envelope: Envelope, *, secret: bytes, files: Sequence[KeptFile] = ()
) -> UnsignedSeal:
    """Prepare to seal an envelope to its recipients.

    Args:
        envelope: Holds a document that is not sealed.
        secret: The sender's own, the same at every reading.
        files: Encrypted with `file_key` at their places.
    """
    document = envelope.document
    if document is None or envelope.sealed is not None:
        raise ValueError("only an open document can be sealed")
    salt = salt_of(document, sender=envelope.sender, secret=secret)
    envelope_id, content_hash = sealed_ids(document, sender=envelope.sender, salt=salt)
    content = SealedContent(
        envelope_id=envelope_id,
        sender=envelope.sender,
        sender_mailbox=envelope.sender_mailbox,
        recipients=envelope.recipients,
        sent_at=envelope.sent_at,
        salt=salt,
        document=document,
        files=tuple(InnerFile(of=file.of, sealed=file.sealed.sha256) for file in files),
        source=envelope.source,
        source_signature=envelope.source_signature,
        warnings=envelope.warnings,
    )
    in_sight = Envelope(
        version=SEALED_WIRE_VERSION,
        kind=EnvelopeKind.DOCUMENT,
        envelope_id=envelope_id,
        content_hash=content_hash,
        sender=envelope.sender,
        sender_mailbox=envelope.sender_mailbox,
        recipients=envelope.recipients,
        sent_at=envelope.sent_at,
        document=document,
    )
    return UnsignedSeal(
        envelope=in_sight,
        content=content.to_json(),
        files=tuple(file.sealed for file in files),
    )


def finish_seal(
    unsigned: UnsignedSeal,
    signature: str,
    *,
    content_key: bytes,
    keys: Sequence[PublicSealingKey],
) -> Envelope:
    """Seal the content; the envelope is then signed outside like any other.

    Args:
        signature: Over `to_sign`.
        content_key: 32 fresh random bytes, used for this envelope and its files alone.
        keys: One for each recipient's mailbox.

    Raises:
        DocumentError: The document holds too much, as `bounds.check` says.
    """
    plain = framed(signature, unsigned.content)
    check(unsigned.envelope, plain)
    return enclose(
        unsigned.envelope, plain, content_key=content_key, keys=keys, files=unsigned.files
    )


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
            E_SEAL_SIGNATURE or E_SEAL_BINDING; or E_LIMIT or E_ENVELOPE of what was sealed. Never
            retry.
        ConfigurationError: E_SEAL_NO_KEY: the private key is not here.
    """
    sealed = envelope.sealed
    if sealed is None:
        raise ValueError("only sealed envelopes are unsealed")
    content_key, plain = disclose(
        envelope, sealed, mailbox=mailbox, private=private, signed_at=verified.signed_at
    )
    content = proven_content(plain, envelope, sealed, keys=keys, now=now)
    opened = envelope.model_copy(
        update={
            "document": content.document,
            "source": content.source,
            "source_signature": content.source_signature,
            "warnings": content.warnings,
        }
    )
    check(opened.model_copy(update={"sealed": None}), plain)
    return Opened(
        envelope=opened,
        files={
            file.of: OpenFile(sealed=file.sealed, key=file_key(content_key, place))
            for place, file in enumerate(content.files)
        },
    )
