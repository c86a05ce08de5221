"""Format process: one process of a format of another package, seen from its worker.

It handles one request at a time. If it crashes or does not finish in time, it is lost; the reason
and the line of its code are known. The code inside the process is `format_host`.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from bus.core.crash import cause_of, culprit, steps_dumped, steps_to
from bus.processes.format_work import Work
from bus.processes.frames import Frame, Line
from schemas.problem import AxisError, DocumentError, Problem, error_of

_START_SECONDS = 30.0
_SLICE_SECONDS = 1.0
"""While this process was frozen, the format process had no time to work."""
_LAST_WORDS_SECONDS = 1.0
_MOST_DUMP_BYTES = 64 * 1024
_PREFIX = "LIENTHONG_"


class ProcessLostError(Exception):
    """The process has crashed, or was ended because it did not finish in time.

    Attributes:
        cause: A signal, an exit code, or its time limit.
        where: The line of the format's code, if it is known.
    """

    def __init__(self, cause: str, steps: tuple[str, ...], where: str) -> None:
        super().__init__(cause)
        self.cause, self.steps, self.where = cause, steps, where


class FailedInProcessError(Exception):
    """The format raised an exception that its contract does not allow.

    Attributes:
        cause: The type of the exception and its place.
    """

    def __init__(self, cause: str, steps: tuple[str, ...]) -> None:
        super().__init__(cause)
        self.cause, self.steps = cause, steps


class FormatProcess:
    """A started process that has described its format.

    Attributes:
        omits: The fields that the format cannot carry.
        checked: Whether the format can write a check.
        at_rest: It has finished a request and can take the next one. After a forbidden exception it
            is not used again, because it may lack memory or have threads that still run.

    Raises:
        ProcessLostError, FailedInProcessError: It could not be started.
    """

    def __init__(self, entry: str) -> None:
        self._code = ""
        self._ended = False
        self.at_rest = True
        self._dump = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process is gone)
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _started(entry, theirs, self._dump.fileno())
        self._line = Line(ours)
        try:
            hello = self._heard(_Clock(_START_SECONDS))
            if "end" in hello.head:
                raise self._failure(hello)
            self.name, self.suffix = str(hello.head["name"]), str(hello.head["suffix"])
            self.omits = frozenset(map(str, hello.head["omits"]))
            self.checked, self._code = bool(hello.head["checked"]), str(hello.head["code"])
        except BaseException:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def ask(
        self,
        head: Mapping[str, object],
        body: bytes,
        work: Work,
        *,
        seconds: float,
        take: Callable[[bytes], None],
    ) -> Frame:
        """Send a request; pass on its chunks one by one, and return the result.

        The time in which the process waits for the worker does not count.

        Raises:
            ProcessLostError: The process is lost.
            FailedInProcessError: The format raised or requested something that it must not.
            DocumentError: The format refuses its input.
            AxisError: An error of `work` or `take`.
        """
        clock, trouble = _Clock(seconds), None
        self.at_rest = False
        self._tell({**head, "seconds": seconds}, body, clock)
        while True:
            heard = self._heard(clock)
            match heard.head:
                case {"chunk": True}:
                    take(heard.body)
                case {"call": str()}:
                    try:
                        answer = work.answer(heard)
                    except Exception as error:  # noqa: BLE001 (raised when the format has given up)
                        trouble, answer = error, Frame({"trouble": True})
                    self._tell(answer.head, answer.body, clock)
                case _:
                    if isinstance(trouble, AxisError):
                        self.at_rest = True
                        raise trouble
                    if trouble is not None:
                        raise FailedInProcessError(cause_of(trouble), steps_to(trouble))
                    return self._result(heard)

    def _result(self, heard: Frame) -> Frame:
        match heard.head.get("end"):
            case "done":
                self.at_rest = True
                return heard
            case "problem":
                refusal = error_of(Problem.model_validate_json(heard.body))
                if isinstance(refusal, DocumentError):
                    self.at_rest = True
                    raise refusal
                # Who says that something is away would be asked again and again.
                raise FailedInProcessError(refusal.problem.code, ())
            case _:
                raise self._failure(heard)

    def end(self) -> None:
        """End the process and all that it has started. May be called twice, from any thread."""
        if not self._ended:
            # Not twice: the system may have given its process id to another process.
            self._ended = True
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        # Closing the socket wakes the thread that waits for an answer.
        with suppress(OSError):
            self._line.socket.shutdown(socket.SHUT_RDWR)
        self._process.wait()

    def close(self) -> None:
        """End the process and close its files. Called by the thread that uses it."""
        self.end()
        self._line.socket.close()
        self._dump.close()

    def _tell(self, head: Mapping[str, object], body: bytes, clock: "_Clock") -> None:
        try:
            self._line.socket.settimeout(max(_SLICE_SECONDS, clock.left))
            self._line.say(head, body)
        except TimeoutError as late:
            raise self._late(clock) from late
        except OSError as gone:
            raise self._lost() from gone

    def _heard(self, clock: "_Clock") -> Frame:
        """The next message of the process."""
        while clock.left > 0:
            slice_ = min(_SLICE_SECONDS, clock.left)
            self._line.socket.settimeout(slice_)
            began = time.monotonic()
            try:
                heard = self._line.hear()
            except TimeoutError:
                continue
            except (OSError, ValueError):
                heard = None
            finally:
                clock.left -= min(slice_, time.monotonic() - began)
            if heard is None:
                raise self._lost()
            return heard
        raise self._late(clock)

    def _failure(self, heard: Frame) -> FailedInProcessError:
        steps = tuple(str(step) for step in heard.head.get("steps", ()))
        return FailedInProcessError(str(heard.head.get("cause", "?")), steps)

    def _lost(self) -> ProcessLostError:
        """It ended by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_SECONDS)
        code = self._process.returncode
        self.end()
        if code is None:
            return self._lost_over("?")
        return self._lost_over(signal.Signals(-code).name if code < 0 else str(code))

    def _late(self, clock: "_Clock") -> ProcessLostError:
        """Ask it where it is, and end it."""
        self._process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        while time.monotonic() < deadline and not self._dumped():
            select.select((), (), (), 0.02)
        self.end()
        return self._lost_over(f"{clock.given:g} s")

    def _lost_over(self, cause: str) -> ProcessLostError:
        steps = steps_dumped(self._dumped())
        return ProcessLostError(cause, steps, culprit(steps, code=self._code))

    def _dumped(self) -> str:
        return os.pread(self._dump.fileno(), _MOST_DUMP_BYTES, 0).decode(errors="replace")


@dataclass
class _Clock:
    """The seconds that are left of those that were given."""

    given: float

    def __post_init__(self) -> None:
        self.left = self.given


def _started(entry: str, line: socket.socket, dump: int) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(each or os.getcwd() for each in sys.path)  # noqa: PTH109
    # Our settings hold passwords, and are no business of a format.
    environment = {name: value for name, value in os.environ.items() if _PREFIX not in name}
    return subprocess.Popen(  # noqa: S603 (ourselves)
        [sys.executable, "-P", "-m", "bus.processes.format_host", entry, str(dump)],
        stdin=line.fileno(),
        pass_fds=(dump,),
        env={**environment, "PYTHONPATH": path},
        # A process group of its own: what a format starts ends with it.
        start_new_session=True,
    )
