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
    """Deliveries that failed, their history, and operators' orders. Durable, for several processes.

    A row that cannot be read, because somebody has written into the database, is a letter with the
    problem E_LETTER_UNREADABLE and no bytes: it never keeps others from being read.

    Raises `TransportError` E_STORE_AWAY or E_STORE_FULL when it cannot answer; then nothing is
    acknowledged. What is published is marked only after the broker's confirm: a crash in between
    publishes again, which recipients absorb.
    """

    async def record(self, attempt: FailedAttempt, decide: Decide, *, now: datetime) -> Recorded:
        """Keep a failed attempt, atomically with what is decided about it.

        The same attempt twice is kept and counted once. A letter known before takes the new
        problem, keeps its first bytes, and is `returned` when it failed after an operator's
        replay. One that was discarded or quarantined stays so; one that an order holds stands
        where it stood.

        A letter is published as attempt `attempts + 1`. So an attempt that counts further than
        the letter tells that it was redelivered, also when nobody has said so yet.
        """

    async def due(self, *, now: datetime, limit: int) -> Sequence[StoredLetter]:
        """Waiting letters whose moment has come, the longest due first; none held by an order."""

    async def retried(self, ids: Sequence[LetterId], *, now: datetime) -> None:
        """Waiting → redelivered: these were published and confirmed.

        One that is not due at `now` has failed again meanwhile, and is left alone.
        """

    async def postpone(self, ids: Sequence[LetterId], *, until: datetime) -> None:
        """Let waiting letters wait longer; nothing has happened to them."""

    async def put_aside(self, letter_id: LetterId, problem: Problem, *, now: datetime) -> None:
        """Park a letter whose row cannot be worked on, as it is; no order holds it any longer."""

    @property
    def limits(self) -> BulkLimits:
        """How many letters one order may take. No client can change them."""

    async def place(self, order: NewOrder, *, order_id: OrderId, now: datetime) -> Order:
        """Freeze the set an order is about and, unless it needs approval, let it run.

        Letters that belong to another order under way are not taken; the order says how many
        and whose. Discards and restores are carried out at once; a replay by the handler, from
        `next_of`. Letters not in a state of `ACTED_UPON` are left alone. The limits are checked
        in the transaction that takes the letters, against the number that it takes.

        Raises `ConfigurationError` E_NEEDS_YES; then nothing was placed.
        """

    async def approve(self, order_id: OrderId, *, operator: str, now: datetime) -> Order:
        """Let a pending order run. Raises `ConfigurationError` as `must_approve`."""

    async def cancel(self, order_id: OrderId, *, operator: str, now: datetime) -> Order:
        """End an order; what it has not dealt with is free again, where it stood.

        Raises `ConfigurationError` E_ORDER_UNKNOWN, E_ORDER_STATE.
        """

    async def orders(self, states: Sequence[OrderState] = ()) -> Sequence[Order]:
        """The orders in these states (none named: in any), in the order of placing."""

    async def order(self, order_id: OrderId) -> Order:
        """One order. Raises `ConfigurationError` E_ORDER_UNKNOWN."""

    async def next_of(
        self, order_id: OrderId, *, limit: int, after: LetterId | None = None
    ) -> Sequence[StoredLetter]:
        """Letters of a running replay that are not dealt with, oldest failure first.

        Args:
            after: Only those that come after this one, whatever has become of it: so the next can
                be read while the last are still on their way.
        """

    async def replayed(self, order_id: OrderId, ids: Sequence[LetterId], *, now: datetime) -> None:
        """Redelivered, one replay more: these were published and confirmed.

        The last letter ends its order; an order without letters is done from the start. Of an
        order that was cancelled meanwhile, those are marked to which nothing happened since.
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
        """Where the dead letters of these envelopes, however many, stand, by their mailbox."""

    async def count(self, selection: Selection) -> int:
        """How many letters a selection means."""

    async def letter(self, id_or_prefix: str) -> DeadLetter:
        """One letter. Raises `ConfigurationError` E_LETTER_UNKNOWN, E_LETTER_AMBIGUOUS."""

    async def history(self, letter_id: LetterId) -> Sequence[HistoryEntry]:
        """Everything that happened to a letter."""

    async def message(self, letter_id: LetterId) -> WireMessage:
        """The delivery a letter is about, byte for byte."""
