"""What the services need from the outside, as promises that every implementation must keep.

`bus.memory` and the real drivers pass the same contract tests.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from adapters.contract import AttachmentSink, AttachmentSource
from bus.core.cause import Cause
from bus.core.dead_letter import DeadLetter, Decide, Entry, FailedAttempt, LetterId, OrderId
from bus.core.events import Event
from bus.core.instructions import Instruction
from bus.core.message import WireMessage
from bus.core.order import NewOrder, Order, OrderState
from bus.core.record import DocumentRecord
from bus.core.selection import Selection, Sort
from bus.core.share import WorkerName
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName

# --- the broker ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedMessage:
    """A message as a queue gave it out, with the broker's own word on how often."""

    queue: str
    message: WireMessage
    redelivered: bool
    delivery_count: int = 0


class PublishOutcome(StrEnum):
    """What became of a publish. An exception of a driver means `UNKNOWN`, never not sent."""

    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Settlement(StrEnum):
    """What the consumer tells the broker.

    `REJECT` means failure (counted, dead-lettered), `REQUEUE` means shutdown (not counted).
    """

    ACK = "ack"
    REJECT = "reject"
    REQUEUE = "requeue"


Handler = Callable[[ReceivedMessage], Awaitable[Settlement]]


class Publisher(Protocol):
    """Publishes mandatory, persistent, confirmed."""

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """Publish and wait for the broker's answer.

        Never raises for what the broker or the network does; within `deadline`, counted from the
        call and including any wait for a reconnect or an alarm, there is an outcome. Concurrent
        calls share a channel and a window; an outcome always belongs to its own message. When a
        channel dies, its messages in flight are `UNKNOWN`.

        Raises:
            DocumentError: The body exceeds the wire limit (E_TOO_LARGE); nothing was sent.
        """


class Subscriber(Protocol):
    """Consumes queues. A settlement after a reconnect is void: the message comes again."""

    def subscribe(
        self, queue: str, handler: Handler, *, prefetch: int
    ) -> AbstractAsyncContextManager[None]:
        """Call the handler for each message, up to `prefetch` at a time, until the exit.

        Survives reconnects and the queue's deletion and return. On exit, no new message is
        started; handlers under way are awaited. A handler that raises settles as `REJECT`.
        """


class BrokerHealth(StrEnum):
    """How the broker looks from here."""

    READY = "ready"
    AWAY = "away"
    BLOCKED = "blocked"


class Broker(Publisher, Subscriber, Protocol):
    """Both directions, on separate connections."""

    @property
    def health(self) -> BrokerHealth:
        """Whether a publish has a chance now."""


