"""Waiting: for the first of several, for an event no longer than a while, and between turns."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from math import inf


async def first_of(*waits: Coroutine[object, object, object]) -> None:
    """Wait until one of them has ended; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def set_within(event: asyncio.Event, pause: timedelta) -> bool:
    """Wait until an event is set, or the pause is over; whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(pause.total_seconds()):
            await event.wait()
    return event.is_set()


class Turns:
    """Keeps the turns of a loop apart, so that what wakes it all the time makes it no busy loop."""

    def __init__(self, *, apart: timedelta = timedelta(milliseconds=20)) -> None:
        self._apart = apart.total_seconds()
        self._last = -inf

    async def next(self) -> None:
        """Wait until the next turn may begin, which it does when this returns."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._last + self._apart - loop.time()))
        self._last = loop.time()
