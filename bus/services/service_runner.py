"""ServiceRunner: starts a service that dies again, alone, after growing pauses, and reports it.

This is the one place that says so. A service is a loop which must not end before its process
does. It catches what it knows; whatever else it dies of is a bug of ours, which must cost that
service a pause and nobody else anything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from bus.core.crash import problem_of
from bus.core.events import ServiceEnded, ServiceName
from bus.core.restart import Restarts
from bus.ports import Jitter, Observer
from bus.services.waiting import set_within
from schemas.problem import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceRunner:
    """Keeps services of one process running until `stop` is set."""

    observe: Observer
    jitter: Jitter
    stop: asyncio.Event

    async def keep(
        self,
        service: ServiceName,
        run: Callable[[], Awaitable[object]],
        *,
        of: str = "",
        stop: asyncio.Event | None = None,
        hopeless: bool = False,
    ) -> None:
        """Run a service, anew whenever it dies, until it returns or the stop.

        Args:
            of: Whose it is: a mailbox or a worker.
            stop: Its own one, if it ends at another moment than the others.
            hopeless: A `ConfigurationError` says that only an operator can help, and is raised.

        Raises:
            ConfigurationError: Only if `hopeless`.
        """
        stop = stop or self.stop
        loop, restarts = asyncio.get_running_loop(), Restarts()
        while True:
            began = loop.time()
            died = await _death_of(run)
            if died is None:
                return
            if hopeless and isinstance(died, ConfigurationError):
                raise died
            ran = timedelta(seconds=loop.time() - began)
            restarts = restarts.after(ran=ran, refused=False)
            pause = restarts.pause(jitter=self.jitter())
            self.observe(
                ServiceEnded(
                    service=service,
                    of=of,
                    problem=problem_of(died, stage=service),
                    pause=pause,
                )
            )
            if await set_within(stop, pause):
                return


async def _death_of(run: Callable[[], Awaitable[object]]) -> BaseException | None:
    """Of what a run died; None: it returned.

    In a task of its own: whoever cancels that one, a driver for example, does not cancel us.
    """

    async def alone() -> None:
        await run()

    running = asyncio.create_task(alone())
    try:
        await asyncio.wait([running])
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.wait([running])
        raise
    return asyncio.CancelledError() if running.cancelled() else running.exception()
