"""ServiceRunner: starts a service again that ended with an unexpected error, and reports it.

A service is a loop that must run as long as its process. It handles the errors that it expects; any
other error is a bug of ours. Then this service pauses, longer each time, and the others go on.
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
    """Keeps the services of one process running until `stop` is set."""

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
        """Run a service, again after each unexpected error, until it returns or is stopped.

        Args:
            of: The mailbox or worker that it serves, if there are several such services.
            stop: Its own stop, if it ends at another time than the others.
            hopeless: Raise a `ConfigurationError`, because only an operator can correct it.

        Raises:
            ConfigurationError: Only if `hopeless`.
        """
        stop = stop or self.stop
        loop, restarts = asyncio.get_running_loop(), Restarts()
        while True:
            began = loop.time()
            error = await _error_of(run)
            if error is None:
                return
            if hopeless and isinstance(error, ConfigurationError):
                raise error
            ran = timedelta(seconds=loop.time() - began)
            restarts = restarts.after(ran=ran, refused=False)
            pause = restarts.pause(jitter=self.jitter())
            self.observe(
                ServiceEnded(
                    service=service,
                    of=of,
                    problem=problem_of(error, stage=service),
                    pause=pause,
                )
            )
            if await set_within(stop, pause):
                return


async def _error_of(run: Callable[[], Awaitable[object]]) -> BaseException | None:
    """The error that ended a run; None: it returned.

    It runs in a task of its own, so that a driver that cancels this task does not cancel us.
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
