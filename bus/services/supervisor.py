"""Supervisor: keeps the processes of a parent running.

A child that ends unasked is started again, later and later; the others do not notice. Nothing
passes between parent and child but the environment, signals and the exit code.
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
from schemas.problem import AxisError

GRACE = timedelta(seconds=45)
"""For draining; what is not done then is not acknowledged, and done after the next start.

A child ends by itself before, as long as anything of it still answers.
"""

MISUSED = 2
"""The exit code of a command that only an operator can help; it has said why."""

_NAMES = {number.value: number.name for number in signal.Signals}


@dataclass(kw_only=True)
class Supervisor:
    """The processes of one parent, which stop when it does.

    Attributes:
        settled: Whether the start of the whole succeeded once: from then on a child that ends is
            started again, whatever it ended with.
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
        """The names of those that do not run now."""
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
        """Return only by raising why a child cannot be kept running."""
        done, _ = await asyncio.wait(self._keepers, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def drain(self) -> None:
        """Let every child finish what is under way, and end. Harmless when they have."""
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
            # Two may have failed for the same reason; `failed` has told one.
            if not keeper.cancelled():
                keeper.exception()

    async def _keep(self, command: Command) -> None:
        """Keep one command running until the stop.

        Raises:
            ConfigurationError: E_CHILD_REFUSED; only an operator can help.
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
            try:
                async with asyncio.timeout(pause.total_seconds()):
                    await self.stop.wait()
            except TimeoutError:
                continue

    async def _run(self, command: Command) -> tuple[int, int]:
        """Run a command to its end, however it comes: its exit code and its process id."""
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
