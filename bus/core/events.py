"""Events: what happened, for the log, the metrics and the list of paused mailboxes.

Services pass events to an observer and do not know who listens. The class of an event declares its
log level. A listener registers a function for each class that concerns it (`Handlers`). Events of
keys and certificates are in `key_events`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, TypeVar, dataclass_transform

from bus.core.dead_letters.letter import LetterId, LetterState, OrderId
from bus.core.failure import Stage
from bus.core.placement import WorkerName
from schemas.codes import EnvelopeKind, Lane
from schemas.errors import FailureClass
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.problem import Problem

_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")
_Event = TypeVar("_Event", bound="Event")


class Level(IntEnum):
    """The level of an event in the log, with the numbers of Python's `logging`."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


class ServiceName(StrEnum):
    """The services of an axis: loops that serve one item after another."""

    BROKER = "broker"
    COMPLETION = "completion"
    DEAD_LETTERS = "dead_letters"
    DIRECTORY = "directory"
    HEALTH = "health"
    INBOUND = "inbound"
    KEYS = "keys"
    OUTBOUND = "outbound"
    REVOCATIONS = "revocations"
    GAUGES = "gauges"
    WORKERS = "workers"


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Event:
    """Something that happened. Every subclass is a frozen dataclass with keyword arguments only.

    Its fields are logged, so they never hold content of documents.
    """

    _level: ClassVar[Level]

    def __init_subclass__(cls, *, level: Level) -> None:
        cls._level = level
        dataclass(frozen=True, kw_only=True)(cls)

    @property
    def level(self) -> Level:
        """At which level this event is logged."""
        return self._level

    @classmethod
    def log_name(cls) -> str:
        """The name of these events in the log."""
        return _CAPITAL.sub("_", cls.__name__).lower()


class Handlers:
    """A table from the class of an event to the function that handles it.

    An event whose class is not in the table is ignored.
    """

    def __init__(self) -> None:
        self._handlers: dict[type, Callable[[Any], object]] = {}

    def on(self, kind: type[_Event], handle: Callable[[_Event], object]) -> None:
        """Register the function for the events of one class; it replaces an earlier one."""
        self._handlers[kind] = handle

    def __call__(self, event: Event) -> None:
        """Call the function that is registered for the class of this event."""
        handle = self._handlers.get(type(event))
        if handle is not None:
            handle(event)


class EnvelopeSent(Event, level=Level.INFO):
    """The mailboxes of all recipients have confirmed it, and the sender's system was told."""

    mailbox: MailboxName
    kind: EnvelopeKind
    lane: Lane
    envelope_id: EnvelopeId
    file: str
    recipients: tuple[AgencyCode, ...]
    refused: tuple[Problem, ...] = ()
    took: timedelta
    trace: str | None = None


class SubmissionRefused(Event, level=Level.WARNING):
    """A file was returned to the sender's system."""

    mailbox: MailboxName
    file: str
    problems: tuple[Problem, ...]


class SendingPaused(Event, level=Level.ERROR):
    """The files that an agency wants sent cannot be read now; the agency still receives."""

    mailbox: MailboxName
    problem: Problem


class SendingResumed(Event, level=Level.INFO):
    """The files that an agency wants sent are read again."""

    mailbox: MailboxName
    away: timedelta


class DeliveryHandedOver(Event, level=Level.INFO):
    """The recipient's system has a delivery, and its receipts are being sent.

    Attributes:
        status: The code of a receipt; None for a document.
        age: Time since it was signed.
        took: Time since it was claimed.
        answered_after: For an automatic receipt: the time from the record of the document to this
            answer.
        warnings: The codes of the warnings that its recipient gets with it.
    """

    mailbox: MailboxName
    kind: EnvelopeKind
    lane: Lane
    envelope_id: EnvelopeId
    delivery_id: DeliveryId
    sender: AgencyCode
    file: str
    status: str | None
    age: timedelta
    took: timedelta
    answered_after: timedelta | None = None
    warnings: tuple[str, ...] = ()
    trace: str | None = None

    @property
    def level(self) -> Level:
        """Higher when the recipient is warned of something."""
        return Level.WARNING if self.warnings else self._level


