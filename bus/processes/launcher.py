"""Launcher: starts worker processes of this very program, each on a line of its own.

The line is the standard input of the worker, a socket: instructions go out, events come back, and
its end is the worker's end, whatever becomes of us. The worker's side of it is `leash`.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from bus.core.crash import cause_of
from bus.core.events import Event
from bus.core.instructions import Instruction
from bus.core.lines import event_of, to_line
from bus.core.placement import WorkerName

_log = structlog.get_logger()

MOST_EVENT_BYTES = 1024 * 1024
"""Of a line that a worker tells."""


class ProcessLauncher:
    """Starts `python -m <module> <arguments>` with the code that runs here.

    Args:
        environment: Beside our own, and before it.
    """

    def __init__(
        self,
        module: str,
        arguments: Callable[[WorkerName], Sequence[str]],
        *,
        environment: Mapping[str, str],
    ) -> None:
        self._module = module
        self._arguments = arguments
        self._environment = environment

    async def launch(self, worker: WorkerName) -> "LaunchedWorker":
        """As promised by the port."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = self._start(worker, theirs)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=MOST_EVENT_BYTES)
        return LaunchedWorker(process, reader, writer)

    def _start(self, worker: WorkerName, line: socket.socket) -> subprocess.Popen[bytes]:
        # -P, because a folder that happens to be the current one may hold other code; what we
        # ourselves look into is given by PYTHONPATH.
        command = [sys.executable, "-P", "-m", self._module, *self._arguments(worker)]
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
        # Ctrl-C reaches the whole process group: one that has not yet set its handlers would die
        # of it with a traceback. A blocked signal waits for them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return subprocess.Popen(  # noqa: S603 (ourselves)
                command,
                stdin=line.fileno(),
                env={**os.environ, **self._environment, "PYTHONPATH": path},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class LaunchedWorker:
    """A worker that was started here, as the port promises."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._code: asyncio.Future[int] = self._loop.create_future()
        # A thread that waits, because the end of the line may come later than that of the worker:
        # a format can have started a process of its own, which holds it.
        threading.Thread(target=self._wait, name=f"worker {process.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def instruct(self, instruction: Instruction) -> None:
        """Write an instruction; a worker that has ended reads none."""
        if not self._writer.is_closing():
            self._writer.write(to_line(instruction))

    async def events(self) -> AsyncIterator[Event]:
        """What it tells; a line that is cut off, or that nobody understands, is no event."""
        with suppress(ConnectionError):
            while True:
                try:
                    line = await self._reader.readline()
                except ValueError:
                    # Longer than any line of ours: what was read of it is gone.
                    _log.warning("worker_line_dropped", pid=self.pid, cause="too long")
                    continue
                if not line.endswith(b"\n"):
                    return
                event = self._understood(line)
                if event is not None:
                    yield event

    def _understood(self, line: bytes) -> Event | None:
        try:
            return event_of(line)
        except ValueError as error:
            _log.warning("worker_line_dropped", pid=self.pid, cause=cause_of(error))
            return None

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
        self._loop.call_soon_threadsafe(self._gone, code)

    def _gone(self, code: int) -> None:
        self._writer.close()
        self._code.set_result(code)
