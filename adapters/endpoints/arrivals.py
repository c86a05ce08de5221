"""Arrivals: which files in an agency's outbox are complete. Blocking."""

import errno
import fcntl
import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from adapters.contract import Submission
from adapters.endpoints.naming import is_taken, put_back
from schemas.limits import MAX_OUTBOX_FILES
from schemas.problem import AxisError, Place, Problem
from schemas.term import Term, term

MOST_AT_ONCE = 500
_SHORTEST_REST_SECONDS = 0.05
_CANNOT_TELL = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOLCK, errno.ENOSYS})


@dataclass(kw_only=True, slots=True)
class _Seen:
    """A file as it was seen, and since when (seconds, monotonic) it looks like this.

    Attributes:
        ctime_ns: Changes also when only the rights of the file change.
        moved_in: It was renamed into the outbox, so it need not rest.
    """

    submission: Submission
    mtime_ns: int
    ctime_ns: int
    since: float
    complete: bool = False
    moved_in: bool = False


class Arrivals:
    """The files that an agency's system drops into the folder `outbox`.

    A file that was renamed into the outbox is complete at once: programs rename what they have
    finished. A file that was written in place is complete when it has rested for `settle`: closing
    says little, because many programs open, add and close again and again. In both cases
    nobody may have it open for writing. Where the kernel cannot tell about writers, a file that
    was renamed counts, and of any other one two looks `settle` apart must see the same.

    A hidden name or that of an unfinished file is never taken. What is no file is submitted
    with the problem that it is none; a file whose name is not UTF-8 is renamed first.

    Attributes:
        resting: In how many seconds the next file may be complete that the last look saw; None:
            no file must rest.
    """

    def __init__(self, outbox: Path, *, settle: timedelta) -> None:
        self._outbox = outbox
        self._settle = settle.total_seconds()
        self.resting: float | None = None
        self._seen: dict[str, _Seen] = {}
        # What cannot be moved away, and was reported: by name its version and its ctime_ns.
        self._aside: dict[str, tuple[str, int]] = {}

    def is_empty(self) -> bool:
        """Whether the folder contains nothing; cheap."""
        with os.scandir(self._outbox) as entries:
            return next(entries, None) is None

    def look(self, moved_in: Collection[str] = ()) -> tuple[Submission, ...]:
        """The complete files, oldest first, at most `MOST_AT_ONCE`.

        Args:
            moved_in: The names that were renamed into the outbox since the last look.
        """
        seen = {each.submission.name: each for each in self._look()}
        self._seen = seen
        for name in seen.keys() & set(moved_in):
            seen[name].moved_in = True
        self._aside = {name: each for name, each in self._aside.items() if name in seen}
        in_order = sorted(seen.values(), key=lambda each: (each.mtime_ns, each.submission.name))
        complete = (
            each.submission
            for each in in_order
            if self._aside.get(each.submission.name) != (each.submission.version, each.ctime_ns)
            and self._is_complete(each)
        )
        found = tuple(islice(filter(self._is_named_in_utf8, complete), MOST_AT_ONCE))
        resting = [self._rests_for(each) for each in in_order if not each.complete]
        self.resting = min(resting, default=None)
        return found

    def set_aside(self, submission: Submission) -> None:
        """Leave a file where it lies, and do not submit it before it or its rights change."""
        with suppress(FileNotFoundError):
            stat = (self._outbox / submission.name).lstat()
            self._aside[submission.name] = submission.version, stat.st_ctime_ns

    def _look(self) -> Iterator[_Seen]:
        now = time.monotonic()
        for name, stat in _entries(self._outbox):
            known = self._seen.get(name)
            if known is not None and known.submission.version == version_of(stat):
                known.ctime_ns = stat.st_ctime_ns
                yield known
                continue
            is_file = S_ISREG(stat.st_mode)
            yield _Seen(
                submission=Submission(
                    name=name,
                    version=version_of(stat),
                    size=stat.st_size,
                    problem=None if is_file else unreadable(name, term("no_file")),
                ),
                mtime_ns=stat.st_mtime_ns,
                ctime_ns=stat.st_ctime_ns,
                since=now,
            )

    def _is_complete(self, seen: _Seen) -> bool:
        if seen.complete:
            return True
        unchanged, rested = (left <= 0 for left in self._left(seen))
        if not (seen.moved_in or unchanged or rested):
            return False
        try:
            writing = self._is_being_written(seen.submission)
        except FileNotFoundError:
            return False
        seen.complete = (seen.moved_in or unchanged) if writing is None else not writing
        return seen.complete

    def _left(self, seen: _Seen) -> tuple[float, float]:
        """Seconds until two looks saw it unchanged for `settle`, and until it is `settle` old."""
        return (
            self._settle - (time.monotonic() - seen.since),
            self._settle - (time.time() - seen.mtime_ns / 1e9),
        )

    def _rests_for(self, seen: _Seen) -> float:
        left = [seconds for seconds in self._left(seen) if seconds > 0]
        return max(min(left, default=self._settle), _SHORTEST_REST_SECONDS)

    def _is_being_written(self, submission: Submission) -> bool | None:
        if submission.problem is not None:
            return None
        try:
            return is_being_written(self._outbox / submission.name)
        except FileNotFoundError:
            raise
        except OSError:
            # `Outbox.open` raises the error that explains it.
            return None

    def _is_named_in_utf8(self, submission: Submission) -> bool:
        """Names travel in reports and logs, so a file with another name is renamed."""
        try:
            submission.name.encode()
        except UnicodeEncodeError:
            readable = os.fsencode(submission.name).decode(errors="replace")
            # One that cannot be renamed stays where it is, and does not keep the others back.
            with suppress(OSError):
                put_back(self._outbox / submission.name, self._outbox, readable)
            return False
        return True


def oldest_waiting(outbox: Path) -> float | None:
    """Since when the oldest finished file of an outbox waits (seconds since 1970), if there is one.

    Quick, for gauges; a folder that is away holds none.
    """
    try:
        # A rename into the outbox renews the second time only.
        times = [
            max(stat.st_mtime, stat.st_ctime)
            for _, stat in _entries(outbox)
            if S_ISREG(stat.st_mode)
        ]
    except (OSError, ValueError):  # ValueError: no path can be made of the name
        return None
    return min(times, default=None)


def version_of(stat: os.stat_result) -> str:
    """A text that differs when a file is replaced or its content changes."""
    return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"


def unreadable(name: str, cause: Term) -> Problem:
    """The problem of a file that cannot be opened or read."""
    return AxisError.of("E_FILE_UNREADABLE", place=Place(file=name), name=name, cause=cause).problem


def is_being_written(path: Path) -> bool | None:
    """Whether any process has the file open for writing; None: the kernel cannot tell.

    It cannot on other systems than Linux, on some file systems, or for files of another owner.

    Linux grants a read lease only while nobody has the file open for writing (fcntl(2),
    "Leases"). It is given back at once; should a writer come in between, the kernel makes that
    writer wait, and the signal that it sends us is one that is ignored by default.
    """
    with open_plain(path) as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except BlockingIOError:
            return True
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _CANNOT_TELL:
                raise
            return None
        return False


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading, without following a link or waiting for the writer of a pipe."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    return os.fdopen(handle, "rb")


def _entries(outbox: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Names and states of at most `MAX_OUTBOX_FILES` entries that may be taken."""
    with os.scandir(outbox) as entries:
        for entry in islice(entries, MAX_OUTBOX_FILES):
            if is_taken(entry.name):
                with suppress(FileNotFoundError):
                    yield entry.name, entry.stat(follow_symlinks=False)
