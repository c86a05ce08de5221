"""Worker: an axis' adapters in a process of its own, to be killed, or to kill itself.

`python -m tests.faults.worker <errand as JSON>` says `ready` and then each event, a line each.
SIGTERM stops it in order.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import assert_never

from bus.core.events import Event
from bus.home.attempts import FolderAttempts
from bus.rabbit.broker import RabbitBroker
from bus.services.crash_guard import CrashGuard, GuardedFormat
from schemas.value import Value
from tests.faults.axis import DEADLINE, Site, agencies_at
from tests.faults.crashes import (
    CrashPoint,
    DyingBroker,
    DyingEndpoint,
    DyingInbox,
    DyingLateEndpoint,
    Fuse,
    PoisonedEndpoint,
    PoisonedFormat,
)
from tests.faults.systems import SlowEndpoint
from tests.support.agencies import Parts
from tests.support.late_system import LateEndpoint

ROOT = Path(__file__).parents[2]
READY = "ready"


class Errand(Value):
    """What a worker process is to do.

    Attributes:
        crash: Where it dies, at the `uses`-th time that it comes by.
        careful: The worker before has crashed.
        late: The recipient's system answers later.
        slow: The agencies whose systems take `takes` for each hand-over.
    """

    site: Site
    crash: CrashPoint = CrashPoint.NEVER
    uses: int = 1
    careful: bool = False
    late: bool = False
    slow: tuple[str, ...] = ()
    takes: timedelta = timedelta()

    def alter(self, parts: Parts) -> Parts:
        """Build the crash, or the slowness, into the parts."""
        parts = replace(parts, tell=tell)
        if self.slow:
            slow = partial(SlowEndpoint, takes=self.takes, codes=self.slow)
            parts = replace(parts, endpoint=slow)
        if self.late:
            parts = replace(parts, endpoint=LateEndpoint)
        match self.crash:
            case CrashPoint.NEVER | CrashPoint.FAILURE_TOLD:
                return parts
            case CrashPoint.HANDED_OVER:
                dying = DyingLateEndpoint if self.late else DyingEndpoint
                return replace(parts, endpoint=partial(dying, fuse=Fuse(self.uses)))
            case CrashPoint.RECORDED:
                return replace(parts, inbox=DyingInbox(parts.inbox, Fuse(self.uses)))
            case CrashPoint.OFFER_RECORDED:
                inbox = DyingInbox(parts.inbox, Fuse(self.uses), at_offer=True)
                return replace(parts, inbox=inbox)
            case CrashPoint.FORMAT:
                guard = CrashGuard(FolderAttempts(self.site.home / "attempts"))
                if self.careful:
                    guard.be_careful()
                return replace(parts, format=GuardedFormat(PoisonedFormat(), guard))
            case CrashPoint.ENDPOINT:
                return replace(parts, endpoint=PoisonedEndpoint)
            case _ as never:
                assert_never(never)

    @property
    def broker(self) -> type[RabbitBroker]:
        """The broker's client, which may be mortal too."""
        return DyingBroker if self.crash is CrashPoint.FAILURE_TOLD else RabbitBroker


def tell(event: Event) -> None:
    """Say what happened, at once."""
    sys.stdout.write(f"{event!r}\n")
    sys.stdout.flush()


@dataclass
class WorkerProcess:
    """A running worker, as its supervisor sees it."""

    process: asyncio.subprocess.Process
    said: list[str]
    listening: asyncio.Task[None]

    @classmethod
    async def start(cls, errand: Errand, through: Sequence[str] = ()) -> "WorkerProcess":
        """Start it, and wait until it is at work or has already died.

        Args:
            through: A command that becomes what it is given.
        """
        process = await asyncio.create_subprocess_exec(
            *through,
            *(sys.executable, "-m", "tests.faults.worker", errand.to_json().decode()),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        said: list[str] = []
        began = asyncio.Event()
        worker = cls(process, said, asyncio.create_task(_listen(process, said, began)))
        async with asyncio.timeout(DEADLINE.total_seconds()):
            await began.wait()
        return worker

    def told(self, kind: type[Event]) -> list[str]:
        """The events of one kind."""
        return [line for line in self.said if line.startswith(f"{kind.__name__}(")]

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end; the exit code, or minus the signal."""
        async with asyncio.timeout(DEADLINE.total_seconds()):
            code = await self.process.wait()
            await self.listening
        return code

    async def stop(self) -> int:
        """Stop it in order."""
        with suppress(ProcessLookupError):
            self.send(signal.SIGTERM)
        return await self.ended()


@asynccontextmanager
async def worker_of(errand: Errand, through: Sequence[str] = ()) -> AsyncIterator[WorkerProcess]:
    """A worker that does not outlive the test."""
    worker = await WorkerProcess.start(errand, through)
    try:
        yield worker
    finally:
        with suppress(ProcessLookupError):
            worker.send(signal.SIGKILL)
        await worker.ended()


async def _listen(
    process: asyncio.subprocess.Process, said: list[str], began: asyncio.Event
) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        said.append(line.decode().rstrip())
        began.set()
    began.set()


async def work(errand: Errand) -> None:
    """Work until SIGTERM, or until the crash."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with agencies_at(errand.site, broker=errand.broker, alter=errand.alter) as agencies:
        async with agencies.at_work():
            sys.stdout.write(f"{READY}\n")
            sys.stdout.flush()
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(work(Errand.model_validate_json(sys.argv[1])))
