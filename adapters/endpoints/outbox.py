"""Outbox: finds the complete files that an agency's system dropped, and takes them away.

Blocking; `folder` calls it in threads.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from adapters.contract import Submission
from adapters.endpoints.naming import free_name, is_taken
from adapters.endpoints.report import REPORT_SUFFIX, report
from adapters.endpoints.staging import Staging
from adapters.endpoints.writing import is_being_written, open_plain
from schemas.limits import MAX_OUTBOX_FILES
from schemas.problem import Problem

MOST_AT_ONCE = 500


@dataclass(kw_only=True, slots=True)
class _Sight:
    """A file as it was seen, and since when (seconds, monotonic) it looks like this."""

    submission: Submission
    mtime_ns: int
    since: float
    complete: bool = False


class Outbox:
    """The folders `outbox`, `sent` and `refused` of one agency.

    A file is complete when it has rested for `settle`, nobody has it open for writing, and its
    name is neither hidden nor that of an unfinished file. Where the kernel cannot tell about
    writers, two looks `settle` apart must see the same file. Folders and links are left alone; a
    file whose name is not UTF-8 is renamed first.
    """

    def __init__(self, root: Path, staging: Staging, *, settle: timedelta) -> None:
        self._outbox, self._sent, self._refused = (
            root / name for name in ("outbox", "sent", "refused")
        )
        self._staging = staging
        self._settle = settle.total_seconds()
        self._seen: dict[str, _Sight] = {}
        # Names in `sent` and `refused` are given by this process alone, one at a time.
        self._naming = threading.Lock()
        for folder in (self._outbox, self._sent, self._refused):
            folder.mkdir(parents=True, exist_ok=True)

    def is_empty(self) -> bool:
        """Quick: whether there is nothing to look at."""
        with os.scandir(self._outbox) as entries:
            return next(entries, None) is None

    def look(self) -> tuple[Submission, ...]:
        """The complete files, oldest first, at most `MOST_AT_ONCE`."""
        seen = {sight.submission.name: sight for sight in self._sights()}
        self._seen = seen
        in_order = sorted(seen.values(), key=lambda s: (s.mtime_ns, s.submission.name))
        complete = (sight.submission for sight in in_order if self._is_complete(sight))
        return tuple(islice(filter(self._is_named_in_utf8, complete), MOST_AT_ONCE))

    def _sights(self) -> Iterator[_Sight]:
        now = time.monotonic()
        with os.scandir(self._outbox) as entries:
            for entry in islice(entries, MAX_OUTBOX_FILES):
                if not is_taken(entry.name):
                    continue
                try:
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    stat = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                known = self._seen.get(entry.name)
                if known is not None and known.submission.version == _version(stat):
                    yield known
                    continue
                submission = Submission(name=entry.name, version=_version(stat), size=stat.st_size)
                yield _Sight(submission=submission, mtime_ns=stat.st_mtime_ns, since=now)

    def _is_complete(self, sight: _Sight) -> bool:
        if sight.complete:
            return True
        unchanged = time.monotonic() - sight.since >= self._settle
        rested = time.time() - sight.mtime_ns / 1e9 >= self._settle
        if not (unchanged or rested):
            return False
        try:
            writing = is_being_written(self._outbox / sight.submission.name)
        except FileNotFoundError:
            return False
        sight.complete = unchanged if writing is None else not writing
        return sight.complete

    def _is_named_in_utf8(self, submission: Submission) -> bool:
        """Names travel in reports and logs: give a file with another one a name that can."""
        try:
            submission.name.encode()
        except UnicodeEncodeError:
            readable = os.fsencode(submission.name).decode(errors="replace")
            _put_back(self._outbox / submission.name, self._outbox, readable)
            return False
        return True

    def open(self, submission: Submission) -> BinaryIO:
        """Open the very file that was seen. Raises `FileNotFoundError` when it is another."""
        file = open_plain(self._outbox / submission.name)
        if _version(os.fstat(file.fileno())) != submission.version:
            file.close()
            raise FileNotFoundError(submission.name)
        return file

    def accept(self, submission: Submission, notices: Sequence[Problem]) -> None:
        """Move the file to `sent`; notices about refused receivers go to `refused` beside it."""
        with self._naming:
            if not notices:
                self._move(submission, self._sent / free_name(self._sent, submission.name))
                return
            reported = self._report(submission, notices, sent=True)
            moved = self._sent / free_name(self._sent, submission.name)
            if self._move(submission, moved):
                os.link(moved, reported)
            else:
                _withdraw(reported)

    def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        """Move the file to `refused`, beside its report."""
        with self._naming:
            reported = self._report(submission, problems, sent=False)
            if not self._move(submission, reported):
                _withdraw(reported)

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
            return False
        if _version(target.stat()) == submission.version:
            return True
        # It was replaced in this very moment.
        _put_back(target, self._outbox, submission.name)
        return False


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
