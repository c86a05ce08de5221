"""Crash guard: finds the file that makes a format crash its process, and refuses it.

When a process crashes, any of the files in work may be the cause. The next process is careful for
a while: formats work on one file at a time, and each file is recorded before. A file that is in
work at such a crash is the cause. When a file has crashed careful processes `MOST_CRASHES` times,
it is refused like any other bad file. Without a crash the guard costs nothing.

A file whose work does not end counts as a crash with a known cause: the watchdog ends the process,
and the next process does not try this file again.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import BinaryIO

from adapters.contract import (
    AttachmentSink,
    AttachmentSource,
    CheckedFormat,
    Format,
    Limits,
    Message,
)
from bus.core.allowance import seconds_for
from bus.core.events import FormatLost
from bus.ports import Attempts, Observer
from bus.processes.watchdog import Watchdog, Watched
from schemas.document import Document
from schemas.problem import AxisError
from schemas.reading import Reading
from schemas.verdict import DeliveryCheck

MOST_CRASHES = 2
_END_BYTES = 64 * 1024


class CrashGuard:
    """The crash guard of one process.

    Args:
        attempts: Counts work that was begun and never ended.
        deadline: Of processor time for one piece of work on a small file; None: no watchdog.
        observe: Called in any thread with work that is overdue, before the process ends.
    """

    def __init__(
        self,
        attempts: Attempts,
        *,
        deadline: timedelta | None = None,
        observe: Observer | None = None,
    ) -> None:
        self._attempts = attempts
        self._deadline = deadline
        self._observe = observe
        self._watchdog = None if deadline is None else Watchdog(deadline, lost=self._lost)
        if self._watchdog is not None:
            self._watchdog.start()
        self._alone = threading.Lock()
        self._careful = False

    def be_careful(self) -> None:
        """From now on, work on one file at a time and record it before."""
        self._careful = True

    def be_at_ease(self) -> None:
        """Stop being careful."""
        self._careful = False

    @contextmanager
    def around(
        self, work: str, format_name: str, key: Callable[[], bytes], *, size: int = 0
    ) -> Iterator[Callable[[], AbstractContextManager[None]]]:
        """Guard the work of a format. In a careful process it is recorded and runs alone.

        Yields:
            A context for each part of the work, in which the watchdog measures the time.

        Args:
            work: `recognise`, `read` or `write`.
            key: Returns an id of the file, the same for the same bytes; called only when needed.
            size: The size of the file in bytes.

        Raises:
            InternalError: E_FORMAT_CRASHED: this file has crashed too often, and is not tried.
        """
        watching = self._watched(work, format_name, key, size)
        if not self._careful:
            with _as_errors():
                yield watching
            return
        noted = _digest(format_name, key())
        with self._alone:
            crashes = self._attempts.begin(noted)
            if crashes >= MOST_CRASHES:
                raise AxisError.of("E_FORMAT_CRASHED", format=format_name, times=crashes)
            try:
                with _as_errors():
                    yield watching
            finally:
                self._attempts.end(noted)

    def _watched(
        self, work: str, format_name: str, key: Callable[[], bytes], size: int
    ) -> Callable[[], AbstractContextManager[None]]:
        if self._watchdog is None or self._deadline is None:
            return nullcontext
        seconds = seconds_for(size, deadline=self._deadline)
        watched = Watched(work=work, format=format_name, seconds=seconds, key=key)
        return partial(self._watchdog.watching, watched)

    def _lost(self, overdue: Watched, steps: tuple[str, ...]) -> None:
        """Record the work that is overdue; the process ends after this."""
        if self._observe is not None:
            cause = "processor time"
            self._observe(
                FormatLost(format=overdue.format, work=overdue.work, cause=cause, steps=steps)
            )
        noted = _digest(overdue.format, overdue.key())
        for _ in range(MOST_CRASHES):
            self._attempts.begin(noted)


class FormatLeftError(Exception):
    """A format tried to end its process, or its thread: `sys.exit()` and the like."""


@contextmanager
def _as_errors() -> Iterator[None]:
    """Turn exceptions that would affect more than one file into a `FormatLeftError`.

    `SystemExit` would end the process. `CancelledError` would look like the end of the service.
    `StopIteration` cannot leave a thread, so its caller would wait for ever.
    """
    try:
        yield
    except GeneratorExit:
        raise  # this process stops reading
    except Exception as error:
        if isinstance(error, StopIteration | StopAsyncIteration):
            raise _left_by(error) from error
        raise
    except BaseException as error:
        raise _left_by(error) from error


def _left_by(error: BaseException) -> FormatLeftError:
    """The error, with the place in the code where the exception was raised."""
    return FormatLeftError(type(error).__name__).with_traceback(error.__traceback__)


class GuardedFormat:
    """A format whose work is guarded."""

    def __init__(self, guarded: Format, guard: CrashGuard) -> None:
        self._format = guarded
        self._guard = guard
        self.name = guarded.name
        self.suffix = guarded.suffix

    def recognises(self, head: bytes, filename: str) -> bool:
        """As promised by the contract."""
        with (
            self._guard.around(
                "recognise", self.name, lambda: filename.encode() + b"\0" + head
            ) as watched,
            watched(),
        ):
            return self._format.recognises(head, filename)

    def read(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> Reading:
        """As promised by the contract."""
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        with (
            self._guard.around("read", self.name, lambda: _outline(source), size=size) as watched,
            watched(),
        ):
            return self._format.read(source, sink=sink, limits=limits, today=today)

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        """As promised by the contract."""
        yield from self._guarded(
            message,
            lambda: self._format.write(message, attachments=attachments, written_at=written_at),
        )

    def _guarded(self, message: Message, write: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        files = message.attachments if isinstance(message, Document) else ()
        size = sum(file.size for file in files)
        with self._guard.around("write", self.name, message.to_json, size=size) as watched:
            with watched():
                chunks = iter(write())
            while True:
                # The guard is released while the caller uses the chunk.
                with watched():
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                yield chunk


class GuardedCheckedFormat(GuardedFormat):
    """A format that can write checks, whose work is guarded."""

    def __init__(self, guarded: CheckedFormat, guard: CrashGuard) -> None:
        super().__init__(guarded, guard)
        self._checked = guarded

    def write_checked(
        self,
        message: Message,
        check: DeliveryCheck,
        *,
        attachments: AttachmentSource,
        written_at: datetime,
    ) -> Iterator[bytes]:
        """As promised by the contract."""
        yield from self._guarded(
            message,
            lambda: self._checked.write_checked(
                message, check, attachments=attachments, written_at=written_at
            ),
        )


def with_crash_guard(format_: Format, guard: CrashGuard) -> GuardedFormat:
    """Wrap a format so that a crash in it is recorded; the wrapper supports the same operations."""
    if isinstance(format_, CheckedFormat):
        return GuardedCheckedFormat(format_, guard)
    return GuardedFormat(format_, guard)


def _digest(format_name: str, key: bytes) -> str:
    return sha256(format_name.encode() + b"\0" + key).hexdigest()


def _outline(source: BinaryIO) -> bytes:
    """An id of a file from its size, beginning and end; a file of 2 GiB is not read completely."""
    size = source.seek(0, os.SEEK_END)
    source.seek(max(0, size - _END_BYTES))
    end = source.read(_END_BYTES)
    source.seek(0)
    beginning = source.read(_END_BYTES)
    source.seek(0)
    return b"%d\0%b%b" % (size, beginning, end)
