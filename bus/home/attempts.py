"""Attempts in a folder: one small file for each, as long as there are bytes in it as beginnings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from schemas.problem import AxisError
from schemas.term import of_os

_FORGOTTEN_AFTER = timedelta(days=7)


class FolderAttempts:
    """Attempts that survive the process, and need not survive the machine.

    Args:
        folder: Made when it is first needed; what is a week old is forgotten at the start.

    Raises:
        TransportError: E_STORE_AWAY; also from every method.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._forget(before=time.time() - _FORGOTTEN_AFTER.total_seconds())

    def begin(self, key: str) -> int:
        """Append one byte; as many as were there before have never ended."""
        with _disk():
            self._folder.mkdir(parents=True, exist_ok=True)
            with (self._folder / key).open("ab") as file:
                before = file.tell()
                file.write(b".")
            return before

    def end(self, key: str) -> None:
        """Remove the file."""
        with _disk():
            (self._folder / key).unlink(missing_ok=True)

    def _forget(self, *, before: float) -> None:
        with _disk():
            for path in self._folder.glob("*"):
                if path.stat().st_mtime < before:
                    path.unlink(missing_ok=True)


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AxisError.of("E_STORE_AWAY", cause=of_os(error)) from error