class DuplicateAbsorbed(Event, level=Level.INFO):
    """A delivery that was already completed came again; its first receipts were sent again."""

    mailbox: MailboxName
    kind: EnvelopeKind
    lane: Lane
    envelope_id: EnvelopeId
    delivery_id: DeliveryId
    trace: str | None = None


class DeliveryFailed(Event, level=Level.ERROR):
    """A delivery could not be handed over; its original bytes are in the queue `failures`.

    Attributes:
        kind: None, like the fields below it, when nothing about the delivery could be proven.
    """

    mailbox: MailboxName
    stage: Stage
    problem: Problem
    message_id: str
    kind: EnvelopeKind | None = None
    lane: Lane | None = None
    envelope_id: EnvelopeId | None = None
    delivery_id: DeliveryId | None = None
    trace: str | None = None


class ForgeryRefused(Event, level=Level.WARNING):
    """A security matter: a delivery was not what it claimed to be, and was not handed over.

    Attributes:
        account: The broker account that published it, if the message names one: ask there first.
        routing_key: As it was published.
    """

    mailbox: MailboxName
    problem: Problem
    account: str | None
    routing_key: str
    message_id: str


class WorkStalled(Event, level=Level.WARNING):
    """Something outside is not available. Nothing is acknowledged; `pause` later we try again."""

    mailbox: MailboxName
    problem: Problem
    pause: timedelta


class EndpointPaused(Event, level=Level.ERROR):
    """An agency's system is not available. Its mailbox waits; no other mailbox does."""

    mailbox: MailboxName
    problem: Problem


class EndpointResumed(Event, level=Level.INFO):
    """An agency's system answers again, and its mailbox continues where it stopped."""

    mailbox: MailboxName
    away: timedelta


class FailureRecorded(Event, level=Level.WARNING):
    """A failed attempt is a row now: it waits for its retry, or is parked for an operator.

    Attributes:
        returned: The delivery had been a dead letter before, and was delivered again.
    """

    mailbox: MailboxName
    letter: LetterId
    stage: Stage
    failure_class: FailureClass
    code: str
    fingerprint: str
    state: LetterState
    attempts: int
    returned: bool
    trace: str | None = None


class LettersRedelivered(Event, level=Level.INFO):
    """Dead letters are in their mailboxes again, confirmed by the broker.

    Attributes:
        order: The operator's order; None for retries that were due.
    """

    count: int
    order: OrderId | None
    operator: str | None


class WorkerStarted(Event, level=Level.INFO):
    """A worker has started to serve mailboxes.

    Attributes:
        mailboxes: How many it serves now.
    """

    worker: WorkerName
    pid: int
    mailboxes: int


class ProcessEnded(Event, level=Level.ERROR):
    """A child process ended although nobody stopped it; it is started again after `pause`.

    Attributes:
        process: Its command, for example `worker 1`.
        signal: The signal that ended it, for example `SIGKILL`; then there is no exit code.
    """

    process: str
    pid: int
    exit_code: int | None
    signal: str | None
    pause: timedelta


class FormatLost(Event, level=Level.ERROR):
    """A format of another package crashed its process, exceeded its time, or raised an error.

    Attributes:
        work: `start`, `recognise`, `read` or `write`.
        cause: A signal, an exit code, the type of an exception, or the limit that was exceeded.
        steps: The calls that lead to the place in its code, as far as they are known.
    """

    format: str
    work: str
    cause: str
    steps: tuple[str, ...] = ()


class ServiceEnded(Event, level=Level.ERROR):
    """A service ended with an unexpected error; it alone is started again after `pause`.

    Attributes:
        of: The mailbox or worker that it serves; empty: the process has only one such service.
    """

    service: ServiceName
    of: str
    problem: Problem
    pause: timedelta


class ItemSkipped(Event, level=Level.ERROR):
    """One item of a service failed with an unexpected error; the other items were processed.

    Attributes:
        item: Its name: a file, a certificate, a list, a mailbox.
        pause: When it is tried again; None: when it has changed.
    """

    service: ServiceName
    item: str
    problem: Problem
    pause: timedelta | None = None
