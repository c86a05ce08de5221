"""Sealed documents: the readable part of the envelope, and the content that only recipients open.

`bus.core.sealing` implements the rules, and the wire contract describes them.
"""

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.codes import Lane
from schemas.directory import Recipient
from schemas.document import Document
from schemas.identifiers import AgencyCode, EnvelopeId, MailboxName, Sha256
from schemas.problem import Warned
from schemas.reading import SignatureCheck, Source
from schemas.value import Value

Base64url = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
"""Bytes in base64url (RFC 4648, 5), without padding."""

SuiteName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
"""The name of a KEM, KDF and AEAD together. Software refuses a name that it does not know."""


class SealingKey(Value):
    """A mailbox's statement about its public key for sealing, which the mailbox signs.

    Attributes:
        public_key: In the form of the suite. The id of the key is a digest of owner, suite and key.
        not_before: The first moment at which senders may use it, UTC.
        not_after: The last such moment. Opening is possible later too.
    """

    owner: MailboxName
    suite: SuiteName
    public_key: Base64url
    not_before: AwareDatetime
    not_after: AwareDatetime


class SignedSealingKey(Value):
    """A published sealing key.

    Attributes:
        statement: The JSON of a `SealingKey`, exactly as it was signed.
        signature: A detached JWS by the owner's signing key.
    """

    statement: str
    signature: str


class WrappedKey(Value):
    """The content key, encrypted for one mailbox.

    Attributes:
        key_id: The sealing key of the mailbox.
        wrapped: The output of HPKE (RFC 9180): the encapsulated key, then the ciphertext.
    """

    mailbox: MailboxName
    suite: SuiteName
    key_id: Sha256
    wrapped: Base64url


class SealedFile(Value):
    """A file in the attachment store: size and digest of its ciphertext."""

    size: Annotated[int, Field(ge=0)]
    sha256: Sha256


class Sealed(Value):
    """The part of an envelope that replaces a sealed document.

    Attributes:
        lane: The urgency, which routing needs.
        keys: One for each recipient's mailbox.
        content: The encrypted `SealedContent` with its signature.
        files: The encrypted attachments and, where it must be kept, the encrypted original.
    """

    lane: Lane
    keys: Annotated[tuple[WrappedKey, ...], Field(min_length=1)]
    content: Base64url
    files: tuple[SealedFile, ...] = ()


class InnerFile(Value):
    """The digest `of` a file, and of its ciphertext; in the order of `Sealed.files`."""

    of: Sha256
    sealed: Sha256


class SealedContent(Value):
    """The content that only recipients can read. It repeats the readable parts of the envelope.

    Attributes:
        salt: The secret part of the envelope's ids, so that nobody can test guesses with them.
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
