"""Waiting: for the first of several, and for an event no longer than a while."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta


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
