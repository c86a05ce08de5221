"""Pace: how long to rest so that a rate is kept."""

from datetime import timedelta


def pause_after(count: int, *, rate: float, took: timedelta) -> timedelta:
    """The rest after `count` things that took so long, at most `rate` of them a second."""
    return max(timedelta(seconds=count / rate) - took, timedelta())
