"""Guard: finds out which file or document makes a format crash its process, and stops trying it.

A crash takes down everything that its process had in hand, so at first all of it is under suspicion
and nothing is known. The next process is careful for a while: formats work one at a time, and what
they work on is noted before. What is then in hand at a crash is the culprit; one that has crashed
careful processes `MOST_CRASHES` times is refused like any other bad file, and the rest goes on.
Without a crash the guard costs nothing.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
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
from bus.ports import Attempts
from schemas.problem import AxisError
from schemas.reading import Reading
from schemas.verdict import DeliveryCheck

MOST_CRASHES = 2
_END_BYTES = 64 * 1024


class Guard:
    """The carefulness of one process."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._alone = threading.Lock()
        self._careful = False

    def be_careful(self) -> None:
        """Begin to work one at a time and to note it."""
        self._careful = True

    def be_at_ease(self) -> None:
        """End it."""
        self._careful = False

    @contextmanager
    def around(self, format_name: str, key: Callable[[], bytes]) -> Iterator[None]:
        """Let a format work on something; alone and noted, if the process is careful.

        Args:
            key: Tells the same thing by the same bytes; asked for only when it is needed.

        Raises:
            InternalError: E_FORMAT_CRASHED; it has crashed too often, and is not tried.
        """
        if not self._careful:
            with _as_errors():
                yield
            return
        noted = sha256(format_name.encode() + b"\0" + key()).hexdigest()
        with self._alone:
            crashes = self._attempts.begin(noted)
            if crashes >= MOST_CRASHES:
                raise AxisError.of("E_FORMAT_CRASHED", format=format_name, times=crashes)
            try:
                with _as_errors():
                    yield
            finally:
                self._attempts.end(noted)


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

    def __init__(self, guarded: Format, guard: Guard) -> None:
        self._format = guarded
        self._guard = guard
        self.name = guarded.name
        self.suffix = guarded.suffix

    def recognises(self, head: bytes, filename: str) -> bool:
        """As promised by the contract."""
        with self._guard.around(self.name, lambda: filename.encode() + b"\0" + head):
            return self._format.recognises(head, filename)

    def read(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> Reading:
        """As promised by the contract."""
        with self._guard.around(self.name, lambda: _outline(source)):
            return self._format.read(source, sink=sink, limits=limits, today=today)

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        """As promised by the contract."""
        with self._guard.around(self.name, message.to_json):
            yield from self._format.write(message, attachments=attachments, written_at=written_at)


class GuardedCheckedFormat(GuardedFormat):
    """A format with a place for checks, under guard."""

    def __init__(self, guarded: CheckedFormat, guard: Guard) -> None:
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
        with self._guard.around(self.name, message.to_json):
            yield from self._checked.write_checked(
                message, check, attachments=attachments, written_at=written_at
            )


def guarded(format_: Format, guard: Guard) -> GuardedFormat:
    """Put a format under guard; it can all that it could."""
    if isinstance(format_, CheckedFormat):
        return GuardedCheckedFormat(format_, guard)
    return GuardedFormat(format_, guard)


def _outline(source: BinaryIO) -> bytes:
    """What tells a file from others without reading all of its 2 GiB: size, beginning and end."""
    size = source.seek(0, os.SEEK_END)
    source.seek(max(0, size - _END_BYTES))
    end = source.read(_END_BYTES)
    source.seek(0)
    beginning = source.read(_END_BYTES)
    source.seek(0)
    return b"%d\0%b%b" % (size, beginning, end)
