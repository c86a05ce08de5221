"""Dead letters: deliveries that failed, kept for retries and for operators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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
from bus.core.dead_letters.order import BulkLimits, NewOrder, Order, OrderState
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.message import WireMessage
from schemas.identifiers import EnvelopeId, MailboxName
from schemas.problem import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The letter after a failed attempt; `fresh` is False when that attempt was known before."""

    letter: DeadLetter
    fresh: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLetter:
    """A letter with the delivery it is about, byte for byte."""

    letter: DeadLetter
    message: WireMessage


class DeadLetters(Protocol):
    """Failed deliveries, their history and operators' orders. Durable, for several processes.

    A row that cannot be read, because somebody has changed the database by hand, is a letter with
    the problem E_LETTER_UNREADABLE and no bytes. It does not prevent reading the others.

    Raises `TransportError` E_STORE_AWAY or E_STORE_FULL when it cannot answer; then nothing is
    acknowledged. A letter is marked as published only after the broker's confirm. After a crash
    before the mark it is published again, and recipients drop the duplicate.
    """

    async def record(self, attempt: FailedAttempt, decide: Decide, *, now: datetime) -> Recorded:
        """Record a failed attempt and the decision about it, atomically.

        The same attempt is recorded and counted once. A known letter gets the new problem and
        keeps its first bytes; it is `returned` if it failed after a replay by an operator. The
        state of a letter does not change if it was discarded or quarantined, or if an order holds
        it.

        A letter is published as attempt `attempts + 1`. So a higher number of a reported attempt
        proves that the letter was redelivered, even if it is not marked yet.
        """

    async def due(self, *, now: datetime, limit: int) -> Sequence[StoredLetter]:
        """The waiting letters that are due and not held by an order, the longest due first."""

    async def retried(self, ids: Sequence[LetterId], *, now: datetime) -> None:
        """Mark waiting letters as redelivered, after they were published and confirmed.

        A letter that is not due at `now` has failed again meanwhile, and does not change.
        """

    async def postpone(self, ids: Sequence[LetterId], *, until: datetime) -> None:
        """Let waiting letters wait longer; their history does not change."""

    async def put_aside(self, letter_id: LetterId, problem: Problem, *, now: datetime) -> None:
        """Park a letter whose row cannot be used, and release it from its order."""

    @property
    def limits(self) -> BulkLimits:
        """How many letters one order may take. No client can change them."""

    async def place(self, order: NewOrder, *, order_id: OrderId, now: datetime) -> Order:
        """Store an order with the letters that it takes, and start it unless it needs approval.

        It does not take letters that another unfinished order holds; its result says how many, and
        which orders. Discards and restores are carried out at once, replays by the handler
        (`next_of`). It does not take letters in other states than `ACTED_UPON`. The limits are
        checked in the same transaction, against the number of letters that the order takes.

        Raises `ConfigurationError` E_NEEDS_YES; then nothing was stored.
        """

    async def approve(self, order_id: OrderId, *, operator: str, now: datetime) -> Order:
        """Let a pending order run. Raises `ConfigurationError` as `must_approve`."""

    async def cancel(self, order_id: OrderId, *, operator: str, now: datetime) -> Order:
        """End an order; letters that it has not processed are free again, in their old state.

        Raises `ConfigurationError` E_ORDER_UNKNOWN, E_ORDER_STATE.
        """

    async def orders(self, states: Sequence[OrderState] = ()) -> Sequence[Order]:
        """The orders in these states (none named: in any), in the order of placing."""

    async def order(self, order_id: OrderId) -> Order:
        """One order. Raises `ConfigurationError` E_ORDER_UNKNOWN."""

    async def next_of(
        self, order_id: OrderId, *, limit: int, after: LetterId | None = None
    ) -> Sequence[StoredLetter]:
        """The unprocessed letters of a running replay, oldest failure first.

        Args:
            after: Only letters that follow this one in the order. So the next batch can be read
                while the last one is still being published.
        """

    async def replayed(self, order_id: OrderId, ids: Sequence[LetterId], *, now: datetime) -> None:
        """Mark letters as redelivered by a replay, after they were published and confirmed.

        The last letter ends its order; an order without letters is done when it is placed. If the
        order was cancelled meanwhile, only letters that have not changed since are marked.
        """

    async def groups(self, selection: Selection, *, now: datetime) -> Sequence[Cause]:
        """Letters by cause, most letters first."""

    async def find(
        self, selection: Selection, *, sort: Sort = Sort.NEWEST, limit: int, offset: int = 0
    ) -> Sequence[DeadLetter]:
        """One page of letters."""

    async def states(
        self, envelope_ids: Sequence[EnvelopeId]
    ) -> Mapping[tuple[EnvelopeId, MailboxName], LetterState]:
        """The states of the dead letters of these envelopes; any number is allowed."""

    async def count(self, selection: Selection) -> int:
        """The number of letters that match a selection."""

    async def letter(self, id_or_prefix: str) -> DeadLetter:
        """One letter. Raises `ConfigurationError` E_LETTER_UNKNOWN, E_LETTER_AMBIGUOUS."""

    async def history(self, letter_id: LetterId) -> Sequence[HistoryEntry]:
        """Everything that happened to a letter."""

    async def message(self, letter_id: LetterId) -> WireMessage:
        """The delivery a letter is about, byte for byte."""
