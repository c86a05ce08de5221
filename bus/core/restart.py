"""When a process or service that has ended is started again, and when it is not."""

from dataclasses import dataclass
from datetime import timedelta

from bus.core.backoff import pause_before

HELD = timedelta(minutes=1)
"""After running for this long, earlier ends do not count."""
MOST_REFUSALS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Restarts:
    """How often in a row it has ended without being told to.

    Attributes:
        refusals: How often in a row it ended at its start with an error of the operator.
    """

    ends: int = 0
    refusals: int = 0

    def after(self, *, ran: timedelta, refused: bool) -> "Restarts":
        """Count one more end, after it ran for `ran`."""
        return Restarts(
            ends=1 if ran >= HELD else self.ends + 1,
            refusals=self.refusals + 1 if refused else 0,
        )

    def pause(self, *, jitter: float) -> timedelta:
        """How long to wait before the next start; see `pause_before`."""
        return pause_before(self.ends, jitter=jitter)

    @property
    def hopeless(self) -> bool:
        """Whether another start is useless until an operator has corrected something."""
        return self.refusals >= MOST_REFUSALS
