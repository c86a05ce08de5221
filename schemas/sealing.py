"""Sealing: what of a sealed document travels in sight, and what only its recipients can open.

The rules, and what is bound to what, are in `bus.core.sealing`; the wire contract tells them.
"""

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.codes import Lane
from schemas.document import Document
from schemas.identifiers import AgencyCode, EnvelopeId, MailboxName, Sha256
from schemas.problem import Warned
from schemas.reading import SignatureCheck, Source
from schemas.recipient import Recipient
from schemas.value import Value

Base64url = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
"""Bytes as text (RFC 4648, 5), without padding."""

SuiteName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""Names KEM, KDF and AEAD together. Any name may stand here; who does not know it refuses."""


class SealingKey(Value):
    """A mailbox's own word on the key that it is to be sealed to; travels with its signature.

    Attributes:
        public_key: As the suite writes it; its SHA-256 with owner and suite is the key's id.
        not_before: From when on it may be used for sealing, inclusive, UTC.
        not_after: Until when. What was sealed in time can be opened later.
    """

    owner: MailboxName
    suite: SuiteName
    public_key: Base64url
    not_before: AwareDatetime
    not_after: AwareDatetime


class SignedSealingKey(Value):
    """A sealing key as it is published: the exact text that was signed, and the signature.

    Attributes:
        statement: JSON of a `SealingKey`, character for character.
        signature: Detached JWS of the owner's signing key.
    """

    statement: str
    signature: str


class WrappedKey(Value):
    """The content key, readable for one mailbox.

    Attributes:
        key_id: The sealing key of the mailbox that opens it.
        wrapped: What HPKE gave (RFC 9180): the encapsulated key, then the ciphertext.
    """

    mailbox: MailboxName
    suite: SuiteName
    key_id: Sha256
    wrapped: Base64url


class SealedFile(Value):
    """A file as the attachment store holds it: size and digest of the ciphertext."""

    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Sealed(Value):
    """What stands in an envelope in the place of a document.

    Attributes:
        lane: How urgent it is, which routing must know.
        keys: One for each recipient's mailbox.
        content: The sealed `SealedContent` with its signature.
        files: The sealed attachments and, where it must be kept, the sealed original.
    """

    lane: Lane
    keys: Annotated[tuple[WrappedKey, ...], Field(min_length=1)]
    content: Base64url
    files: tuple[SealedFile, ...] = ()


class InnerFile(Value):
    """Which of a document's files stands behind a sealed one, in the order of `Sealed.files`."""

    of: Sha256
    sealed: Sha256


class SealedContent(Value):
    """What only the recipients read. It repeats who, to whom and when under a signature of its own.

    Attributes:
        salt: What the envelope's ids are keyed with, so that nobody can guess content by them.
    """

    envelope_id: EnvelopeId
    sender: AgencyCode
    sender_mailbox: MailboxName
    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1)]
    sent_at: AwareDatetime
    salt: Sha256
    document: Document
    files: tuple[InnerFile, ...] = ()
    source: Source | None = None
    source_signature: SignatureCheck | None = None
    warnings: tuple[Warned, ...] = ()
