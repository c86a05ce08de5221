"""Backoff: how long to wait before trying again what the world prevented."""

from datetime import timedelta

FIRST = timedelta(milliseconds=200)
LONGEST = timedelta(seconds=15)


def pause_before(attempt: int, *, jitter: float) -> timedelta:
    """The pause after the `attempt`-th failure, from 1: doubling, bounded, spread.

    Args:
        jitter: In [0, 1). It only lengthens, by up to half, so that many who fail together do not
            come back together.
    """
    doubled = FIRST * (1 << min(max(attempt, 1) - 1, 16))
    return min(doubled, LONGEST) * (1 + jitter / 2)
