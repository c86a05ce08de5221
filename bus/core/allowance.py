"""How long a format may work on a packet, and how many bytes it may write.

The limits stop work that never ends. They are far above what slow but normal work needs.
"""

from datetime import timedelta

from adapters.contract import MIB

BYTES_PER_SECOND = 4 * MIB
"""A busy disk and processor are faster than this."""
_FOR_THE_TEXT_BYTES = 64 * MIB
_TIMES_THE_FILES = 4
"""Base64 in UTF-16 needs 2.7 times the bytes of its content."""


def seconds_for(size: int, *, deadline: timedelta) -> float:
    """How long a format may work on so many bytes; `deadline` is the time for a small packet."""
    return deadline.total_seconds() + size / BYTES_PER_SECOND


def most_bytes_written(size: int) -> int:
    """How many bytes a format may write for a message whose files have `size` bytes."""
    return _FOR_THE_TEXT_BYTES + _TIMES_THE_FILES * size
