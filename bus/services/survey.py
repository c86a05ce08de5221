"""Survey: looks, every few seconds and off the way of messages, at what no event tells."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bus.core.census import Sight
from schemas.problem import AxisError

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One thing to look at.

    Attributes:
        look: What there is to see; None when it cannot be told now. A `TransportError` says the
            same: what was seen last stays.
    """

    look: Callable[[], Awaitable[Sight | None]]
    every: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Looks again and again, at each thing by itself: one that hangs holds up no other."""

    looks: Sequence[Look]
    see: Callable[[Sight], None]

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as looking:
            for look in self.looks:
                looking.create_task(self._again_and_again(look))

    async def _again_and_again(self, look: Look) -> None:
        while True:
            try:
                sight = await look.look()
                if sight is not None:
                    self.see(sight)
            except AxisError:
                # Who works notices it as well, and says so: what was seen last stays.
                pass
            except Exception as error:  # noqa: BLE001 (to be observed must stop no work)
                _log.error("survey_failed", cause=type(error).__name__)
            await asyncio.sleep(look.every.total_seconds())
