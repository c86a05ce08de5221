"""The duplicate rule in memory: which deliveries were handed over, as long as the process lives."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from bus.ports import Claim, Claimed, Rival, SignedEnvelope, Standing
from schemas.identifiers import DeliveryId, MailboxName


@dataclass(kw_only=True, slots=True)
class _Entry:
    """A claimed delivery; a released one stands `FRESH`."""

    claim: Claim
    standing: Standing
    receipts: tuple[SignedEnvelope, ...] = ()
    done_at: datetime | None = None

    def held(self, now: datetime) -> bool:
        return self.standing is Standing.IN_PROGRESS and now < self.claim.lease


class MemoryInbox:
    """Every promise of the inbox but durability."""

    def __init__(self) -> None:
        self._entries: dict[DeliveryId, _Entry] = {}
        self._of_document: defaultdict[tuple[str, str], set[DeliveryId]] = defaultdict(set)

    async def claim(self, claim: Claim, *, now: datetime) -> Claimed:
        """Begin work on a delivery."""
        known = self._entries.get(claim.delivery_id)
        if known is not None and known.standing in {Standing.DONE, Standing.CONFLICT}:
            rival = self._rival(claim, now) if known.standing is Standing.CONFLICT else None
            return Claimed(standing=known.standing, receipts=known.receipts, rival=rival)
        if known is not None and known.held(now):
            return Claimed(standing=Standing.IN_PROGRESS)
        rival = self._rival(claim, now)
        standing = Standing.CONFLICT if rival else Standing.IN_PROGRESS
        self._entries[claim.delivery_id] = _Entry(claim=claim, standing=standing)
        self._of_document[claim.mailbox, claim.identity].add(claim.delivery_id)
        return Claimed(standing=Standing.CONFLICT if rival else Standing.FRESH, rival=rival)

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

    def _rival(self, claim: Claim, now: datetime) -> Rival | None:
        """Other content of the same document that was handed over, or is in work."""
        versions = self._of_document[claim.mailbox, claim.identity]
        rivals = [
            Rival(envelope_id=entry.claim.envelope_id, at=entry.done_at)
            for entry in map(self._entries.__getitem__, versions)
            if entry.claim.envelope_id != claim.envelope_id
            and (entry.standing is Standing.DONE or entry.held(now))
        ]
        return min(rivals, key=lambda rival: (rival.at is None, rival.at or now), default=None)
