"""Attempts: what was begun and never came to an end."""

from typing import Protocol


class Attempts(Protocol):
    """What was begun and never ended, because its process did. Blocking: called in threads."""

    def begin(self, key: str) -> int:
        """Begin, and answer how often this was begun before without coming to an end."""

    def end(self, key: str) -> None:
        """It came to an end, whatever it was: nothing is held against it any more."""
