"""Supervisor: keeps the child processes of a parent running.

A child that ends by itself is started again after growing pauses; the other children are not
affected. Parent and child communicate only by environment, signals and exit code.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bus.core.events import ProcessEnded, ServiceName
from bus.core.restart import Restarts
from bus.ports import Jitter, Observer
from bus.ports.children import Child, Command, Launcher
from bus.services.service_runner import ServiceRunner
from bus.services.waiting import set_within
from schemas.problem import AxisError

GRACE = timedelta(seconds=45)
"""How long children may drain before they are killed.

Unfinished work is not acknowledged, and is done after the next start.
"""

MISUSED = 2
"""The exit code of a command that needs an operator; the command has printed the reason."""

_NAMES = {number.value: number.name for number in signal.Signals}


@dataclass(kw_only=True)
class Supervisor:
    """The child processes of one parent; they stop when it stops.

    Attributes:
        settled: Whether everything was once started successfully: from then on a child is started
            again whatever its exit code was.
    """

    launcher: Launcher
    commands: Sequence[Command]
    observe: Observer
    jitter: Jitter
    stop: asyncio.Event
    settled: Callable[[], bool] = lambda: False

    def __post_init__(self) -> None:
        self._children: dict[str, Child] = {}
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the commands that do not run now."""
        return tuple(c.name for c in self.commands if c.name not in self._children)

    def start(self) -> None:
        """Start every command, and keep it running until the stop."""
        runner = ServiceRunner(observe=self.observe, jitter=self.jitter, stop=self.stop)
        self._keepers = [
            asyncio.create_task(
                runner.keep(
                    ServiceName.WORKERS,
                    partial(self._keep, command),
                    of=command.name,
                    hopeless=True,
                )
            )
            for command in self.commands
        ]

    async def failed(self) -> None:
        """Wait until a child cannot be kept running, and raise the reason."""
        done, _ = await asyncio.wait(self._keepers, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def drain(self) -> None:
        """Let every child finish its work and end. May be called again."""
        self.stop.set()
        for child in self._children.values():
            child.terminate()
        if not self._keepers:
            return
        _, late = await asyncio.wait(self._keepers, timeout=GRACE.total_seconds())
        for child in self._children.values():
            child.kill()
        if late:
            await asyncio.wait(late)
        for keeper in self._keepers:
            # Retrieve the exception: `failed` has raised one of them already.
            if not keeper.cancelled():
                keeper.exception()

    async def _keep(self, command: Command) -> None:
        """Keep one command running until the stop.

        Raises:
            ConfigurationError: E_CHILD_REFUSED: the command needs an operator.
        """
        loop, restarts = asyncio.get_running_loop(), Restarts()
        while not self.stop.is_set():
            began = loop.time()
            code, pid = await self._run(command)
            if self.stop.is_set():
                return
            ran = timedelta(seconds=loop.time() - began)
            refused = code == MISUSED and not self.settled()
            restarts = restarts.after(ran=ran, refused=refused)
            if restarts.hopeless:
                raise AxisError.of("E_CHILD_REFUSED", command=command.name)
            pause = restarts.pause(jitter=self.jitter())
            self.observe(_ended(command, pid, code, pause))
            await set_within(self.stop, pause)

    async def _run(self, command: Command) -> tuple[int, int]:
        """Run a command until it ends; gives its exit code and process id."""
        child = self._children[command.name] = await self.launcher.launch(command)
        if self.stop.is_set():
            child.terminate()
        try:
            return await child.ended(), child.pid
        finally:
            del self._children[command.name]


def _ended(command: Command, pid: int, code: int, pause: timedelta) -> ProcessEnded:
    return ProcessEnded(
        process=command.name,
        pid=pid,
        exit_code=code if code >= 0 else None,
        signal=_NAMES.get(-code, str(-code)) if code < 0 else None,
        pause=pause,
    )
