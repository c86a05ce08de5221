"""Endpoint changes: when a service that looks at an endpoint again and again has to look next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.contract import Endpoint


@asynccontextmanager
async def noticing(endpoint: Endpoint) -> AsyncIterator[asyncio.Task[None]]:
    """Provide a task that ends when something changes at the endpoint from now on.

    The task waits already. So when a look inside this context misses a change, the task ends.
    """
    changed = asyncio.create_task(endpoint.changed())
    try:
        await asyncio.sleep(0)
        yield changed
    finally:
        changed.cancel()
        # How it failed does not matter: the next look finds what is there.
        await asyncio.gather(changed, return_exceptions=True)


async def until_noticed(
    changed: asyncio.Task[None], *events: asyncio.Event, at_most: timedelta | None
) -> None:
    """Wait for a change or for one of the events, but at most so long; None: without a limit.

    If the endpoint fails to wait for changes, wait for the events or the time.
    """
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    pause = None if at_most is None else at_most.total_seconds()
    try:
        done, _ = await asyncio.wait(
            [changed, *waits], timeout=pause, return_when=asyncio.FIRST_COMPLETED
        )
        if done == {changed} and (changed.cancelled() or changed.exception() is not None):
            await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
