"""FolderAttempts: a file for each attempt that has begun; its length is the count of beginnings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from schemas.problem import AxisError
from schemas.term import of_os

_KEPT_FOR = timedelta(days=7)


class FolderAttempts:
    """Attempts that survive the process. They need not survive a power cut.

    Args:
        folder: Created by the first attempt. Files that are a week old are deleted at the start.

    Raises:
        TransportError: E_STORE_AWAY; also from every method.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        oldest = time.time() - _KEPT_FOR.total_seconds()
        with _disk_errors():
            for path in folder.glob("*"):
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)

    def begin(self, key: str) -> int:
        """Append one byte; return how many earlier beginnings have not ended."""
        with _disk_errors():
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / key).open("ab") as file:
                before = file.tell()
                file.write(b".")
            return before

    def end(self, key: str) -> None:
        """Remove the file."""
        with _disk_errors():
            (self._folder / key).unlink(missing_ok=True)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AxisError.of("E_STORE_AWAY", cause=of_os(error)) from error
