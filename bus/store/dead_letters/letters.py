"""Dead letters in a database, used by the handler and by operators' commands at the same time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import (
    DeadLetter,
    Decide,
    FailedAttempt,
    HistoryEntry,
    LetterId,
    LetterState,
    OrderId,
)
from bus.core.dead_letters.order import NO_LIMITS, BulkLimits, NewOrder, Order, OrderState
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.message import WireMessage
from bus.ports import Recorded, StoredLetter
from bus.store.batch import GroupCommit, Operate
from bus.store.database import Database, prove_writable
from bus.store.dead_letters import causes, intake, orders, worklist
from bus.store.dead_letters.moves import alone
from schemas.identifiers import EnvelopeId, MailboxName
from schemas.problem import AxisError, Problem

Answer = TypeVar("Answer")
Operation = TypeVar("Operation")


class SqlDeadLetters:
    """Dead letters in a database.

    Every change is made under one lock (`alone`), and its SQL contains the states that it expects.
    So any number of processes may use one database.

    Args:
        limits: Checked in the transaction of every order.
    """

    def __init__(self, database: Database, *, limits: BulkLimits = NO_LIMITS) -> None:
        self._database, self._limits = database, limits
        self._read = database.read
        self._writes = GroupCommit(partial(_change_alone, database))

    async def aclose(self) -> None:
        """Wait until all changes are written."""
        await self._writes.aclose()

    @property
    def limits(self) -> BulkLimits:
        """How many letters one order may take."""
        return self._limits

    async def prove_writable(self) -> None:
        """Check that the database can be written. Raises `TransportError`."""
        await prove_writable(self._database)

    async def record(self, attempt: FailedAttempt, decide: Decide, *, now: datetime) -> Recorded:
        """Record a failed attempt and the decision about it."""
        return await self._writes.submit(intake.record, intake.Failing(attempt, decide, now))

    async def due(self, *, now: datetime, limit: int) -> Sequence[StoredLetter]:
        """Waiting letters whose moment has come, the longest due first; none held by an order."""
        return await self._read(lambda connection: intake.due(connection, now, limit))

    async def retried(self, ids: Sequence[LetterId], *, now: datetime) -> None:
        """Mark as redelivered. A letter that is not due has failed again meanwhile: no change."""
        await self._writes.submit(intake.retried, intake.Retried(ids, now))

    async def postpone(self, ids: Sequence[LetterId], *, until: datetime) -> None:
        """Let waiting letters wait longer."""
        await self._writes.submit(intake.postpone, intake.Postponed(ids, until))

    async def put_aside(self, letter_id: LetterId, problem: Problem, *, now: datetime) -> None:
        """Park a letter whose row cannot be used, and release it from its order."""
        await self._writes.submit(_PUT_ASIDE, orders.PuttingAside(letter_id, problem, now))

    async def place(self, order: NewOrder, *, order_id: OrderId, now: datetime) -> Order:
        """Store an order with the letters that it takes, and start it unless it needs approval."""
        return await self._writes.submit(_PLACE, orders.Placing(order, order_id, now, self._limits))

    async def approve(self, order_id: OrderId, *, operator: str, now: datetime) -> Order:
        """Let a pending order run."""
        return await self._writes.submit(_APPROVE, orders.Approving(order_id, operator, now))

    async def cancel(self, order_id: OrderId, *, operator: str, now: datetime) -> Order:
        """End an order; letters that it has not processed are free again."""
        return await self._writes.submit(_CANCEL, orders.Cancelling(order_id, operator, now))

    async def orders(self, states: Sequence[OrderState] = ()) -> Sequence[Order]:
        """The orders in these states (none named: in any), in the order of placing."""
        return await self._read(lambda connection: orders.listing(connection, states))

    async def order(self, order_id: OrderId) -> Order:
        """One order."""
        return await self._read(lambda connection: orders.load(connection, order_id).order)

    async def next_of(
        self, order_id: OrderId, *, limit: int, after: LetterId | None = None
    ) -> Sequence[StoredLetter]:
        """The unprocessed letters of a running replay, oldest failure first."""
        return await self._read(
            lambda connection: orders.next_of(connection, order_id, limit, after)
        )

    async def replayed(self, order_id: OrderId, ids: Sequence[LetterId], *, now: datetime) -> None:
        """Mark letters as redelivered by a replay, also if it was cancelled meanwhile."""
        await self._writes.submit(_REPLAYED, orders.Replayed(order_id, ids, now))

    async def groups(self, selection: Selection, *, now: datetime) -> Sequence[Cause]:
        """Letters by cause, most letters first."""
        return await self._read(lambda connection: causes.groups(connection, selection, now))

    async def find(
        self, selection: Selection, *, sort: Sort = Sort.NEWEST, limit: int, offset: int = 0
    ) -> Sequence[DeadLetter]:
        """One page of letters."""
        return await self._read(
            lambda connection: worklist.find(connection, selection, sort, limit, offset)
        )

    async def states(
        self, envelope_ids: Sequence[EnvelopeId]
    ) -> Mapping[tuple[EnvelopeId, MailboxName], LetterState]:
        """The states of the dead letters of these envelopes."""
        return await self._read(lambda connection: worklist.states(connection, envelope_ids))

    async def count(self, selection: Selection) -> int:
        """The number of letters that match a selection."""
        return await self._read(lambda connection: worklist.count(connection, selection))

    async def letter(self, id_or_prefix: str) -> DeadLetter:
        """One letter."""
        return await self._read(lambda connection: worklist.letter(connection, id_or_prefix))

    async def history(self, letter_id: LetterId) -> Sequence[HistoryEntry]:
        """Everything that happened to a letter."""
        return await self._read(lambda connection: worklist.happened(connection, letter_id))

    async def message(self, letter_id: LetterId) -> WireMessage:
        """The delivery a letter is about, byte for byte."""
        return await self._read(lambda connection: worklist.message(connection, letter_id))


async def _change_alone(database: Database, work: Callable[[Connection], Answer]) -> Answer:
    def change(connection: Connection) -> Answer:
        alone(connection)
        return work(connection)

    return await database.write(change)


def _one_by_one(work: Callable[[Connection, Operation], Answer]) -> Operate[Operation, Answer]:
    """Operations that may each be refused alone; each refuses before it changes anything."""

    def operate(connection: Connection, asked: Sequence[Operation]) -> list[Answer | Exception]:
        return [_answer(connection, each) for each in asked]

    def _answer(connection: Connection, operation: Operation) -> Answer | Exception:
        try:
            return work(connection, operation)
        except AxisError as refusal:
            return refusal

    return operate


_PUT_ASIDE = _one_by_one(orders.put_aside)
_PLACE = _one_by_one(orders.place)
_APPROVE = _one_by_one(orders.approve)
_CANCEL = _one_by_one(orders.cancel)
_REPLAYED = _one_by_one(orders.replayed)
