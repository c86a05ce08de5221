"""Attempts in memory: they do not survive a crash, which is what they are for."""

from collections import Counter


class MemoryAttempts:
    """Every promise of attempts but survival."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, key: str) -> int:
        """Count a beginning."""
        before = self._begun[key]
        self._begun[key] += 1
        return before

    def end(self, key: str) -> None:
        """Forget the beginnings."""
        self._begun.pop(key, None)
