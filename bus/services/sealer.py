"""Seal the documents that a mailbox sends, and open those that are sealed to it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.core.sealing import asks_to_be_sealed
from bus.core.sealing.envelope import (
    KeptFile,
    Opened,
    UnsignedSeal,
    begin_seal,
    finish_seal,
    unseal,
)
from bus.core.sealing.key import PublicSealingKey, key_to_seal_to
from bus.core.sealing.stream import keep_sealed
from bus.core.sealing.wrapping import file_key
from bus.core.signing import Verified
from bus.ports import AttachmentStore, Clock, SealingKeys, Signer, Spool
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealer:
    """Seals and opens for one mailbox.

    Attributes:
        ring: Returns the trusted certificates.
        signer: Makes the signature inside the seal.
        store: Gets only the ciphertext of sealed documents.
        begin_spool: Returns a new spool for the files of a document until they are sealed.
        new_key: Returns 32 new random bytes.
        always: Whether every document is sealed, as a setting of the operator says.
    """

    mailbox: MailboxName
    ring: Callable[[], KeyRing]
    keys: SealingKeys
    signer: Signer
    store: AttachmentStore
    begin_spool: Callable[[], Spool]
    new_key: Callable[[], bytes]
    clock: Clock
    always: bool = False

    def is_due(self, name: str, routing: Routing) -> bool:
        """Whether a submission with this name must be sealed."""
        return self.always or asks_to_be_sealed(name) or routing.owner_of(self.mailbox).seals

    async def seal(self, envelope: Envelope, spool: Spool) -> Envelope:
        """Seal the document of an envelope for its recipients.

        Args:
            spool: Contains the files of the document.

        Raises:
            DocumentError: E_SEAL_RECIPIENT, E_SEAL_KEY_FORGED or E_SEAL_SUITE: there is no usable
                key of one recipient.
            TransportError: The store or the signing key (E_SIGNING_KEY_AWAY) is away.
        """
        content_key = self.new_key()
        keys, unsigned = await asyncio.to_thread(self._begin, envelope, spool, content_key)
        signature = await self.signer.sign(unsigned.to_sign, now=envelope.sent_at)
        return await asyncio.to_thread(
            finish_seal, unsigned, signature, content_key=content_key, keys=keys
        )

    def open(self, envelope: Envelope, verified: Verified) -> Opened:
        """Open an admitted envelope; raises as `unseal`. Blocking: called in threads."""
        return unseal(
            envelope,
            verified,
            mailbox=self.mailbox,
            private=self.keys.private(self.mailbox),
            keys=self.ring(),
            now=self.clock(),
        )

    def _begin(
        self, envelope: Envelope, spool: Spool, content_key: bytes
    ) -> tuple[tuple[PublicSealingKey, ...], UnsignedSeal]:
        """Find the key of every recipient, then encrypt the files of the document."""
        ring, now = self.ring(), self.clock()
        keys = tuple(
            key_to_seal_to(mailbox, self.keys.published(mailbox), keys=ring, now=now)
            for mailbox in dict.fromkeys(recipient.mailbox for recipient in envelope.recipients)
        )
        document, source = envelope.document, envelope.source
        digests = [each.sha256 for each in document.attachments] if document else []
        if source is not None:
            digests.append(source.sha256)
        files = [
            self._kept(digest, spool, file_key(content_key, place))
            for place, digest in enumerate(dict.fromkeys(digests))
        ]
        return keys, begin_seal(envelope, secret=self.keys.secret(self.mailbox), files=files)

    def _kept(self, digest: str, spool: Spool, key: bytes) -> KeptFile:
        with spool.open(digest) as file:
            return KeptFile(of=digest, sealed=keep_sealed(file, self.store, key=key))
