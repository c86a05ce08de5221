"""Seals: mailboxes with sealing keys, and sealed envelopes with one thing changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO

from bus.core.keyring import KeyRing
from bus.core.sealing.envelope import KeptFile, Opened, begin_seal, finish_seal, unseal
from bus.core.sealing.key import (
    PrivateSealingKey,
    PublicSealingKey,
    opening_key,
    prove,
    publish,
    state,
)
from bus.core.sealing.stream import OpenedFiles, keep_sealed
from bus.core.sealing.suite import SealingSuite
from bus.core.sealing.wrapping import KEY_BYTES, file_key
from bus.core.signing import SigningKey, Verified, sign, verify
from bus.core.wire import body_of, envelope_of, open_envelope
from bus.memory.attachments import MemoryAttachments
from schemas.document import Document
from schemas.envelope import Envelope, Recipient
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import AxisError
from schemas.sealing import Sealed, SignedSealingKey
from tests.support.builders import attachment
from tests.support.envelopes import NOW, RECIPIENT, SENDER, Signers, a_document, a_recipient

OTHER = "B02"
STRANGER = "A00"
CONTENT_KEY = bytes(range(KEY_BYTES))
SECRET = b"s" * 32
SUBJECT = "V/v điều chỉnh địa giới mẫu"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A sealing key pair of a mailbox, published and to open with."""

    published: SignedSealingKey
    public: PublicSealingKey
    private: PrivateSealingKey


@dataclass(kw_only=True)
class Seals:
    """Four mailboxes that sign and open; H98 seals to G98 and B02."""

    signers: Signers = field(default_factory=lambda: Signers(SENDER, RECIPIENT, OTHER, STRANGER))
    store: MemoryAttachments = field(default_factory=MemoryAttachments)
    content_key: bytes = CONTENT_KEY

    def __post_init__(self) -> None:
        self.pairs = {code: self.pair(code) for code in (SENDER, RECIPIENT, OTHER, STRANGER)}

    @property
    def ring(self) -> KeyRing:
        """Everybody's certificates."""
        return self.signers.ring

    def pair(
        self,
        code: str,
        *,
        suite: SealingSuite = SealingSuite.HYBRID,
        begins: datetime = NOW - timedelta(days=30),
        ends: datetime = NOW + timedelta(days=300),
    ) -> Pair:
        """A fresh key pair."""
        owner, private = MailboxName(code), suite.new_private_bytes()
        key = state(private, owner=owner, suite=suite, not_before=begins, not_after=ends)
        published = publish(key, signing=self.signers.key(code), now=NOW)
        return Pair(
            published=published,
            public=prove(published, owner=owner, keys=self.ring, now=NOW),
            private=opening_key(
                private, owner=owner, suite=suite, not_before=begins, not_after=ends
            ),
        )

    def sealed(
        self,
        document: Document | None = None,
        *,
        files: Sequence[bytes] = (),
        signing: SigningKey | None = None,
        to: Sequence[str] = (RECIPIENT, OTHER),
        keys: Sequence[PublicSealingKey] | None = None,
        recipients: Sequence[Recipient] | None = None,
        content_key: bytes | None = None,
        secret: bytes = SECRET,
        **changes: object,
    ) -> Envelope:
        """A document of H98, sealed, with its files kept in the store.

        Args:
            changes: Of the envelope before it is sealed.
        """
        whole = document or a_document(subject=SUBJECT)
        if files:
            named = tuple(attachment(f"{n}.bin", data) for n, data in enumerate(files))
            whole = whole.model_copy(update={"attachments": named})
        wanted = recipients or [a_recipient(code) for code in to]
        used = content_key or self.content_key
        envelope = envelope_of(
            whole,
            sender=AgencyCode(SENDER),
            sender_mailbox=MailboxName(SENDER),
            recipients=wanted,
            sent_at=NOW,
        ).model_copy(update=changes)
        stored = [
            KeptFile(
                of=sha256(data).hexdigest(),
                sealed=keep_sealed(BytesIO(data), self.store, key=file_key(used, place)),
            )
            for place, data in enumerate(dict.fromkeys(files))
        ]
        unsigned = begin_seal(envelope, secret=secret, files=stored)
        signing = signing or self.signers.key(SENDER)
        return finish_seal(
            unsigned,
            sign(unsigned.to_sign, key=signing, now=envelope.sent_at),
            content_key=used,
            keys=[self.pairs[code].public for code in to] if keys is None else keys,
        )

    def verified(self, envelope: Envelope, *, by: str = SENDER, at: datetime = NOW) -> Verified:
        """The envelope signed outside by somebody, and proven."""
        body = body_of(envelope)
        signature = sign(body, key=self.signers.key(by), now=at)
        return verify(body, signature, keys=self.ring, now=at)

    def opened(
        self,
        envelope: Envelope,
        *,
        mailbox: str = RECIPIENT,
        by: str = SENDER,
        private: Sequence[PrivateSealingKey] | None = None,
        at: datetime = NOW,
        ring: KeyRing | None = None,
    ) -> Opened:
        """What a mailbox makes of an envelope that comes over the wire."""
        verified = self.verified(envelope, by=by, at=at)
        return unseal(
            open_envelope(verified),
            verified,
            mailbox=MailboxName(mailbox),
            private=[self.pairs[mailbox].private] if private is None else private,
            keys=ring or self.ring,
            now=at,
        )

    def file(self, opened: Opened, digest: str) -> bytes:
        """A file of an opened document."""
        with OpenedFiles(self.store, opened.files).open(digest) as file:
            return file.read()

    def refusal(self, envelope: Envelope, **how: object) -> str:
        """The code with which an envelope is refused; it must be."""
        return code_of(lambda: self.opened(envelope, **how))  # type: ignore[arg-type]


def code_of(act: Callable[[], object]) -> str:
    """The code of the error that something ends with; it must."""
    try:
        act()
    except AxisError as error:
        return error.problem.code
    raise AssertionError("it was not refused")


def resealed(envelope: Envelope, **changes: object) -> Envelope:
    """The envelope with something of its seal changed."""
    return envelope.model_copy(update={"sealed": seal_of(envelope).model_copy(update=changes)})


def seal_of(envelope: Envelope) -> Sealed:
    """What is sealed in an envelope; something must be."""
    assert envelope.sealed is not None
    return envelope.sealed


def with_key(envelope: Envelope, mailbox: str, **changes: object) -> Envelope:
    """The envelope with one wrapped key changed."""
    keys = tuple(
        key.model_copy(update=changes) if key.mailbox == mailbox else key
        for key in seal_of(envelope).keys
    )
    return resealed(envelope, keys=keys)
