"""A worker comes back quickly at first, later more slowly, and only a wrong setting ends it."""

from datetime import timedelta

from bus.core.restart import HELD, MOST_REFUSALS, Restarts

AT_ONCE = timedelta(seconds=1)


def _pauses(ends: int) -> list[timedelta]:
    restarts, pauses = Restarts(), []
    for _ in range(ends):
        restarts = restarts.after(ran=AT_ONCE, refused=False)
        pauses.append(restarts.pause(jitter=0))
    return pauses


def test_pauses_grow_up_to_a_bound() -> None:
    pauses = _pauses(30)

    assert pauses == sorted(pauses)
    assert pauses[0] < timedelta(seconds=1)
    assert timedelta(seconds=10) <= pauses[-1] <= timedelta(minutes=1)


def test_one_that_held_for_a_while_begins_anew() -> None:
    tired = Restarts(ends=9)

    assert tired.after(ran=HELD, refused=False).pause(jitter=0) == _pauses(1)[0]


def test_jitter_spreads_the_starts() -> None:
    once = Restarts(ends=1)

    assert once.pause(jitter=0) < once.pause(jitter=0.5) < once.pause(jitter=0.99)


def test_only_refusals_in_a_row_are_hopeless() -> None:
    restarts = Restarts()
    for refused in (True, False) * MOST_REFUSALS:
        restarts = restarts.after(ran=AT_ONCE, refused=refused)
        assert not restarts.hopeless

    for _ in range(MOST_REFUSALS):
        restarts = restarts.after(ran=AT_ONCE, refused=True)

    assert restarts.hopeless
