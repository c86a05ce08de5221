"""Staging: a hidden folder for files that must appear elsewhere all or nothing."""

import os
import secrets
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

_LEFTOVER_AFTER = timedelta(days=1)
_BUFFER_BYTES = 256 * 1024


class Staging:
    """The folder `.staging` of one agency, on the same file system as its other folders.

    What crashes left there more than a day ago, and no mark points at, is removed at the start.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / ".staging"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._sweep(before=time.time() - _LEFTOVER_AFTER.total_seconds())

    def write(self, chunks: Iterable[bytes]) -> Path:
        """Write a file under a fresh name and sync its content; nothing is left of a failure."""
        path = self.folder / secrets.token_hex(12)
        try:
            with path.open("xb", buffering=_BUFFER_BYTES) as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _sweep(self, *, before: float) -> None:
        files, marked = [], set()
        for path in self.folder.iterdir():
            if path.is_symlink():
                marked.add(path.readlink().name)
            else:
                files.append(path)
        for path in files:
            if path.name not in marked and path.stat().st_mtime < before:
                path.unlink()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
