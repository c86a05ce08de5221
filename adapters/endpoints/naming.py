"""Naming: which names an outbox takes, and which are free, so that nothing is overwritten."""

import os
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path

MAX_NAME_BYTES = 255
_LONGEST_SUFFIX_BYTES = 32
_LONGEST_COMPANION_BYTES = 16
_DIGEST_DIGITS = 12
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".swp", "~")


def bare(name: str) -> str:
    """Return the name of a file unchanged. Raises `ValueError` if it is empty or a path."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is not the name of a file")
    return name


def is_taken(name: str) -> bool:
    """Whether a file of this name may be taken from an outbox.

    Not if it is hidden, or has a name that programs give to unfinished files.
    """
    return not name.startswith(".") and not name.lower().endswith(_UNFINISHED)


def name_to_drop(said: str, mark: str, *, ending: str = "") -> str:
    """A name like `said` for a file that is dropped into an outbox, which takes it.

    Args:
        mark: Makes it unique.
        ending: Stands before the suffix; then there is always a suffix.

    Returns:
        Short enough for the names of the unfinished file and of the report, which are longer. A
        name that was too long contains a digest of itself.
    """
    readable = said.encode(errors="replace").decode().lstrip(".")
    suffix = Path(readable).suffix
    if not is_taken(f"x{suffix}") or len(suffix.encode()) > _LONGEST_SUFFIX_BYTES:
        suffix = ""
    stem = readable.removesuffix(suffix) or "file"
    tail = f"-{mark}{ending}{suffix or ('.file' if ending else '')}"
    room = MAX_NAME_BYTES - _LONGEST_COMPANION_BYTES - len(tail.encode())
    if len(stem.encode()) > room:
        digest = f"-{sha256(stem.encode()).hexdigest()[:_DIGEST_DIGITS]}"
        stem = stem.encode()[: room - len(digest)].decode(errors="ignore") + digest
    return f"{stem}{tail}"


def free_name(folder: Path, name: str, *, companion: str = "", placed: Path | None = None) -> str:
    """The first of `name`, `name`-2, `name`-3 … under which the folder contains nothing.

    Args:
        name: Encodable in UTF-8.
        companion: A second name, `<name><companion>`, must be free and fit as well.
        placed: A file that may lie under the second name already.
    """
    room = MAX_NAME_BYTES - len(companion.encode())
    return next(
        free
        for free in numbered(name, room)
        if not os.path.lexists(folder / free)
        and (not companion or _is_free(folder / (free + companion), placed))
    )


def _is_free(path: Path, placed: Path | None) -> bool:
    """Whether no file is there, or only the placed one."""
    try:
        there = path.lstat()
        return placed is not None and os.path.samestat(there, placed.lstat())
    except FileNotFoundError:
        return not os.path.lexists(path)


def numbered(name: str, room: int = MAX_NAME_BYTES) -> Iterator[str]:
    """The name, then with -2, -3 … before its suffix, each cut to `room` bytes."""
    return (_numbered(name, number, room) for number in count(1))


def _numbered(name: str, number: int, room: int) -> str:
    """A name of at most `room` bytes; file systems measure names in bytes, not letters."""
    suffix = Path(name).suffix
    if len(suffix.encode()) > _LONGEST_SUFFIX_BYTES:
        suffix = ""
    stem = name.removesuffix(suffix)
    ending = f"-{number}{suffix}" if number > 1 else suffix
    return stem.encode()[: room - len(ending.encode())].decode(errors="ignore") + ending


def put_back(source: Path, folder: Path, name: str) -> None:
    """Move a file into a folder under a free name, never over a file that the agency adds now.

    A hard link fails where a file of its name exists; a rename would overwrite it.
    """
    while True:
        try:
            (folder / free_name(folder, name)).hardlink_to(source)
        except FileExistsError:
            continue
        except PermissionError:
            # A folder, or a file of another owner.
            source.rename(folder / free_name(folder, name))
            return
        source.unlink()
        return
