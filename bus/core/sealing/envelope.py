"""Seal the document of an envelope, and open it again.

The outer signature covers wrapped keys, ciphertext and files. The inner signature covers the
content and names sender, recipients, time, files and envelope. Wrapped keys and ciphertext depend
on everything that is readable in the envelope, so no part of it can be used in another envelope.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bus.core.bounds import check
from bus.core.keyring import KeyRing
from bus.core.sealing.content import SIGNED, framed, proven_content, salt_of, sealed_ids
from bus.core.sealing.key import PrivateSealingKey, PublicSealingKey
from bus.core.sealing.wrapping import disclose, enclose, file_key
from bus.core.signing import Verified
from schemas.envelope import SEALED_WIRE_VERSION, Envelope
from schemas.identifiers import MailboxName
from schemas.sealing import InnerFile, SealedContent, SealedFile


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFile:
    """The digest `of` a file of a document, and its ciphertext in the attachment store."""

    of: str
    sealed: SealedFile


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenFile:
    """How to read a file of an opened document: the digest of its ciphertext, and the key."""

    sealed: str
    key: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """An envelope with its document, and how to read each file by its digest in the document."""

    envelope: Envelope
    files: Mapping[str, OpenFile]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnsignedSeal:
    """An envelope whose content needs only the inner signature before it is sealed.

    Attributes:
        envelope: Has the ids of a sealed document, and still contains the document.
        content: The JSON that is sealed.
        files: The ciphertext of the document's files, in order.
    """

    envelope: Envelope
    content: bytes = field(repr=False)
    files: tuple[SealedFile, ...]

    @property
    def to_sign(self) -> bytes:
        """The exact bytes that the inner signature covers."""
        return SIGNED + self.content


def begin_seal(
    envelope: Envelope, *, secret: bytes, files: Sequence[KeptFile] = ()
) -> UnsignedSeal:
    """Prepare to seal the document of an envelope for its recipients.

    Args:
        secret: The sender's own; always the same, so that a document always gets the same ids.
        files: Encrypted with the `file_key` of their positions.
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
    unsealed = envelope.model_copy(
        update={
            "version": SEALED_WIRE_VERSION,
            "envelope_id": envelope_id,
            "content_hash": content_hash,
            "source": None,
            "source_signature": None,
            "warnings": (),
        }
    )
    sealed = tuple(file.sealed for file in files)
    return UnsignedSeal(envelope=unsealed, content=content.to_json(), files=sealed)


def finish_seal(
    unsigned: UnsignedSeal,
    signature: str,
    *,
    content_key: bytes,
    keys: Sequence[PublicSealingKey],
) -> Envelope:
    """Seal the content. The envelope is then signed like any other.

    Args:
        signature: The inner signature, of `to_sign`.
        content_key: 32 new random bytes, used only for this envelope and its files.
        keys: One for each recipient's mailbox.

    Raises:
        DocumentError: As `bounds.check`.
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
    """Open a sealed envelope for one of its mailboxes, and compare the content with the envelope.

    Args:
        verified: The result for the outer signature.
        private: The mailbox's own keys, including the old ones.

    Raises:
        DocumentError: As `disclose` and `proven_content`; or as `bounds.check` for the content.
            Never retry.
        ConfigurationError: E_SEAL_NO_KEY: the private key is not stored here.
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
