"""Hosted formats: formats of other houses, worked with in processes that are ended when they hang.

A worker has at most `MOST_PROCESSES` of each format, started when they are needed and kept. What is
read or written by one is bounded in time and in size; what passes the bounds, or dies, concerns
nothing but that file or delivery (decision record 0036).
"""

import errno
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from adapters.contract import MIB, AttachmentSink, AttachmentSource, Format, Limits, Message
from bus.core.allowance import most_bytes_written, seconds_for
from bus.core.crash import way_of
from bus.core.events import FormatLost
from bus.core.failure import failed_in
from bus.ports import Observer
from bus.processes.format_process import FailedInProcessError, FormatProcess, ProcessLostError
from bus.processes.format_work import Work
from bus.processes.frames import Frame
from schemas.document import Document
from schemas.problem import AxisError, InternalError
from schemas.reading import Reading
from schemas.status import StatusReport
from schemas.term import of_os, term
from schemas.verdict import DeliveryCheck

MOST_PROCESSES = 4
"""Of one format in one worker."""
_RECOGNISED_WITHIN = timedelta(seconds=5)
_IN_MEMORY_BYTES = MIB
_PIECE_BYTES = MIB
_SLOW_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnderWay:
    """A piece of work that takes long."""

    work: str
    since: timedelta
    ended_after: timedelta


def _nothing(_: bytes) -> None:
    """Take no chunk."""


class HostedFormat:
    """One format, as promised by the port `FormatApart`; all of a worker share it.

    Args:
        entry: The name under which it is installed.
        deadline: For one piece of work on a small file; a large one is given more.
        folder: Where what was written waits until it is handed over.
        observe: Hears, in any thread, what happens to the processes.
    """

    def __init__(self, entry: str, *, deadline: timedelta, folder: Path, observe: Observer) -> None:
        self.name = entry
        self.deadline = deadline
        self.folder = folder
        self._observe = observe
        self._places = threading.BoundedSemaphore(MOST_PROCESSES)
        self._idle: list[FormatProcess] = []
        self._busy: dict[FormatProcess, tuple[str, float, float]] = {}
        self._changing = threading.Lock()
        self._closed = False

    def introduced(self) -> Format:
        """As promised by the port."""
        with self._process("start", self.deadline.total_seconds()) as process:
            made = _IntroducedChecked if process.checked else _Introduced
            return made(self, process)

    def slow(self) -> tuple[UnderWay, ...]:
        """What has been under way for long."""
        moment = time.monotonic()
        with self._changing:
            busy = tuple(self._busy.values())
        return tuple(
            UnderWay(
                work=work,
                since=timedelta(seconds=moment - began),
                ended_after=timedelta(seconds=seconds),
            )
            for work, began, seconds in busy
            if moment - began > _SLOW_AFTER.total_seconds()
        )

    def close(self) -> None:
        """End all processes: who waits for one is told that it is away. From any thread."""
        with self._changing:
            self._closed = True
            there = [*self._busy, *self._idle]
        for process in there:
            process.end()

    def ask(
        self,
        work: str,
        head: dict[str, object],
        body: bytes = b"",
        *,
        given: Work,
        seconds: float,
        take: Callable[[bytes], None] = _nothing,
    ) -> Frame:
        """Have one process do a piece of work.

        Raises:
            TransportError: E_FORMAT_AWAY.
            InternalError: E_FORMAT_CRASHED, or E_INTERNAL for an exception.
        """
        with self._process(work, seconds) as process:
            well = False
            try:
                done = process.ask({**head, "do": work}, body, given, seconds=seconds, take=take)
                well = True
            except ProcessLostError as lost:
                if self._closed:
                    raise self._away("SIGTERM") from lost
                raise self.crashed(work, lost.cause, lost.where, lost.steps) from lost
            except FailedInProcessError as failed:
                self._tell(work, failed.cause, failed.steps)
                problem = failed_in(self.name, failed.cause, failed.steps, stage=work)
                raise InternalError(problem) from failed
            else:
                return done
            finally:
                given.close(failed=not well)

    def crashed(
        self, work: str, cause: str, where: str = "", steps: tuple[str, ...] = ()
    ) -> AxisError:
        """Tell that a piece of work did not come to its end, and answer the error that it is."""
        self._tell(work, cause, steps)
        named = f"{self.name} ({where})" if where else self.name
        detail = way_of((*steps, cause))
        return AxisError.of("E_FORMAT_CRASHED", detail=detail, format=named, times=1)

    @contextmanager
    def _process(self, work: str, seconds: float) -> Iterator[FormatProcess]:
        with self._places:
            process = self._at_hand()
            with self._changing:
                self._busy[process] = (work, time.monotonic(), seconds)
            try:
                yield process
            finally:
                with self._changing:
                    del self._busy[process]
                    kept = process.at_rest and process.is_alive and not self._closed
                    if kept:
                        self._idle.append(process)
                if not kept:
                    process.close()

    def _at_hand(self) -> FormatProcess:
        while True:
            with self._changing:
                if self._closed:
                    raise self._away("SIGTERM")
                process = self._idle.pop() if self._idle else None
            if process is None:
                return self._started()
            if process.is_alive:
                return process
            process.close()

    def _started(self) -> FormatProcess:
        try:
            return FormatProcess(self.name)
        except ProcessLostError as lost:
            self._tell("start", lost.cause, lost.steps)
            raise self._away(lost.cause) from lost
        except FailedInProcessError as failed:
            self._tell("start", failed.cause, failed.steps)
            raise self._away(failed.cause) from failed
        except OSError as error:
            raise AxisError.of("E_FORMAT_AWAY", format=self.name, cause=of_os(error)) from error

    def _tell(self, work: str, cause: str, steps: tuple[str, ...]) -> None:
        self._observe(FormatLost(format=self.name, work=work, cause=cause, steps=steps))

    def _away(self, cause: str) -> AxisError:
        return AxisError.of("E_FORMAT_AWAY", format=self.name, cause=term("crash", error=cause))


