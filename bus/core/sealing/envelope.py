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
from bus.core.sealing.content import proven_content, signed_content
from bus.core.sealing.identity import salt_of, sealed_ids
from bus.core.sealing.key import PrivateSealingKey, PublicSealingKey
from bus.core.sealing.wrapping import disclose, enclose, file_key
from bus.core.signing import SigningKey, Verified
from schemas.codes import EnvelopeKind
from schemas.document import Document
from schemas.envelope import SEALED_WIRE_VERSION, Envelope, Recipient
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import Warned
from schemas.reading import SignatureCheck, Source
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
    envelope = Envelope(
        version=SEALED_WIRE_VERSION,
        kind=EnvelopeKind.DOCUMENT,
        envelope_id=envelope_id,
        content_hash=content_hash,
        sender=sender,
        sender_mailbox=sender_mailbox,
        recipients=tuple(recipients),
        sent_at=sent_at,
        document=document,
    )
    plain = signed_content(content, signing=signing, now=sent_at)
    check(envelope, plain)
    return enclose(
        envelope,
        plain,
        content_key=content_key,
        keys=keys,
        files=[file.sealed for file in files],
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
