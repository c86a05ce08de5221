"""Inbox in memory: which deliveries were handed over, as long as the process lives."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from bus.core.duplicates import Standing, judge
from bus.core.message import SignedEnvelope
from bus.ports import Claim, Claimed
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName


@dataclass(kw_only=True, slots=True)
class _Entry:
    """A claimed delivery; a released one stands `FRESH`."""

    claim: Claim
    standing: Standing
    receipts: tuple[SignedEnvelope, ...] = ()
    done_at: datetime | None = None

    @property
    def envelope_id(self) -> EnvelopeId:
        return self.claim.envelope_id

    @property
    def lease(self) -> datetime:
        return self.claim.lease


class MemoryInbox:
    """Every promise of the inbox but durability."""

    def __init__(self) -> None:
        self._entries: dict[DeliveryId, _Entry] = {}
        self._of_document: defaultdict[tuple[str, str], set[DeliveryId]] = defaultdict(set)

    async def claim(self, claim: Claim, *, now: datetime) -> Claimed:
        """Begin work on a delivery."""
        known = self._entries.get(claim.delivery_id)
        of_document = self._of_document[claim.mailbox, claim.identity]
        versions = map(self._entries.__getitem__, of_document)
        standing, rival = judge(claim.envelope_id, known, versions, now=now)
        if standing is Standing.DONE and known is not None:
            return Claimed(standing=standing, receipts=known.receipts)
        if standing is not Standing.IN_PROGRESS:
            taken = Standing.IN_PROGRESS if standing is Standing.FRESH else standing
            self._entries[claim.delivery_id] = _Entry(claim=claim, standing=taken)
            of_document.add(claim.delivery_id)
        return Claimed(standing=standing, rival=rival)

    async def finish(
        self,
        delivery_id: DeliveryId,
        receipts: Sequence[SignedEnvelope],
        *,
        now: datetime,
    ) -> None:
        """Record that the delivery is done; of two finishes the first counts."""
        entry = self._entries.get(delivery_id)
        if entry is None:
            raise ValueError(f"delivery {delivery_id} was never claimed")
        if entry.standing is not Standing.DONE:
            entry.standing, entry.receipts, entry.done_at = Standing.DONE, tuple(receipts), now

    async def done(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these are done."""
        return {
            each
            for each in delivery_ids
            if each in self._entries and self._entries[each].standing is Standing.DONE
        }

    async def release(self, delivery_id: DeliveryId) -> None:
        """Give the lease back; what is done or in conflict stays so."""
        entry = self._entries.get(delivery_id)
        if entry is not None and entry.standing is Standing.IN_PROGRESS:
            entry.standing = Standing.FRESH

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """Give back every lease of these mailboxes."""
        for entry in self._entries.values():
            if entry.claim.mailbox in mailboxes and entry.standing is Standing.IN_PROGRESS:
                entry.standing = Standing.FRESH
