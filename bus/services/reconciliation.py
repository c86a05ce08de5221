"""Reconciliation: counts, from what the stores keep, where every accepted delivery is.

- Accepted: a pair of a document and a mailbox that the broker has confirmed. The sender's worker
  records it before it tells the sender's system.
- Delivered: completed in the inbox, or proven by a signed receipt, because an agency's own worker
  has an inbox of its own.
- Waiting: in a mailbox, being handed over, offered to a system that answers later, or a dead letter
  that is delivered again by itself.
- Parked: a dead letter that waits for an operator or was given up.
- Unaccounted: none of these, although the broker says that the queues hold nothing. A delivery for
  a mailbox that is served elsewhere counts as waiting until its receipt comes.

Nothing here must survive a restart: the first look reads everything again.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bus.core.dead_letters.letter import LetterState
from bus.core.gauges import Account
from bus.core.identity import delivery_id
from bus.core.topology import FAILURES, queues_of
from bus.ports import Clock, Confirmed, DeadLetters, Inbox, Records
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName

Depths = Callable[[], Awaitable[Mapping[str, int]]]
"""How many messages each queue holds, including those that are not acknowledged yet."""

_PAGE = 1000
_AT_ONCE = 5000
"""How many open deliveries one look asks about; first those not asked about for longest."""
_SLACK = timedelta(minutes=1)
"""How long after its own time a confirmation may be written to the store."""
_SETTLED = timedelta(seconds=30)
"""How long the numbers of the broker may lag behind a delivery."""

_PARKED = frozenset({LetterState.PARKED, LetterState.QUARANTINED, LetterState.DISCARDED})


@dataclass(kw_only=True, slots=True)
class _Open:
    """A delivery that is not known to be completed."""

    envelope_id: EnvelopeId
    mailbox: MailboxName
    since: datetime
    letter: LetterState | None = None


@dataclass(kw_only=True)
class Reconciler:
    """Counts the deliveries of one axis. Looks must not overlap.

    Attributes:
        mailboxes: All mailboxes of the directory, as it is now.
        served: The mailboxes whose deliveries this store records.
    """

    records: Records
    inbox: Inbox
    letters: DeadLetters
    depths: Depths
    mailboxes: Callable[[], Sequence[MailboxName]]
    served: Callable[[], Collection[MailboxName]]
    clock: Clock
    _open: dict[DeliveryId, _Open] = field(default_factory=dict, init=False)
    _accepted: int = field(default=0, init=False)
    _delivered: int = field(default=0, init=False)
    _read: datetime | None = field(default=None, init=False)
    _recent: dict[EnvelopeId, datetime] = field(default_factory=dict, init=False)
    _missing: Mapping[MailboxName, int] = field(default_factory=dict, init=False)

    async def look(self) -> Account:
        """Count all. Raises `TransportError` when a store or the broker does not answer."""
        await self._read_confirmed()
        asked = dict(list(self._open.items())[:_AT_ONCE])
        await self._close(asked)
        still = {each: self._open.pop(each) for each in asked if each in self._open}
        self._open |= still  # at the end, so that they are asked about last
        await self._find_letters(still.values())
        missing = await self._find_missing(still.values())
        # Only what was missing in two looks in a row.
        unaccounted = sum(min(n, self._missing.get(m, 0)) for m, n in missing.items())
        self._missing = missing
        parked = sum(each.letter in _PARKED for each in self._open.values())
        oldest: dict[MailboxName, datetime] = {}
        for each in self._open.values():
            if each.letter not in _PARKED:
                oldest[each.mailbox] = min(each.since, oldest.get(each.mailbox, each.since))
        return Account(
            accepted=self._accepted,
            delivered=self._delivered,
            parked=parked,
            unaccounted=unaccounted,
            waiting=len(self._open) - parked - unaccounted,
            oldest=oldest,
        )

    async def _read_confirmed(self) -> None:
        """Read what was confirmed since the last look."""
        after = None if self._read is None else self._read - _SLACK
        self._recent = {e: at for e, at in self._recent.items() if after and at >= after}
        page: Sequence[Confirmed] = ()
        while page := await self.records.confirmed(
            since=after, behind=page[-1].envelope_id if page else None, limit=_PAGE
        ):
            fresh = [each for each in page if each.envelope_id not in self._recent]
            opened = {
                delivery_id(each.envelope_id, mailbox): _Open(
                    envelope_id=each.envelope_id, mailbox=mailbox, since=each.confirmed_at
                )
                for each in fresh
                for mailbox in each.mailboxes
            }
            self._accepted += len(opened)
            self._open |= opened
            self._recent |= {each.envelope_id: each.confirmed_at for each in fresh}
            after = self._read = page[-1].confirmed_at
            await self._close(opened)

    async def _close(self, asked: Collection[DeliveryId]) -> None:
        """Count those that are completed as delivered."""
        for done in await self._done(asked):
            self._deliver(done)

    def _deliver(self, delivery: DeliveryId) -> None:
        if self._open.pop(delivery, None) is not None:
            self._delivered += 1

    async def _done(self, asked: Collection[DeliveryId]) -> Collection[DeliveryId]:
        """Which of these are completed, here or elsewhere."""
        if not asked:
            return ()
        here = set(await self.inbox.done(list(asked)))
        rest = [each for each in asked if each not in here]
        return here | set(await self.records.arrived(rest)) if rest else here

    async def _find_letters(self, asked: Collection[_Open]) -> None:
        if not asked:
            return
        found = await self.letters.states(list({each.envelope_id for each in asked}))
        for each in asked:
            each.letter = found.get((each.envelope_id, each.mailbox))
        # A redelivered letter may have been sent to another mailbox, and completed there.
        elsewhere = {
            delivery_id(each.envelope_id, mailbox): delivery_id(each.envelope_id, each.mailbox)
            for each in asked
            if each.letter is LetterState.REDELIVERED
            for mailbox in self.mailboxes()
        }
        for done in await self._done(elsewhere):
            self._deliver(elsewhere[done])

    async def _find_missing(self, asked: Collection[_Open]) -> Mapping[MailboxName, int]:
        """For each mailbox: how many deliveries are in no store and no queue."""
        settled, served = self.clock() - _SETTLED, set(self.served())
        candidates = {
            delivery_id(each.envelope_id, each.mailbox): each.mailbox
            for each in asked
            if each.letter is None and each.since < settled and each.mailbox in served
        }
        pending = set(await self.inbox.pending(list(candidates)))
        open_ones = Counter(m for delivery, m in candidates.items() if delivery not in pending)
        if not open_ones:
            return {}
        depths = await self.depths()
        missing = {}
        for mailbox, count in open_ones.items():
            queues = (*queues_of(mailbox), FAILURES)
            # A mailbox whose numbers the broker does not know yet is left out.
            if all(queue in depths for queue in queues):
                missing[mailbox] = max(0, count - sum(depths[queue] for queue in queues))
        return missing
