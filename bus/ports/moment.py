"""Moment: time, chance, names, who hears what happened, and what became known."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from bus.core.events import Event

Clock = Callable[[], datetime]
"""Now, aware, UTC. Only `bus.bootstrap` reads the real one."""

NewId = Callable[[], str]
"""A fresh message id."""

Observer = Callable[[Event], None]
"""Hears every event. Must be quick and must not raise."""

Jitter = Callable[[], float]
"""A number in [0, 1), fresh at each call."""

LookAgain = Callable[[], Awaitable[None]]
"""Looks for newer agencies and certificates, before something unknown is judged."""


async def nothing_new() -> None:
    """Look for nothing: agencies and certificates do not change."""
