"""Format host: the process in which a format of another package works, one request at a time.

`python -m bus.processes.format_host <name>`. Standard input is the socket to the worker (`frames`),
the first argument after the name is the number of a file for tracebacks. The source, the sink and
the attachments of a format stay in the worker; the format asks the worker for each operation. An
error is reported as the type of the exception with files, lines and functions, without values.
"""

import faulthandler
import io
import os
import resource
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

from adapters.contract import BlobWriter, CheckedFormat, Format, Kept, Limits, LossyFormat, Message
from adapters.registry import format_named
from bus.core.crash import cause_of, steps_to
from bus.processes.frames import MOST_BODY_BYTES, Frame, Line
from schemas.document import Document
from schemas.problem import AxisError, DocumentError
from schemas.status import StatusReport
from schemas.verdict import DeliveryCheck

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

MEMORY_BYTES = 2 * 1024 * 1024 * 1024
"""The limit of the address space."""
_BUFFER_BYTES = 256 * 1024
_PIECE_BYTES = 1024 * 1024
_STANDARD_INPUT = 0
_ABANDONED = 70
_NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Terminals and systemd signal all processes of an axis. Only the worker decides when this process
ends: otherwise the file in work would be refused."""


class GivenUpError(BaseException):
    """The worker failed in an operation that the format asked for, and knows the reason."""


def main() -> None:
    """Describe the format to the worker, then answer its requests until it has ended."""
    name, tracebacks = sys.argv[1], int(sys.argv[2])
    faulthandler.enable(tracebacks, all_threads=False)
    faulthandler.register(signal.SIGUSR1, tracebacks, all_threads=False)
    for number in _NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_AS, MEMORY_BYTES)
    line = _line()
    threading.Thread(target=_end_with, args=(line.socket,), daemon=True).start()
    try:
        found = format_named(name)
        line.say(
            {
                "name": found.name,
                "suffix": found.suffix,
                "checked": isinstance(found, CheckedFormat),
                "omits": sorted(found.omits) if isinstance(found, LossyFormat) else [],
                "code": getattr(sys.modules.get(type(found).__module__), "__file__", "") or "",
            }
        )
    except BaseException as error:  # noqa: BLE001 (whatever its import raises)
        line.say(_failure(error))
        return
    while (asked := line.hear()) is not None:
        _allow_processor_time(float(asked.head["seconds"]))
        try:
            _WORKS[asked.head["do"]](line, found, asked)
        except GivenUpError:
            line.say({"end": "given up"})
        except DocumentError as error:
            line.say({"end": "problem"}, error.problem.model_dump_json().encode())
        except BaseException as error:  # noqa: BLE001 (whatever a format raises is told)
            line.say(_failure(error))


def _recognise(line: Line, found: Format, asked: Frame) -> None:
    line.say({"end": "done", "is": bool(found.recognises(asked.body, asked.head["file"]))})


def _read(line: Line, found: Format, asked: Frame) -> None:
    reading = found.read(
        cast("BinaryIO", io.BufferedReader(_File(line, 0), _BUFFER_BYTES)),
        sink=_Sink(line),
        limits=Limits(**asked.head["limits"]),
        today=date.fromisoformat(asked.head["today"]),
    )
    line.say({"end": "done"}, reading.to_json())


def _write(line: Line, found: Format, asked: Frame) -> None:
    kind = StatusReport if asked.head["status"] else Document
    message: Message = kind.model_validate_json(asked.body)
    written_at = datetime.fromisoformat(asked.head["written_at"])
    if (check := asked.head.get("check")) is not None:
        chunks = cast("CheckedFormat", found).write_checked(
            message,
            DeliveryCheck.model_validate(check),
            attachments=_Attachments(line),
            written_at=written_at,
        )
    else:
        chunks = found.write(message, attachments=_Attachments(line), written_at=written_at)
    for chunk in chunks:
        for start in range(0, len(chunk) or 1, MOST_BODY_BYTES):
            # Send empty chunks too, because the worker counts chunks.
            line.say({"chunk": True}, bytes(chunk[start : start + MOST_BODY_BYTES]))
    line.say({"end": "done"})


_WORKS: dict[str, Callable[[Line, Format, Frame], None]] = {
    "recognise": _recognise,
    "read": _read,
    "write": _write,
}


def _failure(error: BaseException) -> dict[str, object]:
    if isinstance(error, AxisError) and error.__cause__ is not None:
        # The registry says it in a sentence; what it could not import is a name.
        error = error.__cause__
    missing = f" {error.name}" if isinstance(error, ImportError) and error.name else ""
    return {"end": "failed", "cause": cause_of(error) + missing, "steps": steps_to(error)}


# --- what is asked of the worker ----------------------------------------------------------------


def _ask(line: Line, call: str, of: int = 0, body: bytes = b"", **given: object) -> Frame:
    line.say({"call": call, "of": of, **given}, body)
    answer = line.hear()
    if answer is None:
        os._exit(_ABANDONED)
    if "trouble" in answer.head:
        raise GivenUpError
    return answer


class _File(io.RawIOBase):
    """A file that is open in the worker; number 0 is the source."""

    def __init__(self, line: Line, number: int) -> None:
        self._line = line
        self._number = number

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        view = memoryview(buffer).cast("B")
        size = min(len(view), _PIECE_BYTES)
        data = _ask(self._line, "file.read", self._number, size=size).body
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        answer = _ask(self._line, "file.seek", self._number, offset=offset, whence=whence)
        return int(answer.head["at"])

    def tell(self) -> int:
        return self.seek(0, io.SEEK_CUR)

    def close(self) -> None:
        if not self.closed and self._number:
            with suppress(GivenUpError):
                _ask(self._line, "file.close", self._number)
        super().close()


class _Sink:
    def __init__(self, line: Line) -> None:
        self._line = line

    def begin(self) -> BlobWriter:
        return _Writer(self._line, _ask(self._line, "begin").head["of"])


class _Writer:
    def __init__(self, line: Line, number: int) -> None:
        self._line = line
        self._number = number

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            piece = bytes(data[start : start + _PIECE_BYTES])
            _ask(self._line, "writer.write", self._number, piece)

    def reopen(self) -> BinaryIO:
        return _opened(self._line, _ask(self._line, "writer.reopen", self._number))

    def finish(self) -> Kept:
        return Kept(**_ask(self._line, "writer.finish", self._number).head["kept"])

    def keep(self) -> Kept:
        return Kept(**_ask(self._line, "writer.keep", self._number).head["kept"])

    def discard(self) -> None:
        _ask(self._line, "writer.discard", self._number)


class _Attachments:
    def __init__(self, line: Line) -> None:
        self._line = line

    def open(self, sha256: str) -> BinaryIO:
        return _opened(self._line, _ask(self._line, "open", sha256=sha256))


def _opened(line: Line, answer: Frame) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_File(line, answer.head["of"]), _BUFFER_BYTES))


# --- the process --------------------------------------------------------------------------------


def _line() -> Line:
    """Move the socket away from standard input, and redirect printed text to standard error."""
    end = socket.socket(fileno=os.dup(_STANDARD_INPUT))
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)
    return Line(end)


def _end_with(line: socket.socket) -> NoReturn:
    """End when the worker has ended, whatever the format is doing."""
    poll = select.poll()
    ours = line.dup()
    poll.register(ours, 0)  # of the end one is told without asking
    while not poll.poll():
        pass
    if os.getpgrp() == os.getpid():
        # With what the format has started.
        os.killpg(0, signal.SIGKILL)
    os._exit(_ABANDONED)


def _bound(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (allowed, hard))


def _allow_processor_time(seconds: float) -> None:
    """Limit the processor time from now on; the kernel ends this process at the limit."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _bound(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 5)


if __name__ == "__main__":
    main()