class _Introduced:
    """The format, as its process said that it is; a `LossyFormat` that may omit nothing."""

    def __init__(self, hosted: HostedFormat, process: FormatProcess) -> None:
        self._hosted = hosted
        self.name = process.name
        self.suffix = process.suffix
        self.omits = process.omits

    def recognises(self, head: bytes, filename: str) -> bool:
        """As promised by the contract."""
        within = min(self._hosted.deadline, _RECOGNISED_WITHIN).total_seconds()
        done = self._hosted.ask("recognise", {"file": filename}, head, given=Work(), seconds=within)
        return bool(done.head["is"])

    def read(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> Reading:
        """As promised by the contract."""
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        done = self._hosted.ask(
            "read",
            {"limits": asdict(limits), "today": today.isoformat()},
            given=Work(source=source, sink=sink, limits=limits),
            seconds=seconds_for(size, deadline=self._hosted.deadline),
        )
        return Reading.model_validate_json(done.body)

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        """As promised by the contract, to its end at once."""
        return self._written(message, None, attachments, written_at)

    def _written(
        self,
        message: Message,
        check: DeliveryCheck | None,
        attachments: AttachmentSource,
        written_at: datetime,
    ) -> Iterator[bytes]:
        files = message.attachments if isinstance(message, Document) else ()
        size = sum(file.size for file in files)
        with _disk():
            self._hosted.folder.mkdir(parents=True, exist_ok=True)
        aside = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(self._hosted.folder))  # noqa: SIM115
        most = most_bytes_written(size)

        def take(chunk: bytes) -> None:
            with _disk():
                aside.write(chunk)
            if aside.tell() > most:
                raise self._hosted.crashed("write", f"{aside.tell()} bytes")

        try:
            self._hosted.ask(
                "write",
                {
                    "status": isinstance(message, StatusReport),
                    "written_at": written_at.isoformat(),
                    "check": None if check is None else check.model_dump(mode="json"),
                },
                message.to_json(),
                given=Work(attachments=attachments),
                seconds=seconds_for(size, deadline=self._hosted.deadline),
                take=take,
            )
            if aside.tell() == 0:
                # The recipient would get an empty file, and the sender a receipt for it.
                raise self._hosted.crashed("write", "0 bytes")
        except BaseException:
            aside.close()
            raise
        return _given_out(aside)


class _IntroducedChecked(_Introduced):
    """One with a place for checks."""

    def write_checked(
        self,
        message: Message,
        check: DeliveryCheck,
        *,
        attachments: AttachmentSource,
        written_at: datetime,
    ) -> Iterator[bytes]:
        """As promised by the contract, to its end at once."""
        return self._written(message, check, attachments, written_at)


def _given_out(aside: "tempfile.SpooledTemporaryFile[bytes]") -> Iterator[bytes]:
    with aside:
        aside.seek(0)
        while piece := aside.read(_PIECE_BYTES):
            yield piece


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise AxisError.of("E_STORE_FULL") from error
        raise AxisError.of("E_STORE_AWAY", cause=of_os(error)) from error
