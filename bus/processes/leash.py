"""Leash: a worker's end of the line to the axis, and the certainty that it ends with the axis.

Given to the worker as its standard input by `launcher`.
"""

import asyncio
import os
import select
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bus.core.events import Answer, Event, EventsDropped
from bus.core.instructions import Instruction
from bus.core.lines import instruction_of, to_line
from bus.core.placement import WorkerName
from bus.processes.launcher import MOST_EVENT_BYTES
from schemas.problem import AxisError

ORPHANED = 70
"""Exit code of a worker whose parent is gone; nobody is left to see it but a log of processes."""

_STANDARD_INPUT = 0
_MOST_ORDER_BYTES = 64 * 1024 * 1024
"""A directory travels as one line."""

_MOST_UNTOLD_BYTES = 8 * 1024 * 1024
_FLUSH_SECONDS = 5.0


class Leash:
    """Orders come in, events go out. Made by `leash`."""

    def __init__(
        self,
        worker: WorkerName,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        end: "_End",
    ) -> None:
        self._worker = worker
        self._reader = reader
        self._writer = writer
        self._end = end
        self._dropped = 0

    async def instructions(self) -> AsyncIterator[Instruction]:
        """What the axis asks for."""
        while (line := await self._reader.readline()).endswith(b"\n"):
            yield instruction_of(line)

    def tell(self, event: Event) -> None:
        """Tell the axis; never waits.

        What it does not listen to is dropped, and counted; but never what it waits for.
        """
        line, answer = to_line(event), isinstance(event, Answer)
        untold = self._writer.transport.get_write_buffer_size()
        if not answer and (untold > _MOST_UNTOLD_BYTES or len(line) > MOST_EVENT_BYTES):
            self._dropped += 1
            return
        if self._dropped:
            dropped = EventsDropped(worker=self._worker, count=self._dropped)
            self._writer.write(to_line(dropped))
            self._dropped = 0
        self._writer.write(line)

    def must_hold(self) -> None:
        """End here and now if the axis is gone already."""
        self._end.look(0)

    async def close(self) -> None:
        """Let what was told last arrive; an axis that does not listen is not waited for."""
        self._writer.close()
        with suppress(OSError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._writer.wait_closed()


@asynccontextmanager
async def leash(worker: WorkerName) -> AsyncIterator[Leash]:
    """Take the line from standard input; from now on this process ends when the axis does.

    It ends at once and drains nothing: what was under way is not acknowledged, and the broker it
    would be drained to may be gone with the axis.

    Raises:
        ConfigurationError: E_WORKER_ALONE; standard input is no such line.
    """
    line = _standard_input()
    end = _End(line)
    threading.Thread(target=end.look, name="end of the axis", daemon=True).start()
    reader, writer = await asyncio.open_unix_connection(sock=line, limit=_MOST_ORDER_BYTES)
    held = Leash(worker, reader, writer, end)
    try:
        yield held
    finally:
        await held.close()


def obey_signals(stop: asyncio.Event) -> None:
    """Stop on SIGTERM, and on a Ctrl-C, which reaches workers and axis together.

    The launcher has blocked SIGINT for us until now.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _standard_input() -> socket.socket:
    """Take the line away from standard input, so that no process of a format's inherits it."""
    try:
        line = socket.socket(fileno=os.dup(_STANDARD_INPUT))
    except OSError as error:
        raise AxisError.of("E_WORKER_ALONE") from error
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STANDARD_INPUT)
    os.close(nothing)
    return line


class _End:
    """The end of the line, which also kill -9 of the axis brings about.

    Looked for in a thread: the event loop may be busy, and must not be with an axis that is gone
    while the next one starts.
    """

    def __init__(self, line: socket.socket) -> None:
        self._line = line.dup()  # the other may be closed when there is nothing more to tell

    def look(self, milliseconds: int | None = None) -> None:
        """Wait for the end, and end with it."""
        poll = select.poll()
        poll.register(self._line, 0)  # of the end one is told without asking
        if poll.poll(milliseconds):
            os._exit(ORPHANED)
