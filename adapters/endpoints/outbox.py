"""Outbox: finds the complete files that an agency's system dropped, and takes them away.

A file that cannot be read becomes a submission with a problem, and is refused like any other. A
file that cannot be moved stays in its place, and is not read again before it changes. Blocking;
`folder` calls it in threads.
"""

import errno
import os
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from adapters.contract import Submission
from adapters.endpoints.naming import MAX_NAME_BYTES, free_name, is_taken, numbered
from adapters.endpoints.report import REPORT_SUFFIX, report
from adapters.endpoints.staging import Staging
from adapters.endpoints.trial import must_be_movable, pass_through, sweep
from adapters.endpoints.writing import is_being_written, open_plain
from schemas.limits import MAX_OUTBOX_FILES
from schemas.problem import AxisError, Place, Problem
from schemas.term import Term, of_os, term

MOST_AT_ONCE = 500
_SHORTEST_REST_SECONDS = 0.05
_PROVEN_SECONDS = 1.0
"""So long a proof that files can be moved away holds."""
_NOT_ITS_FAULT = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS}
)


@dataclass(kw_only=True, slots=True)
class _Sight:
    """A file as it was seen, and since when (seconds, monotonic) it looks like this.

    Attributes:
        ctime_ns: Another one also when only its rights have changed.
        moved_in: It was renamed into the outbox, so it need not rest.
    """

    submission: Submission
    mtime_ns: int
    ctime_ns: int
    since: float
    complete: bool = False
    moved_in: bool = False


class FileError(OSError):
    """What an operating system says of one file; the folders are well."""


