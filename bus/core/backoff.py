"""Backoff: how long to wait before trying again what the world or an agency's system prevented."""

from datetime import timedelta

FIRST = timedelta(milliseconds=200)
LONGEST = timedelta(seconds=15)

FIRST_PROBE = timedelta(seconds=1)
LONGEST_PROBE = timedelta(seconds=15)


def pause_before(
    attempt: int, *, jitter: float, first: timedelta = FIRST, longest: timedelta = LONGEST
) -> timedelta:
    """The pause after the `attempt`-th failure, from 1: doubling, bounded, spread.

    Args:
        jitter: In [0, 1). It only lengthens, by up to half, so that many who fail together do not
            come back together.
    """
    doubled = first * (1 << min(max(attempt, 1) - 1, 16))
    return min(doubled, longest) * (1 + jitter / 2)


def pause_before_probe(probe: int, *, jitter: float) -> timedelta:
    """The pause before the `probe`-th look, from 1, at a system that is away."""
    return pause_before(probe, jitter=jitter, first=FIRST_PROBE, longest=LONGEST_PROBE)
