"""Outbox: opens the files that an agency's system dropped, and moves them to `sent` or `refused`.

A file that cannot be read becomes a submission with a problem, and is refused like any other. A
file that cannot be moved stays in its place, and is not read again before it changes. Blocking;
`folder` calls it in threads.
"""

import errno
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from stat import S_ISDIR
from typing import BinaryIO

from adapters.contract import Submission
from adapters.endpoints.arrivals import Arrivals, open_plain, version_of
from adapters.endpoints.folder_checks import check_folders, must_be_movable, remove_leftovers
from adapters.endpoints.naming import MAX_NAME_BYTES, free_name, numbered, put_back
from adapters.endpoints.staging import Staging
from schemas.problem import AxisError, Language, Place, Problem
from schemas.term import of_os

REPORT_SUFFIX = ".error.json"
_PROVEN_SECONDS = 1.0
"""How long a proof that files can be moved away is believed."""
_NOT_ITS_FAULT = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS}
)


class FileError(OSError):
    """An error of the operating system about one file, while the folders are in order."""


class Outbox:
    """The folders `outbox`, `sent` and `refused` of one agency.

    Attributes:
        arrivals: Which files are complete.
    """

    def __init__(self, root: Path, staging: Staging, *, settle: timedelta) -> None:
        self._outbox, self._sent, self._refused = folders = tuple(
            root / name for name in ("outbox", "sent", "refused")
        )
        self._staging = staging
        self._proven_at = -_PROVEN_SECONDS
        # Held while a name is chosen. Only this process chooses names in `sent` and `refused`.
        self._naming = threading.Lock()
        self.arrivals = Arrivals(self._outbox, settle=settle)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers((*folders, staging.folder))

    def probe(self) -> None:
        """Prove that a file can be taken out, moved to where it belongs, and reported.

        Raises `FolderError`.
        """
        check_folders((self._staging.folder, self._outbox, self._sent, self._refused))
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
            if version_of(path.stat(follow_symlinks=False)) != submission.version:
                raise FileNotFoundError(submission.name)
            file = open_plain(path)
            try:
                if version_of(os.fstat(file.fileno())) != submission.version:
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
                self.arrivals.set_aside(submission)
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
                self.arrivals.set_aside(submission)
                room = MAX_NAME_BYTES - len(REPORT_SUFFIX)
                name = next(numbered(submission.name, room)) + REPORT_SUFFIX
                if not (self._refused / name).exists():
                    self._report(submission, problems, sent=False)
                return
            reported = self._report(submission, problems, sent=False)
            try:
                with self._of_the_file():
                    moved = self._move(submission, reported)
            except FileError:
                self.arrivals.set_aside(submission)
                return
            except OSError:
                _withdraw(reported)
                raise
            if not moved:
                _withdraw(reported)

    def _is_folder(self, submission: Submission) -> bool:
        try:
            return S_ISDIR((self._outbox / submission.name).lstat().st_mode)
        except FileNotFoundError:
            return False

    @contextmanager
    def _of_the_file(self) -> Iterator[None]:
        """Turn an `OSError` into a `FileError` if its cause is this file and not the folders."""
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
        """Write the report, and return where its file belongs.

        The report comes first, then the file: whatever crashes, no file is refused without a
        reason.
        """
        name = free_name(self._refused, submission.name, companion=REPORT_SUFFIX)
        draft = self._staging.write([report(name, problems, sent=sent)])
        draft.rename(self._refused / (name + REPORT_SUFFIX))
        return self._refused / name

    def _move(self, submission: Submission, target: Path) -> bool:
        """Move the file, unless the agency has put another one in its place."""
        source = self._outbox / submission.name
        try:
            if version_of(source.stat(follow_symlinks=False)) != submission.version:
                return False
            source.rename(target)
        except FileNotFoundError:
            # Raises where it is the folders that are away.
            self._outbox.stat()
            target.parent.stat()
            return False
        if version_of(target.lstat()) == submission.version:
            return True
        # It was replaced in this very moment.
        put_back(target, self._outbox, submission.name)
        return False


def report(name: str, problems: Sequence[Problem], *, sent: bool) -> bytes:
    """What an agency's system is told about a file in `<name>.error.json`, as UTF-8 JSON.

    Args:
        sent: The file was sent, only not to the receivers that the problems name.
    """
    content = {
        "file": name,
        "sent_to_other_receivers": sent,
        "problems": [
            {
                "code": problem.code,
                "fault": problem.fault,
                "place": problem.place.model_dump(exclude_none=True),
                "params": problem.params,
                "text": {language.value: problem.text(language) for language in Language},
                "advice": {language.value: problem.advice(language) for language in Language},
            }
            for problem in problems
        ],
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


def stays(name: str, error: OSError) -> Problem:
    """The problem of a file that was sent and cannot be moved away."""
    cause = of_os(error)
    return AxisError.of("E_FILE_STAYS", place=Place(file=name), name=name, cause=cause).problem


def _withdraw(reported: Path) -> None:
    reported.with_name(reported.name + REPORT_SUFFIX).unlink(missing_ok=True)
