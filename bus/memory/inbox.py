"""Inbox in memory: which deliveries were handed over, as long as the process lives."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bus.core.duplicates import Standing, judge
from bus.core.message import SignedEnvelope
from bus.core.offered import OfferedDelivery
from bus.ports import Claim, Claimed, Offered, Unanswered
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
        self._offered: dict[DeliveryId, OfferedDelivery] = {}
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

    def standing(self, delivery_id: DeliveryId) -> Standing:
        """How a delivery stands; one that was never claimed is fresh."""
        entry = self._entries.get(delivery_id)
        return entry.standing if entry else Standing.FRESH

    async def done(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these are done."""
        return {each for each in delivery_ids if self.standing(each) is Standing.DONE}

    async def release(self, delivery_id: DeliveryId, *, owner: str = "") -> None:
        """Give the lease back; what is done, offered, in conflict or another's stays so."""
        entry = self._entries.get(delivery_id)
        if (
            entry is not None
            and entry.standing is Standing.IN_PROGRESS
            and entry.claim.owner == owner
        ):
            entry.standing = Standing.FRESH

    async def offer(self, offered: OfferedDelivery) -> None:
        """Record that a delivery was offered; of two records the first counts."""
        entry = self._entries.get(offered.delivery_id)
        if entry is None:
            raise ValueError(f"delivery {offered.delivery_id} was never claimed")
        if entry.standing in {Standing.IN_PROGRESS, Standing.FRESH}:
            entry.standing = Standing.OFFERED
            self._offered[offered.delivery_id] = offered

    async def offered(self, delivery_ids: Sequence[DeliveryId]) -> Sequence[Offered]:
        """Those that were offered and are not closed, the oldest first."""
        return [
            Offered(
                delivery=delivery,
                standing=self._entries[key].standing,
                receipts=self._entries[key].receipts,
            )
            for key, delivery in self._offered.items()
            if key in delivery_ids
        ]

    async def pending(self, delivery_ids: Sequence[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these were offered and are not done."""
        return {
            each
            for each in delivery_ids
            if self.standing(each) in {Standing.OFFERED, Standing.REFUSED}
        }

    async def answered(self, mailbox: MailboxName) -> Collection[DeliveryId]:
        """The offered deliveries of a mailbox that are done or refused, but not closed."""
        return [
            key
            for key, delivery in self._offered.items()
            if delivery.mailbox == mailbox
            and self._entries[key].standing in {Standing.DONE, Standing.REFUSED}
        ]

    async def unanswered(self) -> Mapping[MailboxName, Unanswered]:
        """The deliveries of each mailbox that wait for an answer."""
        since: defaultdict[MailboxName, list[datetime]] = defaultdict(list)
        for key, delivery in self._offered.items():
            if self._entries[key].standing is Standing.OFFERED:
                since[delivery.mailbox].append(delivery.offered_at)
        return {m: Unanswered(count=len(all_), oldest=min(all_)) for m, all_ in since.items()}

    async def refuse(self, delivery_id: DeliveryId) -> None:
        """Record that an offered delivery was refused."""
        entry = self._entries.get(delivery_id)
        if entry is not None and entry.standing is Standing.OFFERED:
            entry.standing = Standing.REFUSED

    async def close(self, delivery_id: DeliveryId) -> None:
        """Remove what is kept of an answered offer; one that was refused is fresh again."""
        entry = self._entries.get(delivery_id)
        if entry is not None and entry.standing in {Standing.DONE, Standing.REFUSED}:
            self._offered.pop(delivery_id, None)
            if entry.standing is Standing.REFUSED:
                entry.standing = Standing.FRESH

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """Give back every lease of these mailboxes."""
        for entry in self._entries.values():
            if entry.claim.mailbox in mailboxes and entry.standing is Standing.IN_PROGRESS:
                entry.standing = Standing.FRESH
