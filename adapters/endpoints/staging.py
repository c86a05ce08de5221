"""Staging: a hidden folder for files that must appear elsewhere all or nothing."""

import os
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from io import FileIO
from pathlib import Path

DRAFT_SUFFIX = ".part"
_NAME = ".staging"
_LEFTOVER_AFTER = timedelta(days=1)
_BUFFER_BYTES = 256 * 1024


class Draft:
    """A file that is being written. If a step fails, the file is removed."""

    def __init__(self, path: Path, chunks: Iterable[bytes]) -> None:
        self.path = path
        self._chunks = iter(chunks)
        self._file: FileIO | None = None

    def write(self, *, most: int | None = None) -> bool:
        """Write on: True at the end; False when at least `most` bytes more were written."""
        try:
            if self._file is None:
                self._file = FileIO(self.path, "xb")
            pending: list[bytes] = []
            size = written = 0
            for chunk in self._chunks:
                pending.append(chunk)
                size += len(chunk)
                if size >= _BUFFER_BYTES:
                    _write_all(self._file, pending)
                    pending, size, written = [], 0, written + size
                    if most is not None and written >= most:
                        return False
            _write_all(self._file, pending)
        except BaseException:
            self.discard()
            raise
        return True

    def start_sync(self) -> None:
        """Let the kernel begin to write the content to disk; it writes many files at once.

        On Linux the advice that the pages are not needed makes the kernel write them. On other
        systems nothing happens, and `sync` does it all.
        """
        if self._file is not None and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        """Wait until the content is on disk; the draft is finished."""
        try:
            if self._file is not None:
                os.fsync(self._file.fileno())
                self._file.close()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the draft."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self.path.unlink(missing_ok=True)


class Staging:
    """The folder `.staging` of one agency, on the same file system as its other folders.

    At the start it removes drafts that a crash left there more than a day ago and that have no
    mark. A mark is a second name of its draft.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / _NAME
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep(before=time.time() - _LEFTOVER_AFTER.total_seconds())

    def draft(self, chunks: Iterable[bytes]) -> Draft:
        """A file under a fresh name, not written yet."""
        return Draft(self.folder / f"{secrets.token_hex(12)}{DRAFT_SUFFIX}", chunks)

    @staticmethod
    def is_in(root: Path) -> bool:
        """Whether an agency's folder is there. An empty mount point has no staging folder."""
        return (root / _NAME).is_dir()

    def write(self, chunks: Iterable[bytes]) -> Path:
        """Write a file under a fresh name and sync its content. A failure leaves no file."""
        draft = self.draft(chunks)
        draft.write()
        draft.sync()
        return draft.path

    def draft_of(self, mark: Path) -> Path | None:
        """The draft that a mark belongs to, if it is still here."""
        inode = mark.stat().st_ino
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(DRAFT_SUFFIX) and entry.inode() == inode:
                    return Path(entry.path)
        return None

    def _sweep(self, *, before: float) -> None:
        drafts, marked = [], set()
        with os.scandir(self.folder) as entries:
            for entry in entries:
                stat = entry.stat(follow_symlinks=False)
                if entry.name.endswith(DRAFT_SUFFIX):
                    drafts.append((Path(entry.path), stat))
                else:
                    marked.add(stat.st_ino)
        for path, stat in drafts:
            if stat.st_ino not in marked and stat.st_mtime < before:
                path.unlink()


def _write_all(file: FileIO, pending: list[bytes]) -> None:
    rest = memoryview(b"".join(pending))
    while rest:
        rest = rest[file.write(rest) :]
