"""Worker processes that are none: what they do is played by who launched them."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

from bus.core.events import Event
from bus.core.instructions import Instruction
from bus.core.placement import WorkerName

TERMINATED = -15
KILLED = -9


class MemoryWorker:
    """A worker whose instructions can be seen, and whose events and end can be made."""

    def __init__(self, worker: WorkerName, pid: int) -> None:
        self.worker = worker
        self.instructions: list[Instruction] = []
        self._pid = pid
        self._told: asyncio.Queue[Event | None] = asyncio.Queue()
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        """A number of its own."""
        return self._pid

    def instruct(self, instruction: Instruction) -> None:
        """Keep the instruction."""
        self.instructions.append(instruction)

    def tell(self, event: Event) -> None:
        """Let it tell something."""
        self._told.put_nowait(event)

    async def events(self) -> AsyncIterator[Event]:
        """What it was made to tell."""
        while (event := await self._told.get()) is not None:
            yield event

    async def ended(self) -> int:
        """Wait for `end`."""
        return await asyncio.shield(self._code)

    def end(self, code: int) -> None:
        """Let it end; a second end is void."""
        if not self._code.done():
            self._told.put_nowait(None)
            self._code.set_result(code)

    def terminate(self) -> None:
        """It has nothing under way."""
        self.end(TERMINATED)

    def kill(self) -> None:
        """End at once."""
        self.end(KILLED)


class MemoryLauncher:
    """Launches workers in memory, and keeps them all."""

    def __init__(self) -> None:
        self.launched: list[MemoryWorker] = []
        self._pids = count(1)

    async def launch(self, worker: WorkerName) -> MemoryWorker:
        """As promised by the port."""
        launched = MemoryWorker(worker, next(self._pids))
        self.launched.append(launched)
        return launched
