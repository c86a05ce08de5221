"""Reconciliation: counts, from what the stores keep, where every accepted delivery is.

Accepted is a pair of a document and a mailbox that the broker has confirmed: the sender's worker
keeps it before the sender's system is told. Delivered is what the inbox knows as done, or what a
signed receipt proves: an agency's own worker has an inbox of its own. A dead letter is waiting or
parked. What was offered to a system that answers later waits for that answer, without a message.
Everything else must be in a mailbox or on its way to becoming a dead letter: what is
neither, while the broker says that nothing is there, is unaccounted. Of a mailbox that is served
elsewhere it waits until its receipt comes.

Nothing is remembered that a restart would lose: the first look reads everything again.
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
"""How many messages each queue holds, those under work included."""

_PAGE = 1000
_AT_ONCE = 5000
"""Open deliveries that one look asks about, those first that were not asked about for longest."""
_SLACK = timedelta(minutes=1)
"""How much later than its moment a confirmation may be found in the store."""
_SETTLED = timedelta(seconds=30)
"""So long a delivery may be under way without the broker's own numbers knowing of it."""

_PARKED = frozenset({LetterState.PARKED, LetterState.QUARANTINED, LetterState.DISCARDED})


@dataclass(kw_only=True, slots=True)
class _Open:
    """A delivery that is not known to be done."""

    envelope_id: EnvelopeId
    mailbox: MailboxName
    since: datetime
    letter: LetterState | None = None


@dataclass(kw_only=True)
class Reconciler:
    """Takes the account of one axis. One look at a time.

    Attributes:
        mailboxes: All mailboxes of the directory, as it is now.
        served: Those whose deliveries this store records.
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
        """Take the account. Raises `TransportError` when a store or the broker does not answer."""
        await self._take_up()
        asked = dict(list(self._open.items())[:_AT_ONCE])
        await self._strike_out(asked)
        still = {each: self._open.pop(each) for each in asked if each in self._open}
        self._open |= still  # asked about last
        await self._find_letters(still.values())
        missing = await self._find_missing(still.values())
        unaccounted = sum(min(n, self._missing.get(m, 0)) for m, n in missing.items())
        self._missing = missing
        parked = sum(each.letter in _PARKED for each in self._open.values())
        return Account(
            accepted=self._accepted,
            delivered=self._delivered,
            parked=parked,
            unaccounted=unaccounted,
            waiting=len(self._open) - parked - unaccounted,
            oldest=self._oldest(),
        )

    async def _take_up(self) -> None:
        """Read what was confirmed since the last time."""
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
            await self._strike_out(opened)

    async def _strike_out(self, asked: Mapping[DeliveryId, _Open]) -> None:
        for done in await self._done(asked):
            if self._open.pop(done, None) is not None:
                self._delivered += 1

    async def _done(self, asked: Collection[DeliveryId]) -> Collection[DeliveryId]:
        """Which are handed over, here or elsewhere."""
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
        # What was led to another mailbox is done there.
        led = [each for each in asked if each.letter is LetterState.REDELIVERED]
        elsewhere = {
            delivery_id(each.envelope_id, mailbox): each
            for each in led
            for mailbox in self.mailboxes()
        }
        for done in await self._done(elsewhere):
            each = elsewhere[done]
            if self._open.pop(delivery_id(each.envelope_id, each.mailbox), None) is not None:
                self._delivered += 1

    async def _find_missing(self, asked: Collection[_Open]) -> Mapping[MailboxName, int]:
        """How many deliveries of each mailbox nobody seems to have."""
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
            told = [depths.get(queue) for queue in (*queues_of(mailbox), FAILURES)]
            held = [each for each in told if each is not None]
            # Nothing is said of a mailbox whose numbers the broker does not know yet.
            if len(held) == len(told) and count > sum(held):
                missing[mailbox] = count - sum(held)
        return missing

    def _oldest(self) -> dict[MailboxName, datetime]:
        oldest: dict[MailboxName, datetime] = {}
        for each in self._open.values():
            if each.letter not in _PARKED:
                oldest[each.mailbox] = min(each.since, oldest.get(each.mailbox, each.since))
        return oldest
