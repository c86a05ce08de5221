"""Folder checks: whether files can be moved through folders, and whether one file can be moved.

A check leaves nothing behind. Blocking.
"""

import fcntl
import os
import secrets
import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = ".trial-"
_GET_FLAGS = 0x8008_6601
_CANNOT_BE_MOVED = 0x10 | 0x20
"""Immutable and append-only, in the flags of a file on Linux (ioctl_iflags(2))."""


class FolderError(OSError):
    """An error of the operating system about a folder."""

    def __init__(self, error: OSError, folder: Path) -> None:
        super().__init__(error.errno, error.strerror)
        self.folder = folder


@contextmanager
def errors_of(folder: Path) -> Iterator[None]:
    """Turn any `OSError` inside into a `FolderError` about this folder."""
    try:
        yield
    except FolderError:
        raise
    except OSError as error:
        raise FolderError(error, folder) from error


def check_folders(folders: Sequence[Path]) -> None:
    """List each folder, write a small file there and remove it, then move one through them all.

    Raises `FolderError` with the first folder that does not allow it.
    """
    name = f"{_PREFIX}{secrets.token_hex(8)}"
    path = folders[0] / name
    try:
        for folder in folders:
            with errors_of(folder):
                with os.scandir(folder) as entries:
                    next(entries, None)
                path = folder / name
                path.write_bytes(b".")
                path.unlink()
        path.write_bytes(b".")
        for folder in folders:
            with errors_of(folder):
                path = path.rename(folder / name)
        path.unlink()
    except OSError:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove what a crash in the middle of a check left behind, as far as possible."""
    for folder in folders:
        with suppress(OSError):
            for path in folder.glob(f"{_PREFIX}*"):
                path.unlink(missing_ok=True)


def must_be_movable(file: int, folder: Path) -> None:
    """Raise `PermissionError` for an open file that this process cannot move out of a folder.

    The reasons are a sticky folder, or an immutable file, which only Linux reports. The rights of
    the folder itself are checked elsewhere.
    """
    ours, theirs = os.fstat(file), folder.stat()
    others = os.geteuid() not in {0, ours.st_uid, theirs.st_uid}
    if (theirs.st_mode & stat.S_ISVTX and others) or _flags_of(file) & _CANNOT_BE_MOVED:
        raise PermissionError(1, "it cannot be moved")


def _flags_of(file: int) -> int:
    try:
        flags: int = struct.unpack("l", fcntl.ioctl(file, _GET_FLAGS, struct.pack("l", 0)))[0]
    except OSError:
        return 0
    return flags
