"""Naming: finds a free name in a folder, so that nothing is ever overwritten."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

MAX_NAME_BYTES = 255
_LONGEST_SUFFIX_BYTES = 32


def bare(name: str) -> str:
    """The name, if it is one in a folder and not a way to somewhere else. Raises `ValueError`."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is not the name of a file")
    return name


def free_name(folder: Path, name: str, *, companion: str = "", placed: Path | None = None) -> str:
    """The name, or with -2, -3 … before its suffix, under which nothing lies in the folder.

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
    """Whether nothing lies there but what is placed."""
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