# --- the inbox: the duplicate rule --------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedEnvelope:
    """A body and its detached signature, as they travel."""

    body: bytes
    signature: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A delivery that asks to be worked on.

    Attributes:
        identity: The document identity (handbook section 6), digested.
        lease: Until when nobody else works on it.
    """

    delivery_id: DeliveryId
    envelope_id: EnvelopeId
    mailbox: MailboxName
    identity: str
    lease: datetime


class Standing(StrEnum):
    """Where a delivery stands when it is claimed (duplicate rule, by outcome)."""

    FRESH = "fresh"
    DONE = "done"
    IN_PROGRESS = "in_progress"
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """The answer to a claim; `receipts` are those of the first hand-over, when it is done."""

    standing: Standing
    receipts: tuple[SignedEnvelope, ...] = ()


class Inbox(Protocol):
    """Which deliveries were handed over. Durable: what it says survives a crash and a power cut.

    Raises `TransportError` E_STORE_AWAY when it cannot answer; then nothing is acknowledged.
    """

    async def claim(self, claim: Claim, *, now: datetime) -> Claimed:
        """Begin work on a delivery, atomically.

        Fresh, failed or lease expired → `FRESH` and the lease is taken. Done → `DONE` with its
        receipts. Leased by another → `IN_PROGRESS`. Another envelope with the same identity and
        mailbox but other content was handed over or is in work → `CONFLICT`.
        """

    async def finish(
        self, delivery_id: DeliveryId, receipts: Sequence[SignedEnvelope], *, now: datetime
    ) -> None:
        """Record that the delivery is done, with its receipts."""

    async def release(self, delivery_id: DeliveryId) -> None:
        """Give the lease back without success: the next claim is fresh."""

    async def reclaim(self, mailboxes: Sequence[MailboxName]) -> None:
        """Give back every lease of these mailboxes: their only worker is just starting.

        What a crash left in work is then free at once, and need not wait for the lease to end.
        """


# --- records: who sent what to whom -------------------------------------------------------------


class Records(Protocol):
    """The register of documents seen by this store, sent and received. Append-only."""

    async def record(self, record: DocumentRecord) -> None:
        """Add a document; the same envelope twice is recorded once."""

    async def find(
        self,
        *,
        document_id: str | None = None,
        full_number: str | None = None,
        year: int | None = None,
        limit: int = 100,
    ) -> Sequence[DocumentRecord]:
        """Documents by id, or by number and year; newest first."""


# --- dead letters -------------------------------------------------------------------------------


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

    async def place(self, order: NewOrder, *, order_id: OrderId, now: datetime) -> Order:
        """Freeze the set an order is about and, unless it needs approval, let it run.

        Letters that belong to another order under way are not taken; the order says how many
        and whose. Discards and restores are carried out at once; a replay by the handler, from
        `next_of`. Letters not in a state of `ACTED_UPON` are left alone.
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

    async def count(self, selection: Selection) -> int:
        """How many letters a selection means."""

    async def letter(self, id_or_prefix: str) -> DeadLetter:
        """One letter. Raises `ConfigurationError` E_LETTER_UNKNOWN, E_LETTER_AMBIGUOUS."""

    async def history(self, letter_id: LetterId) -> Sequence[Entry]:
        """Everything that happened to a letter."""

    async def message(self, letter_id: LetterId) -> WireMessage:
        """The delivery a letter is about, byte for byte."""


# --- attachments --------------------------------------------------------------------------------


class AttachmentStore(AttachmentSink, AttachmentSource, Protocol):
    """Content-addressed files. Blocking: called in threads.

    A file is visible only when complete, digest known and synced to disk.
    """

    def has(self, sha256: str) -> bool:
        """Whether the store holds these bytes."""


# --- attempts -----------------------------------------------------------------------------------


class Attempts(Protocol):
    """What was begun and never ended, because its process did. Blocking: called in threads."""

    def begin(self, key: str) -> int:
        """Begin, and answer how often this was begun before without coming to an end."""

    def end(self, key: str) -> None:
        """It came to an end, whatever it was: nothing is held against it any more."""


# --- worker processes ---------------------------------------------------------------------------


class WorkerProcess(Protocol):
    """A process that runs the adapters of some mailboxes. It ends when its parent does."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def instruct(self, instruction: Instruction) -> None:
        """Tell it what to do; void when it has ended."""

    def events(self) -> AsyncIterator[Event]:
        """What it tells, until its end. Read by one reader."""

    async def ended(self) -> int:
        """Wait for its end: the exit code, or the negative number of the signal that killed it."""

    def terminate(self) -> None:
        """Let it finish what is under way, and end."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """Starts worker processes."""

    async def launch(self, worker: WorkerName) -> WorkerProcess:
        """Start one; it does nothing until it is told to."""


# --- the moment, and what is said of it ---------------------------------------------------------

Clock = Callable[[], datetime]
"""Now, aware, UTC. Only `bus.bootstrap` reads the real one."""

NewId = Callable[[], str]
"""A fresh message id."""

Observer = Callable[[Event], None]
"""Hears every event. Must be quick and must not raise."""

Jitter = Callable[[], float]
"""A number in [0, 1), fresh at each call."""
