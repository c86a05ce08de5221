"""The small functions that services receive: clock, random numbers, ids, observer."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from bus.core.events import Event

Clock = Callable[[], datetime]
"""Returns the time, aware, UTC. Only `bus.bootstrap` reads the real clock."""

NewId = Callable[[], str]
"""Returns a new message id."""

Observer = Callable[[Event], None]
"""Receives every event. It must be quick and must not raise."""

Jitter = Callable[[], float]
"""Returns a new random number in [0, 1)."""

LookAgain = Callable[[], Awaitable[None]]
"""Loads newer agencies and certificates, before something unknown is refused."""


async def nothing_new() -> None:
    """Load nothing, because agencies and certificates do not change."""
