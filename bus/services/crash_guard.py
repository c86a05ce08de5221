"""CrashGuard: finds what makes a format crash its process, and stops trying it.

A crash takes down everything that its process had in hand, so at first all of it is under suspicion
and nothing is known. The next process is careful for a while: formats work one at a time, and what
they work on is noted before. What is then in hand at a crash is the culprit; one that has crashed
careful processes `MOST_CRASHES` times is refused like any other bad file, and the rest goes on.
Without a crash the guard costs nothing.

What does not end is a crash, too, and there the culprit is known: the process is ended by its
watchdog, and the next one, which is careful, does not try that thing again.
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
    """The carefulness of one process.

    Args:
        attempts: What was begun and never ended.
        deadline: Of processor time for one piece of work on a small file; None: no watchdog.
        observe: Hears, in any thread, of what is overdue before the process ends.
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
        """Begin to work one at a time and to note it."""
        self._careful = True

    def be_at_ease(self) -> None:
        """End it."""
        self._careful = False

    @contextmanager
    def around(
        self, work: str, format_name: str, key: Callable[[], bytes], *, size: int = 0
    ) -> Iterator[Callable[[], AbstractContextManager[None]]]:
        """Let a format work on something; alone and noted, if the process is careful.

        Yields:
            What its work is to be done within: it is watched there.

        Args:
            work: `recognise`, `read` or `write`.
            key: Tells the same thing by the same bytes; asked for only when it is needed.
            size: Bytes of what is worked on.

        Raises:
            InternalError: E_FORMAT_CRASHED; it has crashed too often, and is not tried.
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
        """The last thing that this process does."""
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
    """What would end more than one reading becomes an error like any other.

    `SystemExit` ends a process, a `CancelledError` looks like the end of the service, and a
    `StopIteration` cannot leave a thread: whoever waits for it waits for ever.
    """
    try:
        yield
    except GeneratorExit:
        raise  # we ourselves read no further
    except Exception as error:
        if isinstance(error, StopIteration | StopAsyncIteration):
            raise _left_by(error) from error
        raise
    except BaseException as error:
        raise _left_by(error) from error


def _left_by(error: BaseException) -> FormatLeftError:
    """With the place where it left."""
    return FormatLeftError(type(error).__name__).with_traceback(error.__traceback__)


class GuardedFormat:
    """A format under guard."""

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
                # Not while somebody else is at work with the chunk.
                with watched():
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                yield chunk


class GuardedCheckedFormat(GuardedFormat):
    """A format with a place for checks, under guard."""

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
    """Put a format under guard; it can all that it could."""
    if isinstance(format_, CheckedFormat):
        return GuardedCheckedFormat(format_, guard)
    return GuardedFormat(format_, guard)


def _digest(format_name: str, key: bytes) -> str:
    return sha256(format_name.encode() + b"\0" + key).hexdigest()


def _outline(source: BinaryIO) -> bytes:
    """What tells a file from others without reading all of its 2 GiB: size, beginning and end."""
    size = source.seek(0, os.SEEK_END)
    source.seek(max(0, size - _END_BYTES))
    end = source.read(_END_BYTES)
    source.seek(0)
    beginning = source.read(_END_BYTES)
    source.seek(0)
    return b"%d\0%b%b" % (size, beginning, end)
