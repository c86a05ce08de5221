"""Gauges: looks, every few seconds and off the way of messages, at what no event tells."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bus.core.backoff import pause_before
from bus.core.crash import problem_of
from bus.core.events import ItemSkipped, ServiceName
from bus.core.gauges import Sight
from bus.ports import Observer
from schemas.problem import AxisError

_LONGEST = timedelta(minutes=1)
"""Between two tries of a look that fails, unless it is made less often anyway."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One thing to look at.

    Attributes:
        look: What there is to see; None when it cannot be told now. A `TransportError` says the
            same: what was seen last stays.
    """

    look: Callable[[], Awaitable[Sight | None]]
    every: timedelta
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Looks again and again, at each thing by itself: one that hangs holds up no other."""

    looks: Sequence[Look]
    see: Callable[[Sight], None]
    observe: Observer

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as looking:
            for look in self.looks:
                looking.create_task(self._again_and_again(look))

    async def _again_and_again(self, look: Look) -> None:
        failures = 0
        while True:
            pause = look.every
            try:
                sight = await look.look()
                if sight is not None:
                    self.see(sight)
                failures = 0
            except AxisError:
                # Who works notices it as well, and says so: what was seen last stays.
                pass
            except Exception as error:  # noqa: BLE001 (to be observed must stop no work)
                failures += 1
                pause = pause_before(
                    failures, jitter=0, first=look.every, longest=max(look.every, _LONGEST)
                )
                self.observe(
                    ItemSkipped(
                        service=ServiceName.SURVEY,
                        item=look.name,
                        problem=problem_of(error, stage=ServiceName.SURVEY),
                        pause=pause,
                    )
                )
            await asyncio.sleep(pause.total_seconds())
