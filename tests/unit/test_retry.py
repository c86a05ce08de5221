"""What becomes of a failed delivery follows from its class and its count alone."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.core.dead_letters.retry import SCHEDULES, Park, Retry, RetryPolicy, decide
from schemas.errors import FailureClass
from tests.support.envelopes import NOW

POLICY = RetryPolicy()


RETRIED = [(kind, n) for kind, waits in SCHEDULES.items() for n in range(1, len(waits) + 1)]


@pytest.mark.parametrize(("failure_class", "attempts"), RETRIED)
def test_what_may_succeed_later_is_tried_again_by_schedule(
    failure_class: FailureClass, attempts: int
) -> None:
    decision = decide(failure_class, attempts=attempts, replays=0, policy=POLICY, now=NOW, jitter=0)

    assert decision == Retry(due_at=NOW + SCHEDULES[failure_class][attempts - 1])


def test_after_the_last_retry_it_is_parked() -> None:
    decision = decide(
        FailureClass.RECIPIENT_DOWN,
        attempts=len(SCHEDULES[FailureClass.RECIPIENT_DOWN]) + 1,
        replays=0,
        policy=POLICY,
        now=NOW,
        jitter=0,
    )

    assert decision == Park()


@pytest.mark.parametrize("failure_class", sorted(set(FailureClass) - set(SCHEDULES)))
def test_what_trying_again_cannot_help_is_parked_at_once(failure_class: FailureClass) -> None:
    decision = decide(failure_class, attempts=1, replays=0, policy=POLICY, now=NOW, jitter=0)

    assert decision == Park()


def test_an_operator_may_choose_other_schedules() -> None:
    policy = RetryPolicy(schedules={FailureClass.OURS: (timedelta(seconds=5),)})

    assert decide(
        FailureClass.OURS, attempts=1, replays=0, policy=policy, now=NOW, jitter=0
    ) == Retry(due_at=NOW + timedelta(seconds=5))


def test_what_comes_back_from_replays_again_and_again_is_quarantined() -> None:
    decisions = [
        decide(FailureClass.OURS, attempts=n + 1, replays=n, policy=POLICY, now=NOW, jitter=0)
        for n in range(4)
    ]

    assert decisions == [Park(), Park(), Park(), Park(quarantined=True)]


@given(
    attempts=st.integers(1, 6),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_jitter_only_lengthens_and_by_a_tenth_at_most(attempts: int, jitter: float) -> None:
    decision = decide(
        FailureClass.RECIPIENT_DOWN,
        attempts=attempts,
        replays=0,
        policy=POLICY,
        now=NOW,
        jitter=jitter,
    )

    assert isinstance(decision, Retry)
    scheduled = SCHEDULES[FailureClass.RECIPIENT_DOWN][attempts - 1]
    assert scheduled <= decision.due_at - NOW <= scheduled * 1.1
