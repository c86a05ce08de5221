"""Moment: time, chance, names, and who hears what happened."""

from collections.abc import Callable
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
