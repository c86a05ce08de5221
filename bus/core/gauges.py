"""Gauges: numbers of the axis that are measured every few seconds, beside what events tell."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import LetterState
from schemas.identifiers import MailboxName

NOT_BACK = tuple(state for state in LetterState if state is not LetterState.REDELIVERED)
"""The states of dead letters that are not in a mailbox again."""

FOR_OPERATORS = (LetterState.PARKED, LetterState.QUARANTINED)
"""The states of dead letters that wait for a person."""


class ZeroFor(Enum):
    """Which agencies have the value 0 when a measurement does not name them."""

    NOBODY = auto()
    SERVED = auto()
    """Those whose mailboxes the process serves."""
    ALL = auto()
    """Those of the directory."""


_ALL = (("agency",), ZeroFor.ALL)


class Gauge(Enum):
    """Every gauge: name without `lienthong_`, description, labels, who is 0 if not measured.

    A label `agency` is the first one. A new gauge is declared here, and a `Look` measures it.
    """

    ACCEPTED = ("deliveries_accepted", "Deliveries of documents that the broker has confirmed.")
    DELIVERED = ("deliveries_delivered", "Of the accepted ones: handed over.")
    WAITING = (
        "deliveries_waiting",
        "Of the accepted ones: in a mailbox, under work, or waiting for a retry.",
    )
    PARKED = (
        "deliveries_parked",
        "Of the accepted ones: dead letters that wait for an operator or were given up.",
    )
    UNACCOUNTED = (
        "deliveries_unaccounted",
        "Accepted - delivered - waiting - parked: missing in two measurements in a row. Must be 0.",
    )
    OLDEST_UNDELIVERED = (
        "oldest_undelivered_seconds",
        "Age of the oldest document that waits for an agency; 0: none.",
        *_ALL,
    )
    LETTERS = ("dead_letters", "Dead letters by class and state.", ("failure_class", "state"))
    LETTERS_OF_AGENCY = (
        "dead_letters_of_agency",
        "Parked and quarantined dead letters of an agency.",
        *_ALL,
    )
    RETRIES_WAITING = (
        "retries_waiting",
        "Dead letters of an agency that wait for their retry.",
        *_ALL,
    )
    OLDEST_LETTER = (
        "oldest_dead_letter_seconds",
        "Age of the last failure of the dead letter that waits longest for an operator.",
    )
    OUTBOX_OLDEST = (
        "outbox_oldest_seconds",
        "Age of the oldest file in an agency's outbox; 0: it is empty.",
        ("agency",),
        ZeroFor.SERVED,
    )
    OFFERS_PENDING = (
        "offers_pending",
        "Deliveries that an agency's system has, and has not answered.",
        *_ALL,
    )
    OLDEST_OFFER = (
        "oldest_offer_seconds",
        "Age of the oldest delivery that an agency's system has not answered; 0: none.",
        *_ALL,
    )
    WORKER_CONNECTED = (
        "agency_worker_connected",
        "Of an agency with its own worker: 1 while anybody consumes from its mailbox, else 0.",
        ("agency",),
    )
    CERTIFICATE_LEFT = (
        "certificate_left_seconds",
        "Time until the last certificate of an agency expires; negative afterwards.",
        ("agency",),
    )

    def __init__(
        self,
        metric: str,
        text: str,
        labels: tuple[str, ...] = (),
        zero_for: ZeroFor = ZeroFor.NOBODY,
    ) -> None:
        self.metric = metric
        self.text = text
        self.labels = labels
        self.zero_for = zero_for


Measurement = Mapping[Gauge, Mapping[tuple[str, ...], float]]
"""The gauges that were measured: their values by the values of their labels.

Label values that a gauge had before, and that are absent, are no longer shown.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Where every accepted delivery of a document is: delivered, waiting, parked, or unknown.

    Counted from what the stores keep, so a restart changes nothing (`services.reconciliation`).

    Attributes:
        accepted: Pairs of a document and a mailbox that the broker has confirmed.
        waiting: In a mailbox, under work, or a dead letter that is delivered again by itself.
        parked: Dead letters that wait for an operator, or that an operator gave up.
        unaccounted: The rest: must be 0.
        oldest: For each mailbox with waiting documents: since when the oldest one waits.
    """

    accepted: int
    delivered: int
    waiting: int
    parked: int
    unaccounted: int
    oldest: Mapping[MailboxName, datetime]

    def measured(self, now: datetime) -> Measurement:
        """The account as gauges."""
        return {
            Gauge.ACCEPTED: {(): self.accepted},
            Gauge.DELIVERED: {(): self.delivered},
            Gauge.WAITING: {(): self.waiting},
            Gauge.PARKED: {(): self.parked},
            Gauge.UNACCOUNTED: {(): self.unaccounted},
            Gauge.OLDEST_UNDELIVERED: ages(self.oldest, now),
        }


def measured_letters(
    causes: Iterable[Cause], oldest: datetime | None, *, now: datetime
) -> Measurement:
    """The dead letters that are not in a mailbox again, as gauges.

    Args:
        oldest: The last failure of the one that waits longest for an operator.
    """
    by_class: Counter[tuple[str, ...]] = Counter()
    retries: Counter[tuple[str, ...]] = Counter()
    for_operators: Counter[tuple[str, ...]] = Counter()
    for cause in causes:
        for state, count in cause.counts.items():
            by_class[cause.failure_class, state] += count
        retries[(cause.mailbox,)] += cause.counts.get(LetterState.WAITING, 0)
        for_operators[(cause.mailbox,)] += sum(cause.counts.get(s, 0) for s in FOR_OPERATORS)
    return {
        Gauge.LETTERS: by_class,
        Gauge.RETRIES_WAITING: retries,
        Gauge.LETTERS_OF_AGENCY: for_operators,
        Gauge.OLDEST_LETTER: {(): seconds_since(oldest, now) if oldest else 0},
    }


def ages(since: Mapping[MailboxName, datetime], now: datetime) -> dict[tuple[str, ...], float]:
    """The values of a gauge by agency: how many seconds ago these moments were."""
    return {(mailbox,): seconds_since(moment, now) for mailbox, moment in since.items()}


def seconds_since(moment: datetime, now: datetime) -> float:
    """The seconds between the two; 0 when the moment is still to come."""
    return max(0.0, (now - moment).total_seconds())
