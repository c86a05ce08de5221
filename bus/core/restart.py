"""Restart: when a worker that ended is started again, and when that is hopeless."""

from dataclasses import dataclass
from datetime import timedelta

from bus.core.backoff import pause_before

HELD = timedelta(minutes=1)
MOST_REFUSALS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Restarts:
    """How often in a row one worker has ended unasked.

    Attributes:
        refusals: How often in a row it ended at its start because of what an operator must mend.
    """

    ends: int = 0
    refusals: int = 0

    def after(self, *, ran: timedelta, refused: bool) -> "Restarts":
        """Count one more end. One that had held for a while begins the series anew."""
        return Restarts(
            ends=1 if ran >= HELD else self.ends + 1,
            refusals=self.refusals + 1 if refused else 0,
        )

    def pause(self, *, jitter: float) -> timedelta:
        """How long to wait before the next start: growing, bounded, spread."""
        return pause_before(self.ends, jitter=jitter)

    @property
    def hopeless(self) -> bool:
        """Whether only an operator can help."""
        return self.refusals >= MOST_REFUSALS
