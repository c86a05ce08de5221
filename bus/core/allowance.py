"""Allowance: how long a format may work on something, and how much may come of it.

Bounds on what never ends, not on what is slow: far beyond what any honest piece of work takes.
"""

from datetime import timedelta

from adapters.contract import MIB

BYTES_PER_SECOND = 4 * MIB
"""A disk and a processor that are busy with other things manage more."""
_FOR_THE_TEXT_BYTES = 64 * MIB
_TIMES_THE_FILES = 4
"""Base64 in UTF-16 has 2.7 times the bytes of what it holds."""


def seconds_for(size: int, *, deadline: timedelta) -> float:
    """How long one piece of work may take.

    Args:
        size: Bytes of the packet or of the files.
        deadline: For a small one.
    """
    return deadline.total_seconds() + size / BYTES_PER_SECOND


def most_bytes_written(size: int) -> int:
    """How many bytes may come of a message whose files have so many."""
    return _FOR_THE_TEXT_BYTES + _TIMES_THE_FILES * size
