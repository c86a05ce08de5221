"""Workers: processes that run adapters."""

from collections.abc import AsyncIterator
from typing import Protocol

from bus.core.events import Event
from bus.core.instructions import Instruction
from bus.core.placement import WorkerName


class WorkerProcess(Protocol):
    """A process that runs the adapters of some mailboxes. It ends when its parent does."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def instruct(self, instruction: Instruction) -> None:
        """Tell it what to do; void when it has ended."""

    def events(self) -> AsyncIterator[Event]:
        """What it tells, until its end. Read by one reader."""

    async def ended(self) -> int:
        """Wait for its end: the exit code, or the negative number of the signal that killed it."""

    def terminate(self) -> None:
        """Let it finish what is under way, and end."""

    def kill(self) -> None:
        """End it at once."""


class Launcher(Protocol):
    """Starts worker processes."""

    async def launch(self, worker: WorkerName) -> WorkerProcess:
        """Start one; it does nothing until it is told to."""
