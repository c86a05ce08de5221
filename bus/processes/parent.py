"""Parent: how a process obeys signals, and how it ends with the parent that started it."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

PARENT = "LIENTHONG_PARENT"
"""In the environment of a child: the process id of its parent. Absent: the process runs alone."""

ORPHANED = 70
"""Exit code of a process whose parent is gone."""

HANGING = 71
"""Exit code of a process in which something still hung so long after it was to stop."""

DRAIN = timedelta(seconds=30)
_LOOK_EVERY_SECONDS = 0.25


def obey_signals(stop: asyncio.Event) -> None:
    """Stop on SIGTERM, and on Ctrl-C, which reaches parent and children together.

    A parent blocks SIGINT for its child until now.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_with_parent() -> None:
    """From now on this process ends when its parent does, `kill -9` of the parent included.

    It ends at once and drains nothing: what was under way is not acknowledged, and the broker that
    it would be drained to may be gone with the parent. Looked for in a thread, because the event
    loop may be busy.
    """
    parent = os.environ.get(PARENT)
    if parent is not None:
        threading.Thread(target=_end_with, args=(int(parent),), name="parent", daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY_SECONDS)
    os._exit(ORPHANED)


@asynccontextmanager
async def leaving_after(stop: asyncio.Event) -> AsyncIterator[None]:
    """End this process some time after `stop` or the exit, also while threads of it hang.

    They are no reason to stay, and cannot be ended otherwise; nothing of theirs is acknowledged.
    """

    async def watch() -> None:
        await stop.wait()
        leave()

    def leave() -> None:
        timer = threading.Timer(DRAIN.total_seconds(), os._exit, (HANGING,))
        timer.daemon = True
        timer.start()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        if not watching.done():
            watching.cancel()
            leave()
