"""FailedItems: items of a loop that failed unexpectedly, and when each is tried again.

The loop goes on with the others. Each failure is reported; the pauses grow.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bus.core.backoff import pause_before
from bus.core.crash import problem_of
from bus.core.events import ItemSkipped, ServiceName
from bus.ports import Clock, Jitter, Observer

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=10)


@dataclass(kw_only=True)
class FailedItems:
    """The failed items of one service."""

    service: ServiceName
    clock: Clock
    jitter: Jitter
    observe: Observer
    _kept: dict[Hashable, tuple[int, datetime]] = field(default_factory=dict, init=False)

    def put(self, key: Hashable, name: str, error: Exception) -> None:
        """Note a failure: the item is not due until its pause is over.

        Args:
            key: Names the item; it differs when the item has changed, so that it is tried at once.
            name: The name of the item in the log.
        """
        failures, _ = self._kept.get(key, (0, None))
        pause = pause_before(failures + 1, jitter=self.jitter(), first=FIRST, longest=LONGEST)
        self._kept[key] = failures + 1, self.clock() + pause
        self.observe(
            ItemSkipped(
                service=self.service,
                item=name,
                problem=problem_of(error, stage=self.service),
                pause=pause,
            )
        )

    def is_due(self, key: Hashable) -> bool:
        """Whether an item may be tried now; one that never failed always may."""
        kept = self._kept.get(key)
        return kept is None or kept[1] <= self.clock()

    def keep_only(self, keys: Iterable[Hashable]) -> None:
        """Forget the items that are gone."""
        if self._kept:
            there = set(keys)
            self._kept = {key: kept for key, kept in self._kept.items() if key in there}

    def shorten(self, pause: timedelta) -> timedelta:
        """Shorten a pause if an item is due earlier."""
        moment = self.clock()
        return min([pause, *(max(due - moment, timedelta()) for _, due in self._kept.values())])
