"""Launcher: starts commands of this very program as child processes."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from bus.ports.children import Child, Command
from bus.processes.parent import PARENT


class ProcessLauncher:
    """Starts `python -m bus.cli <arguments>` with the code that runs here.

    Args:
        module: Another module, for tests.
    """

    def __init__(self, module: str = "bus.cli") -> None:
        self._module = module

    async def launch(self, command: Command) -> Child:
        """As promised by the port."""
        # -P, because a folder that happens to be the current one may hold other code; where this
        # process finds its modules is given by PYTHONPATH.
        line = [sys.executable, "-P", "-m", self._module, *command.arguments]
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
        given = {"PYTHONPATH": path, PARENT: str(os.getpid())}
        return LaunchedChild(_start(line, {**os.environ, **command.environment, **given}))


def _start(line: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # Ctrl-C reaches the whole process group: a process that has not yet set its handlers would
    # die of it with a traceback. A blocked signal waits for them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return subprocess.Popen(  # noqa: S603 (ourselves)
            line, stdin=subprocess.DEVNULL, env=environment
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class LaunchedChild:
    """A process that was started here, as the port promises."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._loop = asyncio.get_running_loop()
        self._code: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._wait, name=f"child {process.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ended(self) -> int:
        """Wait for its end."""
        return await asyncio.shield(self._code)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._process.kill()

    def _wait(self) -> None:
        code = self._process.wait()
        self._loop.call_soon_threadsafe(self._code.set_result, code)
