"""Process: what the machine gives to a process: its clock, its randomness, its processors."""

import gc
import itertools
import os
import secrets
from datetime import UTC, datetime

from bus.core.dead_letters.letter import OrderId
from bus.ports import NewId


def settle_process() -> None:
    """Make this process fit for its work; called once, before the loop.

    What was imported lives for ever and need not be looked through for garbage again and again:
    a tenth of the time of a hop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def now() -> datetime:
    """The moment, UTC."""
    return datetime.now(UTC)


def fresh_ids() -> NewId:
    """Message ids: unique by a random word of this process, fresh by a count."""
    word, numbers = secrets.token_urlsafe(12), itertools.count(1)
    return lambda: f"{word}-{next(numbers)}"


def fresh_order_id() -> OrderId:
    """Short enough to be told on the telephone, and never given twice."""
    return OrderId(secrets.token_hex(5))


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
