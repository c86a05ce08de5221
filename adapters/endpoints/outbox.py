"""Outbox: finds the complete files that an agency's system dropped, and takes them away.

Blocking; `folder` calls it in threads.
"""

import json
import os
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from adapters.contract import Submission
from adapters.endpoints.writing import is_being_written
from schemas.problem import Language, Problem

MOST_AT_ONCE = 500
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".swp", "~")
_ERROR_SUFFIX = ".error.json"


class Outbox:
    """The folders `outbox`, `sent` and `refused` of one agency.

    A file is complete when it has rested for `settle`, nobody has it open for writing, and its
    name is neither hidden nor that of an unfinished file. Where the kernel cannot tell about
    writers, two looks `settle` apart must see the same file. Folders and links are left alone.
    """

    def __init__(self, root: Path, *, settle: timedelta) -> None:
        self._outbox, self._sent, self._refused = (
            root / name for name in ("outbox", "sent", "refused")
        )
        self._settle = settle.total_seconds()
        self._seen: dict[str, tuple[str, float]] = {}
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
        now, seen = time.monotonic(), dict[str, tuple[str, float]]()
        found: list[tuple[int, Submission]] = []
        with os.scandir(self._outbox) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
                    continue
                try:
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    stat = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                version = _version(stat)
                known, since = self._seen.get(entry.name, ("", now))
                seen[entry.name] = (version, since if known == version else now)
                submission = Submission(name=entry.name, version=version, size=stat.st_size)
                found.append((stat.st_mtime_ns, submission))
        self._seen = seen
        found.sort(key=lambda aged: (aged[0], aged[1].name))
        complete = (each for mtime, each in found if self._is_complete(each, mtime, now))
        return tuple(each for each, _ in zip(complete, range(MOST_AT_ONCE), strict=False))

    def _is_complete(self, submission: Submission, mtime_ns: int, now: float) -> bool:
        unchanged = now - self._seen[submission.name][1] >= self._settle
        rested = time.time() - mtime_ns / 1e9 >= self._settle
        if not (unchanged or rested):
            return False
        try:
            writing = is_being_written(self._outbox / submission.name)
        except FileNotFoundError:
            return False
        return unchanged if writing is None else not writing

    def open(self, submission: Submission) -> BinaryIO:
        """Open the very file that was seen. Raises `FileNotFoundError` when it is another."""
        file = (self._outbox / submission.name).open("rb")
        if _version(os.fstat(file.fileno())) != submission.version:
            file.close()
            raise FileNotFoundError(submission.name)
        return file

    def accept(self, submission: Submission, notices: Sequence[Problem]) -> None:
        """Move the file to `sent`; notices about refused receivers go to `refused` beside it."""
        with self._naming:
            moved = self._move(submission, self._sent)
            if moved is not None and notices:
                name = _free(self._refused, moved.name)
                _report(self._refused / name, notices, sent=True)
                os.link(moved, self._refused / name)

    def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        """Move the file to `refused`, its report first: who sees the file finds the reason."""
        with self._naming:
            name = _free(self._refused, submission.name)
            _report(self._refused / name, problems, sent=False)
            if self._move(submission, self._refused, name) is None:
                (self._refused / (name + _ERROR_SUFFIX)).unlink(missing_ok=True)

    def _move(self, submission: Submission, folder: Path, name: str | None = None) -> Path | None:
        """Move the file, unless the agency has put another one in its place meanwhile."""
        source = self._outbox / submission.name
        target = folder / (name or _free(folder, submission.name))
        try:
            if _version(source.stat(follow_symlinks=False)) != submission.version:
                return None
            source.rename(target)
        except FileNotFoundError:
            return None
        self._seen.pop(submission.name, None)
        return target


def _version(stat: os.stat_result) -> str:
    return f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_size}"


def _free(folder: Path, name: str) -> str:
    """The name, or with -2, -3 … before its suffix: nothing is ever overwritten."""
    path, number, free = Path(name), 1, name
    while (folder / free).exists() or (folder / (free + _ERROR_SUFFIX)).exists():
        number += 1
        free = f"{path.stem}-{number}{path.suffix}"
    return free


def _report(file: Path, problems: Sequence[Problem], *, sent: bool) -> None:
    """Write `<name>.error.json` for the file, all or nothing."""
    report = {
        "file": file.name,
        "sent_to_other_receivers": sent,
        "problems": [_told(problem) for problem in problems],
    }
    draft = file.with_name(f".{file.name}.draft")
    draft.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    draft.rename(file.with_name(file.name + _ERROR_SUFFIX))


def _told(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "fault": problem.fault,
        "place": problem.place.model_dump(exclude_none=True),
        "text": {language.value: problem.text(language) for language in Language},
        "advice": {language.value: problem.advice(language) for language in Language},
    }
