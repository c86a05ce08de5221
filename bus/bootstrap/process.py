"""Process: the clock, the randomness and the processors of the machine."""

import ctypes
import gc
import itertools
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime

from bus.core.dead_letters.letter import OrderId
from bus.ports import NewId


def settle_process() -> None:
    """Tune the garbage collector; called once, before the event loop starts.

    Imported objects live as long as the process. Without this, the collector examines them again
    and again, which took a tenth of the time of a hop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def return_memory() -> None:
    """Return to the system the memory that the start of this process needed and that is free now.

    malloc_trim(3) of the GNU C library; other libraries do this by themselves or not at all.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def now() -> datetime:
    """The present time, UTC."""
    return datetime.now(UTC)


def fresh_ids() -> NewId:
    """Makes message ids from a random word of this process and a counter."""
    word, numbers = secrets.token_urlsafe(12), itertools.count(1)
    return lambda: f"{word}-{next(numbers)}"


def fresh_order_id() -> OrderId:
    """A random id that is short enough to be read out on the telephone."""
    return OrderId(secrets.token_hex(5))


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
