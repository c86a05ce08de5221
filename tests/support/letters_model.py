"""Letters model: what a store of dead letters must do, as simple as can be."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.course import (
    entry_of,
    failed_again,
    failed_first,
    replayed,
    retried,
)
from bus.core.dead_letters.letter import (
    REPLAYABLE,
    DeadLetter,
    Decide,
    FailedAttempt,
    Happening,
    HistoryEntry,
    LetterId,
    LetterState,
    OrderId,
)
from bus.core.dead_letters.order import (
    ACTED_UPON,
    NO_LIMITS,
    Action,
    NewOrder,
    Order,
    OrderState,
    must_approve,
    within_limits,
)
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.message import WireMessage
from bus.ports import Recorded, StoredLetter
from schemas.identifiers import EnvelopeId, MailboxName
from schemas.problem import AxisError, Problem

_HOUR = timedelta(hours=1)


@dataclass(kw_only=True, slots=True)
class _Kept:
    """A letter with everything that belongs to it; `place` tells equally old ones apart."""

    letter: DeadLetter
    message: WireMessage
    place: int
    attempts: set[str] = field(default_factory=set)
    history: list[HistoryEntry] = field(default_factory=list)

    @property
    def age(self) -> tuple[datetime, int]:
        return self.letter.failed_at, self.place

    @property
    def stored(self) -> StoredLetter:
        return StoredLetter(letter=self.letter, message=self.message)


class LettersModel:
    """What every store of dead letters does, without durability."""

    limits = NO_LIMITS

    def __init__(self) -> None:
        self._kept: dict[LetterId, _Kept] = {}
        self._orders: dict[OrderId, Order] = {}
        self._undone: dict[OrderId, dict[LetterId, None]] = {}

    async def record(self, attempt: FailedAttempt, decide: Decide, *, now: datetime) -> Recorded:
        """Keep a failed attempt with what is decided about it."""
        kept = self._kept.get(attempt.letter_id)
        if kept is None:
            update = failed_first(attempt, decide, now=now)
            kept = _Kept(letter=update.letter, message=attempt.message, place=len(self._kept))
            self._kept[attempt.letter_id] = kept
        elif attempt.attempt_id in kept.attempts:
            return Recorded(letter=kept.letter, fresh=False)
        else:
            holder = kept.letter.order and self._orders[kept.letter.order]
            update = failed_again(kept.letter, attempt, decide, order=holder or None, now=now)
            kept.letter = update.letter
            if holder and update.letter.order is None:
                self._deal_with(holder.id, [kept.letter.id], now)
        kept.attempts.add(attempt.attempt_id)
        kept.history += update.entries
        return Recorded(letter=kept.letter, fresh=True)

    async def due(self, *, now: datetime, limit: int) -> Sequence[StoredLetter]:
        """Waiting letters whose moment has come, the longest due first; none held by an order."""
        found = [
            (kept.letter.due_at, kept.place, kept)
            for kept in self._kept.values()
            if _is_due(kept.letter, now) and kept.letter.due_at is not None
        ]
        return tuple(kept.stored for _, _, kept in sorted(found)[:limit])

    async def retried(self, ids: Sequence[LetterId], *, now: datetime) -> None:
        """Waiting → redelivered. What is not due has failed again meanwhile: it is left alone."""
        for kept in self._each(ids):
            if _is_due(kept.letter, now):
                kept.letter = retried(kept.letter, now=now)
                kept.history.append(HistoryEntry(at=now, happening=Happening.RETRIED))

    async def postpone(self, ids: Sequence[LetterId], *, until: datetime) -> None:
        """Let waiting letters wait longer."""
        for kept in self._each(ids):
            if kept.letter.state is LetterState.WAITING:
                kept.letter = kept.letter.model_copy(update={"due_at": until})

    async def put_aside(self, letter_id: LetterId, problem: Problem, *, now: datetime) -> None:
        """Park a letter as it is; no order holds it any longer."""
        for kept in self._each([letter_id]):
            if kept.letter.order is not None:
                self._deal_with(kept.letter.order, [letter_id], now)
            kept.letter = _parked(kept.letter, problem, now=now)
            kept.history.append(HistoryEntry(at=now, happening=Happening.PARKED, text=problem.code))

    async def place(self, order: NewOrder, *, order_id: OrderId, now: datetime) -> Order:
        """Freeze the set an order is about and, unless it needs approval, let it run."""
        meant = [
            kept
            for kept in self._matching(order.selection)
            if kept.letter.state in ACTED_UPON[order.action]
        ]
        free = [kept for kept in meant if kept.letter.order is None]
        taken = sorted(free, key=lambda kept: kept.age)[: order.limit]
        holders = {kept.letter.order for kept in meant} - {None}
        placed = within_limits(
            Order(
                **dict(order),
                id=order_id,
                state=OrderState.PENDING,
                placed_at=now,
                total=len(taken),
                held=len(meant) - len(free),
                others=tuple(
                    f"{other.id} ({other.operator})"
                    for other in self._orders.values()
                    if other.id in holders
                ),
            ),
            self.limits,
        )
        self._orders[order_id] = placed
        self._undone[order_id] = dict.fromkeys(kept.letter.id for kept in taken)
        for kept in taken:
            kept.letter = kept.letter.model_copy(update={"order": order_id})
        if not taken or not placed.needs_approval:
            self._run(placed, now)
        return self._orders[order_id]

    async def approve(self, order_id: OrderId, *, operator: str, now: datetime) -> Order:
        """Let a pending order run."""
        order = await self.order(order_id)
        must_approve(order, operator)
        self._run(order.model_copy(update={"approved_by": operator}), now)
        return self._orders[order_id]

    async def cancel(self, order_id: OrderId, *, operator: str, now: datetime) -> Order:
        """End an order; what it has not dealt with is free again, where it stood."""
        order = await self.order(order_id)
        if order.state not in {OrderState.PENDING, OrderState.RUNNING}:
            raise AxisError.of("E_ORDER_STATE", id=order_id, state=order.state)
        for kept in self._each(self._undone[order_id]):
            kept.letter = kept.letter.model_copy(update={"order": None})
        self._undone[order_id].clear()
        self._orders[order_id] = order.model_copy(
            update={
                "state": OrderState.CANCELLED,
                "finished_at": now,
                "cancelled_by": operator,
            }
        )
        return self._orders[order_id]

    async def orders(self, states: Sequence[OrderState] = ()) -> Sequence[Order]:
        """The orders in these states (none named: in any), in the order of placing."""
        return tuple(
            order for order in self._orders.values() if not states or order.state in states
        )

    async def order(self, order_id: OrderId) -> Order:
        """One order."""
        if order_id not in self._orders:
            raise AxisError.of("E_ORDER_UNKNOWN", id=order_id)
        return self._orders[order_id]

    async def next_of(
        self, order_id: OrderId, *, limit: int, after: LetterId | None = None
    ) -> Sequence[StoredLetter]:
        """Letters of a running replay that are not dealt with, oldest failure first."""
        order = await self.order(order_id)
        if order.state is not OrderState.RUNNING:
            return ()
        behind = None if after is None else self._known(after).age
        left = (
            kept
            for kept in self._each(self._undone[order_id])
            if behind is None or kept.age > behind
        )
        return tuple(kept.stored for kept in islice(left, limit))

    async def replayed(self, order_id: OrderId, ids: Sequence[LetterId], *, now: datetime) -> None:
        """Redelivered, one replay more; also for an order that was cancelled meanwhile."""
        order = await self.order(order_id)
        dealt_with = []
        for kept in self._each(ids):
            letter = kept.letter
            if letter.order == order_id or _left_by(order, letter):
                kept.letter = replayed(letter, now=now)
                kept.history.append(entry_of(order, Happening.REPLAYED, now=now))
                dealt_with.append(letter.id)
        self._deal_with(order_id, dealt_with, now)

    async def groups(self, selection: Selection, *, now: datetime) -> Sequence[Cause]:
        """Letters by cause, most letters first."""
        members: defaultdict[str, list[_Kept]] = defaultdict(list)
        for kept in self._matching(selection):
            members[kept.letter.fingerprint].append(kept)
        causes = [_cause(each, now) for each in members.values()]
        return tuple(
            sorted(causes, key=lambda cause: (-sum(cause.counts.values()), cause.fingerprint))
        )

    async def find(
        self, selection: Selection, *, sort: Sort = Sort.NEWEST, limit: int, offset: int = 0
    ) -> Sequence[DeadLetter]:
        """One page of letters."""
        found = sorted(
            self._matching(selection),
            key=lambda kept: (kept.letter.attempts if sort is Sort.ATTEMPTS else 0, kept.age),
            reverse=sort is not Sort.OLDEST,
        )
        return tuple(kept.letter for kept in found[offset : offset + limit])

    async def states(
        self, envelope_ids: Sequence[EnvelopeId]
    ) -> Mapping[tuple[EnvelopeId, MailboxName], LetterState]:
        """Where the dead letters of these envelopes stand, by their mailbox."""
        wanted = set(envelope_ids)
        return {
            (EnvelopeId(kept.letter.envelope_id), kept.letter.mailbox): kept.letter.state
            for kept in self._kept.values()
            if kept.letter.envelope_id in wanted
        }

    async def count(self, selection: Selection) -> int:
        """How many letters a selection means."""
        return len(self._matching(selection))

    async def letter(self, id_or_prefix: str) -> DeadLetter:
        """One letter."""
        wanted = id_or_prefix.lower()
        found = [each for each in self._kept if wanted and each.startswith(wanted)]
        if not found:
            raise AxisError.of("E_LETTER_UNKNOWN", id=id_or_prefix)
        if len(found) > 1:
            raise AxisError.of("E_LETTER_AMBIGUOUS", id=id_or_prefix)
        return self._kept[found[0]].letter

    async def history(self, letter_id: LetterId) -> Sequence[HistoryEntry]:
        """Everything that happened to a letter."""
        return tuple(self._known(letter_id).history)

    async def message(self, letter_id: LetterId) -> WireMessage:
        """The delivery a letter is about, byte for byte."""
        return self._known(letter_id).message

    def _known(self, letter_id: LetterId) -> _Kept:
        if letter_id not in self._kept:
            raise AxisError.of("E_LETTER_UNKNOWN", id=letter_id)
        return self._kept[letter_id]

    def _each(self, ids: Iterable[LetterId]) -> list[_Kept]:
        return [self._kept[each] for each in ids if each in self._kept]

    def _matching(self, selection: Selection) -> list[_Kept]:
        return [kept for kept in self._kept.values() if _matches(selection, kept.letter)]

    def _run(self, order: Order, now: datetime) -> None:
        """Let an order run; discards and restores, and what has no letters, are done with it."""
        self._orders[order.id] = order.model_copy(update={"state": OrderState.RUNNING})
        undone = list(self._undone[order.id])
        if order.action is Action.REPLAY:
            self._deal_with(order.id, (), now)
            return
        discard = order.action is Action.DISCARD
        happening = Happening.DISCARDED if discard else Happening.RESTORED
        for kept in self._each(undone):
            kept.letter = (_discarded if discard else _restored)(kept.letter, now=now)
            kept.history.append(entry_of(order, happening, now=now))
        self._deal_with(order.id, undone, now)

    def _deal_with(self, order_id: OrderId, ids: Sequence[LetterId], now: datetime) -> None:
        """Count letters as done; the last one ends the order."""
        order, undone = self._orders[order_id], self._undone[order_id]
        for each in ids:
            undone.pop(each, None)
        changed: dict[str, object] = {"done": order.done + len(ids)}
        if order.state is OrderState.RUNNING and not undone:
            changed |= {"state": OrderState.DONE, "finished_at": now}
        self._orders[order_id] = order.model_copy(update=changed)


def _is_due(letter: DeadLetter, now: datetime) -> bool:
    return (
        letter.state is LetterState.WAITING
        and letter.order is None
        and letter.due_at is not None
        and letter.due_at <= now
    )


def _left_by(order: Order, letter: DeadLetter) -> bool:
    """Whether a letter stands as a cancelled order left it: what it published is on its way."""
    return (
        order.state is OrderState.CANCELLED
        and order.finished_at is not None
        and letter.order is None
        and letter.state in REPLAYABLE
        and letter.failed_at <= order.finished_at
    )


def _matches(selection: Selection, letter: DeadLetter) -> bool:
    wanted = (
        (selection.mailbox, letter.mailbox),
        (selection.sender, letter.sender),
        (selection.failure_class, letter.failure_class),
        (selection.code, letter.problem.code),
        (selection.fingerprint, letter.fingerprint),
        (selection.number, letter.number),
        (selection.returned, letter.returned),
    )
    return (
        (not selection.ids or letter.id in selection.ids)
        and (not selection.states or letter.state in selection.states)
        and all(value is None or value == held for value, held in wanted)
        and (selection.since is None or letter.failed_at >= selection.since)
        and (selection.until is None or letter.failed_at < selection.until)
    )


def _cause(members: Sequence[_Kept], now: datetime) -> Cause:
    letters = [kept.letter for kept in members]
    example = max(members, key=lambda kept: kept.age).letter
    first = [letter.first_failed_at for letter in letters]
    return Cause(
        fingerprint=example.fingerprint,
        mailbox=example.mailbox,
        stage=example.stage,
        failure_class=example.failure_class,
        code=example.problem.code,
        field=example.problem.place.field,
        example=example.id,
        counts=dict(Counter(letter.state for letter in letters)),
        oldest=min(letter.failed_at for letter in letters),
        newest=example.failed_at,
        recent=sum(now - _HOUR < moment <= now for moment in first),
        earlier=sum(now - 2 * _HOUR < moment <= now - _HOUR for moment in first),
    )


def _parked(letter: DeadLetter, problem: Problem, *, now: datetime) -> DeadLetter:
    """It cannot be worked on as it is."""
    changed = {
        "state": LetterState.PARKED,
        "due_at": None,
        "order": None,
        "problem": problem,
        "changed_at": now,
    }
    return letter.model_copy(update=changed)


def _discarded(letter: DeadLetter, *, now: datetime) -> DeadLetter:
    """An order has given it up."""
    changed = {
        "state": LetterState.DISCARDED,
        "due_at": None,
        "order": None,
        "changed_at": now,
    }
    return letter.model_copy(update=changed)


def _restored(letter: DeadLetter, *, now: datetime) -> DeadLetter:
    """An order has brought it back; after a quarantine the loop guard starts anew."""
    changed: dict[str, object] = {
        "state": LetterState.PARKED,
        "order": None,
        "changed_at": now,
    }
    if letter.state is LetterState.QUARANTINED:
        changed |= {"replays": 0, "returned": False}
    return letter.model_copy(update=changed)
