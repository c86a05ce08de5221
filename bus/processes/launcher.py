"""Launcher: starts commands of this very program as child processes."""

import asyncio
import ctypes
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from bus.ports.children import Child, Command
from bus.processes.parent import ORPHANED, PARENT


class ProcessLauncher:
    """Starts commands: the first ones in processes that were forked beforehand, later ones anew.

    A forked process has the modules of its parent already and shares their memory. A process that
    is started anew runs `python -m bus.cli <arguments>` with the code that runs here.

    Args:
        module: Another module in place of `bus.cli`, for tests.
    """

    def __init__(self, module: str = "bus.cli") -> None:
        self._module = module
        self._forked: list[_Forked] = []

    def fork(self, count: int, main: Callable[[], object]) -> None:
        """Fork so many processes, each of which waits for one command and then calls `main`.

        `main` finds the command in `sys.argv` and its settings in the environment. Call this before
        the process has a second thread or an event loop: a fork copies neither.
        """
        parent = os.getpid()
        for _ in range(count):
            reading, writing = os.pipe()
            with _interrupt_blocked():
                pid = os.fork()
                if not pid:
                    # Held open here, they would hide from the others that the parent has ended.
                    for pipe in (*(forked.orders for forked in self._forked), writing):
                        os.close(pipe)
                    _obey(reading, main, parent)
            os.close(reading)
            self._forked.append(_Forked(pid=pid, orders=writing))

    def dismiss(self) -> None:
        """End the forked processes that were given no command."""
        while self._forked:
            forked = self._forked.pop()
            os.close(forked.orders)
            os.waitpid(forked.pid, 0)

    async def launch(self, command: Command) -> Child:
        """As promised by the port."""
        return LaunchedChild(self._order(command) if self._forked else self._spawn(command))

    def _order(self, command: Command) -> int:
        """Give a command to a forked process; returns its process id."""
        forked = self._forked.pop(0)
        # One that was killed while it waited reads nothing; the supervisor hears of its end.
        with suppress(BrokenPipeError), os.fdopen(forked.orders, "w", encoding="utf-8") as orders:
            json.dump([list(command.arguments), dict(command.environment)], orders)
        return forked.pid

    def _spawn(self, command: Command) -> int:
        """Start a process; returns its process id."""
        # -P, because a folder that happens to be the current one may hold other code; where this
        # process finds its modules is given by PYTHONPATH.
        line = [sys.executable, "-P", "-m", self._module, *command.arguments]
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
        given = {"PYTHONPATH": path, PARENT: str(os.getpid())}
        environment = {**os.environ, **command.environment, **given}
        no_input = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        with _interrupt_blocked():
            return os.posix_spawn(sys.executable, line, environment, file_actions=[no_input])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Forked:
    """A process that waits for a command, which is written to the pipe `orders`."""

    pid: int
    orders: int


class LaunchedChild:
    """A child process of this one, as the port promises."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._has_ended = False
        self._signalling = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._code: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._wait, name=f"child {pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    async def ended(self) -> int:
        """Wait for its end."""
        return await asyncio.shield(self._code)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with self._signalling:
            if not self._has_ended:
                os.kill(self._pid, number)

    def _wait(self) -> None:
        os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        with self._signalling:
            # From here on the system may give the process id to another process.
            _, status = os.waitpid(self._pid, 0)
            self._has_ended = True
        code = os.waitstatus_to_exitcode(status)
        # The loop is closed where the parent could not wait for this end.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._code.set_result, code)


@contextmanager
def _interrupt_blocked() -> Iterator[None]:
    """Block SIGINT for a process that starts, until it has set its handlers (`obey_signals`).

    Ctrl-C reaches the whole process group: without its handlers it would die with a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _obey(orders: int, main: Callable[[], object], parent: int) -> NoReturn:
    """Wait for a command, run it, and end; nothing of the parent's call stack is run."""
    code: object = 1
    try:
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 (no text, no path)
            os.dup2(nothing.fileno(), 0)
        with os.fdopen(orders, encoding="utf-8") as pipe:
            order = pipe.read()
        if not order:
            os._exit(ORPHANED)
        arguments, environment = json.loads(order)
        os.environ.update(environment, **{PARENT: str(parent)})
        sys.argv[1:] = arguments
        _show_command(["lienthong", *arguments])
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _show_command(line: Sequence[str]) -> None:
    """Let `ps` show this command line, as far as there is room in place of the parent's (Linux)."""
    with suppress(OSError, ValueError, IndexError):
        told = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
        # proc(5): fields 48 and 49, where the arguments begin and end; the second may hold blanks.
        begin, end = map(int, told.rpartition(")")[2].split()[45:47])
        room = end - begin
        ctypes.memmove(
            begin, b"\0".join(map(os.fsencode, line))[: room - 1].ljust(room, b"\0"), room
        )
