"""Sealer: seals what one mailbox sends, and opens what is sealed to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.core.sealing.envelope import KeptFile, Opened, seal, unseal
from bus.core.sealing.files import keep_sealed
from bus.core.sealing.key import PublicSealingKey, key_to_seal_to
from bus.core.sealing.request import asks_to_be_sealed
from bus.core.sealing.wrapping import file_key
from bus.core.signing import SigningKey, Verified
from bus.ports import AttachmentStore, Clock, SealingKeys, Spool
from schemas.document import Document
from schemas.envelope import Envelope, Recipient
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import Warned
from schemas.reading import SignatureCheck, Source


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What a document is sealed with; for this document alone."""

    content_key: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    keys: tuple[PublicSealingKey, ...]
    files: tuple[KeptFile, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealer:
    """One mailbox's seals. Blocking: called in threads.

    Attributes:
        ring: Whose signatures are believed.
        store: Where ciphertext goes; it never holds anything else of a sealed document.
        begin_spool: A fresh place for the files of one document until they are sealed.
        new_key: 32 random bytes, fresh at every call.
        always: Whether every document is sealed, by the operator's choice.
    """

    mailbox: MailboxName
    ring: Callable[[], KeyRing]
    keys: SealingKeys
    store: AttachmentStore
    begin_spool: Callable[[], Spool]
    new_key: Callable[[], bytes]
    clock: Clock
    always: bool = False

    def is_due(self, name: str, routing: Routing) -> bool:
        """Whether a dropped file of this name must be sealed."""
        return self.always or asks_to_be_sealed(name) or routing.owner_of(self.mailbox).seals

    def prepare(
        self,
        document: Document,
        spool: Spool,
        *,
        recipients: Sequence[Recipient],
        source: Source | None,
    ) -> Prepared:
        """Find everybody's keys, and seal the files of a document, which lie in `spool`.

        Raises:
            DocumentError: E_SEAL_RECIPIENT, E_SEAL_KEY_FORGED or E_SEAL_SUITE: one recipient
                cannot be sealed to, so nobody is sent anything.
        """
        ring, now = self.ring(), self.clock()
        keys = tuple(
            key_to_seal_to(mailbox, self.keys.published(mailbox), keys=ring, now=now)
            for mailbox in dict.fromkeys(recipient.mailbox for recipient in recipients)
        )
        content_key = self.new_key()
        digests = [attachment.sha256 for attachment in document.attachments]
        if source is not None:
            digests.append(source.sha256)
        return Prepared(
            content_key=content_key,
            secret=self.keys.secret(self.mailbox),
            keys=keys,
            files=tuple(
                self._kept(digest, spool, file_key(content_key, place))
                for place, digest in enumerate(dict.fromkeys(digests))
            ),
        )

    def seal(
        self,
        document: Document,
        prepared: Prepared,
        *,
        signing: SigningKey,
        sender: AgencyCode,
        recipients: Sequence[Recipient],
        sent_at: datetime,
        source: Source | None = None,
        source_signature: SignatureCheck | None = None,
        warnings: Sequence[Warned] = (),
    ) -> Envelope:
        """Seal a document that is prepared, signed inside.

        Raises:
            TransportError: What holds the signing key does not sign now (E_SIGNING_KEY_AWAY).
        """
        return seal(
            document,
            content_key=prepared.content_key,
            secret=prepared.secret,
            keys=prepared.keys,
            signing=signing,
            sender=sender,
            sender_mailbox=self.mailbox,
            recipients=recipients,
            sent_at=sent_at,
            files=prepared.files,
            source=source,
            source_signature=source_signature,
            warnings=warnings,
        )

    def open(self, envelope: Envelope, verified: Verified) -> Opened:
        """Open an admitted envelope; see `unseal` for what may be wrong with it."""
        return unseal(
            envelope,
            verified,
            mailbox=self.mailbox,
            private=self.keys.private(self.mailbox),
            keys=self.ring(),
            now=self.clock(),
        )

    def _kept(self, digest: str, spool: Spool, key: bytes) -> KeptFile:
        with spool.open(digest) as file:
            return KeptFile(of=digest, sealed=keep_sealed(file, self.store, key=key))
