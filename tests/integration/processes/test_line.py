"""The line between the axis and a real worker process."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import uvloop

from bus.core.directory import seed_directory
from bus.core.events import DirectoryTakenUp, EventsDropped, WorkStalled
from bus.core.instructions import Know, Serve
from bus.core.placement import WorkerName
from bus.home.directory_file import seed_text
from bus.processes.launcher import LaunchedWorker, ProcessLauncher
from bus.processes.leash import leash, obey_signals
from schemas.identifiers import MailboxName
from schemas.problem import Problem

WORKER = WorkerName("1/1")
SEED = seed_directory(seed_text())
CHATTER = 120_000
"""Events of 160 bytes: more than a line and its buffer hold."""


async def play() -> None:
    """The worker: answers what it is told to know, and chatters when it is told to serve."""
    stop = asyncio.Event()
    obey_signals(stop)
    async with leash(WORKER) as line:
        async for instruction in line.instructions():
            match instruction:
                case Know(edition=edition):
                    line.tell(DirectoryTakenUp(worker=WORKER, edition=edition))
                case Serve(mailboxes=(mailbox, *_)):
                    stalled = WorkStalled(
                        mailbox=mailbox, problem=Problem(code="E_STORE_AWAY"), pause=timedelta(1)
                    )
                    for _ in range(CHATTER):
                        line.tell(stalled)
                case Serve():
                    return


@asynccontextmanager
async def launched() -> AsyncIterator[LaunchedWorker]:
    launcher = ProcessLauncher(__name__, lambda worker: ("play", worker), environment={})
    worker = await launcher.launch(WORKER)
    try:
        yield worker
    finally:
        worker.kill()
        await worker.ended()


async def test_a_worker_hears_and_is_heard_and_ends_with_its_code() -> None:
    async with launched() as worker:
        worker.instruct(Know(edition=7, directory=SEED))
        worker.instruct(Serve(mailboxes=()))

        events = [event async for event in worker.events()]

        assert events == [DirectoryTakenUp(worker=WORKER, edition=7)]
        assert await worker.ended() == 0


async def test_a_worker_that_is_not_listened_to_goes_on_and_counts_what_it_dropped() -> None:
    async with launched() as worker:
        worker.instruct(Serve(mailboxes=(MailboxName("G22"),)))
        worker.instruct(Know(edition=1, directory=SEED))
        heard, dropped = 0, 0

        async for event in worker.events():
            match event:
                case WorkStalled():
                    heard += 1
                case EventsDropped(count=count):
                    dropped += count
                case DirectoryTakenUp():
                    break
                case _:
                    raise AssertionError(event)

        assert heard + dropped == CHATTER
        assert dropped > 0


async def test_an_order_to_a_worker_that_was_killed_is_void() -> None:
    async with launched() as worker:
        worker.instruct(Know(edition=1, directory=SEED))
        assert await anext(worker.events()) == DirectoryTakenUp(worker=WORKER, edition=1)

        worker.kill()

        assert await worker.ended() == -9
        worker.instruct(Know(edition=2, directory=SEED))


if __name__ == "__main__":
    assert sys.argv[1:] == ["play", WORKER]
    uvloop.run(play())