class Outbox:
    """The folders `outbox`, `sent` and `refused` of one agency.

    A file that was renamed into the outbox is complete at once: programs rename what they have
    finished. A file that was written in place is complete when it has rested for `settle`: that it
    was closed says little, for many programs open, add and close again and again. In both cases
    nobody may have it open for writing. Where the kernel cannot tell about writers, a file that
    was renamed counts, and of any other one two looks `settle` apart must see the same.

    A name that is hidden or that of an unfinished file is never taken. What is no file is offered
    with the problem that it is; a file whose name is not UTF-8 is renamed first.

    Attributes:
        resting: In how many seconds the next file may be complete that the last look saw; None:
            there is none that must rest.
    """

    def __init__(self, root: Path, staging: Staging, *, settle: timedelta) -> None:
        self._outbox, self._sent, self._refused = (
            root / name for name in ("outbox", "sent", "refused")
        )
        self._staging = staging
        self._settle = settle.total_seconds()
        self.resting: float | None = None
        self._seen: dict[str, _Sight] = {}
        # What cannot be moved away, and was told of: by name how it was seen.
        self._aside: dict[str, tuple[str, int]] = {}
        self._proven_at = -_PROVEN_SECONDS
        # Names in `sent` and `refused` are given by this process alone, one at a time.
        self._naming = threading.Lock()
        for folder in (self._outbox, self._sent, self._refused):
            folder.mkdir(parents=True, exist_ok=True)
        sweep((self._outbox, self._sent, self._refused, staging.folder))

    def is_empty(self) -> bool:
        """Quick: whether there is nothing to look at."""
        with os.scandir(self._outbox) as entries:
            return next(entries, None) is None

    def look(self, moved_in: Collection[str] = ()) -> tuple[Submission, ...]:
        """The complete files, oldest first, at most `MOST_AT_ONCE`.

        Args:
            moved_in: The names that were renamed into the outbox since the last look.
        """
        seen = {sight.submission.name: sight for sight in self._sights()}
        self._seen = seen
        for name in moved_in:
            if sight := seen.get(name):
                sight.moved_in = True
        self._aside = {name: sight for name, sight in self._aside.items() if name in seen}
        in_order = sorted(seen.values(), key=lambda s: (s.mtime_ns, s.submission.name))
        complete = (
            sight.submission
            for sight in in_order
            if self._aside.get(sight.submission.name) != (sight.submission.version, sight.ctime_ns)
            and self._is_complete(sight)
        )
        found = tuple(islice(filter(self._is_named_in_utf8, complete), MOST_AT_ONCE))
        resting = [self._rests_for(sight) for sight in in_order if not sight.complete]
        self.resting = min(resting, default=None)
        return found

    def _sights(self) -> Iterator[_Sight]:
        now = time.monotonic()
        with os.scandir(self._outbox) as entries:
            for entry in islice(entries, MAX_OUTBOX_FILES):
                if not is_taken(entry.name):
                    continue
                problem = None
                try:
                    stat = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if not S_ISREG(stat.st_mode):
                    problem = _no_file(entry.name)
                known = self._seen.get(entry.name)
                if known is not None and known.submission.version == _version(stat):
                    known.ctime_ns = stat.st_ctime_ns
                    yield known
                    continue
                submission = Submission(
                    name=entry.name, version=_version(stat), size=stat.st_size, problem=problem
                )
                yield _Sight(
                    submission=submission,
                    mtime_ns=stat.st_mtime_ns,
                    ctime_ns=stat.st_ctime_ns,
                    since=now,
                )

    def _is_complete(self, sight: _Sight) -> bool:
        if sight.complete:
            return True
        unchanged, rested = (left <= 0 for left in self._left(sight))
        if not (sight.moved_in or unchanged or rested):
            return False
        try:
            writing = self._is_being_written(sight.submission)
        except FileNotFoundError:
            return False
        sight.complete = (sight.moved_in or unchanged) if writing is None else not writing
        return sight.complete

    def _left(self, sight: _Sight) -> tuple[float, float]:
        """How many seconds are left until it was unchanged, and untouched, for long enough."""
        return (
            self._settle - (time.monotonic() - sight.since),
            self._settle - (time.time() - sight.mtime_ns / 1e9),
        )

    def _rests_for(self, sight: _Sight) -> float:
        left = [seconds for seconds in self._left(sight) if seconds > 0]
        return max(min(left, default=self._settle), _SHORTEST_REST_SECONDS)

    def _is_being_written(self, submission: Submission) -> bool | None:
        if submission.problem is not None:
            return None
        try:
            return is_being_written(self._outbox / submission.name)
        except FileNotFoundError:
            raise
        except OSError:
            # `open` raises the error that explains it.
            return None

    def _is_named_in_utf8(self, submission: Submission) -> bool:
        """Names travel in reports and logs: give a file with another one a name that can."""
        try:
            submission.name.encode()
        except UnicodeEncodeError:
            readable = os.fsencode(submission.name).decode(errors="replace")
            # One that cannot be renamed stays where it is; the others are not kept back by it.
            with suppress(OSError):
                _put_back(self._outbox / submission.name, self._outbox, readable)
            return False
        return True

    def probe(self) -> None:
        """Prove that a file can be taken out, moved to where it belongs, and told of.

        Raises `FolderError`.
        """
        pass_through((self._staging.folder, self._outbox, self._sent, self._refused))
        self._proven_at = time.monotonic()

    def open(self, submission: Submission) -> BinaryIO:
        """Open the very file that was seen, once it is proven that it can be moved away.

        Raises:
            FileNotFoundError: It is another one now, or gone.
            FolderError: It could not be moved away.
            FileError: It cannot be opened, or not moved away. As `OSError` also from its `read`.
        """
        if time.monotonic() - self._proven_at >= _PROVEN_SECONDS:
            self.probe()
        path = self._outbox / submission.name
        with self._of_the_file():
            if _version(path.stat(follow_symlinks=False)) != submission.version:
                raise FileNotFoundError(submission.name)
            file = open_plain(path)
            try:
                if _version(os.fstat(file.fileno())) != submission.version:
                    raise FileNotFoundError(submission.name)
                must_be_movable(file.fileno(), self._outbox)
            except BaseException:
                file.close()
                raise
        return file

    def accept(self, submission: Submission, notices: Sequence[Problem]) -> None:
        """Move the file to `sent`; notices about refused receivers go to `refused` beside it.

        Raises:
            FileError: The file could be moved before, and cannot be now; it stays in the outbox.
        """
        with self._naming:
            if notices:
                reported = self._report(submission, notices, sent=True)
            moved = self._sent / free_name(self._sent, submission.name)
            try:
                with self._of_the_file():
                    there = self._move(submission, moved)
            except FileError as error:
                self._set_aside(submission)
                self._report(submission, [stays(submission.name, error)], sent=True)
                raise
            if not notices:
                return
            if there:
                # Where the file is another owner's, a second name may be refused.
                with suppress(PermissionError):
                    os.link(moved, reported)
            else:
                _withdraw(reported)

    def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        """Move the file to `refused`, beside its report; what cannot be moved stays."""
        with self._naming:
            if self._is_folder(submission):
                # Somebody may be copying into it. One report is written, also across restarts.
                self._set_aside(submission)
                room = MAX_NAME_BYTES - len(REPORT_SUFFIX)
                told = next(numbered(submission.name, room)) + REPORT_SUFFIX
                if not (self._refused / told).exists():
                    self._report(submission, problems, sent=False)
                return
            reported = self._report(submission, problems, sent=False)
            try:
                with self._of_the_file():
                    moved = self._move(submission, reported)
            except FileError:
                self._set_aside(submission)
                return
            except OSError:
                _withdraw(reported)
                raise
            if not moved:
                _withdraw(reported)

    def _set_aside(self, submission: Submission) -> None:
        """Leave it where it lies, until it changes or its rights do."""
        with suppress(FileNotFoundError):
            stat = (self._outbox / submission.name).lstat()
            self._aside[submission.name] = submission.version, stat.st_ctime_ns

    def _is_folder(self, submission: Submission) -> bool:
        try:
            return S_ISDIR((self._outbox / submission.name).lstat().st_mode)
        except FileNotFoundError:
            return False

    @contextmanager
    def _of_the_file(self) -> Iterator[None]:
        """Tell what is wrong with one file from what is wrong with the folders, or with us."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in _NOT_ITS_FAULT:
                raise
            self.probe()
            raise FileError(error.errno, error.strerror) from error

    def _report(self, submission: Submission, problems: Sequence[Problem], *, sent: bool) -> Path:
        """Write the report, and answer where its file belongs.

        First the report, then the file: whatever crashes, no file is refused without a reason.
        """
        name = free_name(self._refused, submission.name, companion=REPORT_SUFFIX)
        draft = self._staging.write([report(name, problems, sent=sent)])
        draft.rename(self._refused / (name + REPORT_SUFFIX))
        return self._refused / name

    def _move(self, submission: Submission, target: Path) -> bool:
        """Move the file, unless the agency has put another one in its place."""
        source = self._outbox / submission.name
        try:
            if _version(source.stat(follow_symlinks=False)) != submission.version:
                return False
            source.rename(target)
        except FileNotFoundError:
            # Raises where it is the folders that are away.
            self._outbox.stat()
            target.parent.stat()
            return False
        if _version(target.lstat()) == submission.version:
            return True
        # It was replaced in this very moment.
        _put_back(target, self._outbox, submission.name)
        return False


def unreadable(name: str, error: OSError) -> Problem:
    """The problem of a file that cannot be opened or read."""
    return _problem("E_FILE_UNREADABLE", name, of_os(error))


def stays(name: str, error: OSError) -> Problem:
    """The problem of a file that was sent and cannot be moved away."""
    return _problem("E_FILE_STAYS", name, of_os(error))


def _no_file(name: str) -> Problem:
    return _problem("E_FILE_UNREADABLE", name, term("no_file"))


def _problem(code: str, name: str, cause: Term) -> Problem:
    return AxisError.of(code, place=Place(file=name), name=name, cause=cause).problem


def _version(stat: os.stat_result) -> str:
    return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"


def _withdraw(reported: Path) -> None:
    reported.with_name(reported.name + REPORT_SUFFIX).unlink(missing_ok=True)


def _put_back(source: Path, folder: Path, name: str) -> None:
    """Move a file to where the agency gives names too: by a link, which never overwrites."""
    while True:
        try:
            (folder / free_name(folder, name)).hardlink_to(source)
        except FileExistsError:
            continue
        except PermissionError:
            # A folder, or a file that is not ours to link.
            source.rename(folder / free_name(folder, name))
            return
        source.unlink()
        return


def oldest_waiting(outbox: Path) -> float | None:
    """Since when the oldest finished file of an outbox lies there (seconds since 1970), if any.

    Quick, for whoever only looks; a folder that is away holds none.
    """
    oldest = None
    try:
        with os.scandir(outbox) as entries:
            for entry in islice(entries, MAX_OUTBOX_FILES):
                if entry.is_file(follow_symlinks=False) and is_taken(entry.name):
                    with suppress(FileNotFoundError):
                        stat = entry.stat(follow_symlinks=False)
                        # A rename into the outbox renews the second one only.
                        since = max(stat.st_mtime, stat.st_ctime)
                        oldest = since if oldest is None else min(oldest, since)
    except (OSError, ValueError):  # ValueError: no path can be made of the name
        return None
    return oldest
