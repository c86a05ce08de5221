"""Gauges: what is seen of an axis by looking every few seconds, beside what its events tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import LetterState
from schemas.identifiers import MailboxName

NOT_BACK = tuple(state for state in LetterState if state is not LetterState.REDELIVERED)
"""Dead letters that are not in a mailbox again."""

FOR_OPERATORS = (LetterState.PARKED, LetterState.QUARANTINED)
"""Dead letters that wait for a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Where every accepted delivery of a document is: delivered, waiting, parked, or nobody knows.

    Counted from what the stores keep, so a restart changes nothing (`services.reconciliation`).

    Attributes:
        accepted: Pairs of a document and a mailbox that the broker has confirmed.
        waiting: In a mailbox, under work, or a dead letter that is delivered again by itself.
        parked: Dead letters that wait for an operator, or that one gave up.
        unaccounted: The rest: must be 0.
        oldest: For each mailbox that something waits for: since when, the longest.
    """

    accepted: int
    delivered: int
    waiting: int
    parked: int
    unaccounted: int
    oldest: Mapping[MailboxName, datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class Letters:
    """The causes of all dead letters that are not back in their mailboxes.

    Attributes:
        oldest: When that failed last which waits longest for an operator.
    """

    causes: Sequence[Cause]
    oldest: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Outboxes:
    """For each agency that has dropped files which are not taken yet: how long the oldest lies."""

    oldest: Mapping[MailboxName, timedelta]


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificates:
    """When each mailbox can no longer sign: the end of its certificate that lasts longest."""

    ends: Mapping[MailboxName, datetime]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnWorkersSeen:
    """Of mailboxes that are served elsewhere: whether anybody takes from them."""

    connected: Mapping[MailboxName, bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingOffers:
    """For each mailbox: its deliveries that its agency's system has, and has not answered.

    Attributes:
        count: How many; mailboxes without any are absent.
        oldest: When the oldest of them was offered.
    """

    count: Mapping[MailboxName, int]
    oldest: Mapping[MailboxName, datetime]


Sight = Account | Letters | Outboxes | Certificates | OwnWorkersSeen | PendingOffers
