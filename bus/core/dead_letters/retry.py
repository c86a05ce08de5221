"""Retry: what becomes of a delivery that failed, decided by its class and how often it has.

A decision is a value; the store records it and the dead-letter handler obeys it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.errors import FailureClass

QUARANTINE_AFTER = 3

_SIX_RETRIES: tuple[timedelta, ...] = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
)
SCHEDULES: dict[FailureClass, tuple[timedelta, ...]] = {
    FailureClass.RECIPIENT_DOWN: _SIX_RETRIES,
    FailureClass.NOT_THERE_YET: _SIX_RETRIES,
}
"""The waits before the automatic retries of each class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """Deliver it again by itself, not before `due_at`."""

    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Park:
    """No more automatic attempts: a person decides.

    Attributes:
        quarantined: It came back from replays too often: only after a `restore` may it be
            replayed again.
    """

    quarantined: bool = False


Disposition = Retry | Park


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryPolicy:
    """How patient the axis is.

    Attributes:
        schedules: For each class the waits before its retries; a class without one is parked at
            once, because trying again cannot help without somebody changing something.
        quarantine_after: Replays of one dead letter that came back, before it is quarantined.
    """

    schedules: Mapping[FailureClass, Sequence[timedelta]] = field(default_factory=SCHEDULES.copy)
    quarantine_after: int = QUARANTINE_AFTER


def decide(
    failure_class: FailureClass,
    *,
    attempts: int,
    replays: int,
    policy: RetryPolicy,
    now: datetime,
    jitter: float,
) -> Disposition:
    """Decide after a failed attempt.

    Args:
        attempts: Failed attempts of this delivery so far, this one included.
        replays: How often operators have replayed it.
        jitter: In [0, 1). It only lengthens, by up to a tenth, so that what failed together does
            not come back together.
    """
    if replays >= policy.quarantine_after:
        return Park(quarantined=True)
    schedule = policy.schedules.get(failure_class, ())
    if attempts > len(schedule):
        return Park()
    return Retry(due_at=now + schedule[attempts - 1] * (1 + jitter / 10))
