"""PublicFiles: the files that all homes of one database must have alike."""

from collections.abc import Mapping
from pathlib import Path

from adapters.durable_files import replace_file

_PATTERNS = (
    "directory-versions/*",
    "directory.jws",
    "directory.json",
    "keys/agencies/*/*.pem",
    "keys/agencies/*/sealing/*.json",
    "keys/crl/*",
    "keys/revoked.json",
)
"""In the order in which they are written: a directory without its signature would be refused.

Never private keys, requests, passwords or the certificates of authorities: each home decides by
itself which authorities it trusts, and keeps its own private keys."""


class PublicFiles:
    """The public files of one home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def stamp(self) -> int:
        """A number that changes whenever one of the files does."""
        return hash(
            tuple(
                (name, seen.st_mtime_ns, seen.st_size, seen.st_ino)
                for name, seen in ((each, (self._home / each).stat()) for each in self._names())
            )
        )

    def read(self) -> Mapping[str, bytes]:
        """The contents of the files, by their path in the home."""
        return {name: (self._home / name).read_bytes() for name in self._names()}

    def write(self, files: Mapping[str, bytes | None]) -> None:
        """Write files, each whole or not at all; None removes one.

        Raises:
            ValueError: A name is not that of a public file.
        """
        for name, body in sorted(files.items(), key=lambda each: _position(each[0])):
            path = self._home / name
            if body is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_file(path, body)

    def _names(self) -> list[str]:
        return [
            str(path.relative_to(self._home))
            for pattern in _PATTERNS
            for path in sorted(self._home.glob(pattern))
            if path.is_file() and not path.name.startswith(".")
        ]


def _position(name: str) -> int:
    path = Path(name)
    for position, pattern in enumerate(_PATTERNS):
        if (
            len(path.parts) == pattern.count("/") + 1
            and ".." not in path.parts
            and path.match(pattern)
        ):
            return position
    raise ValueError(f"{name!r} is no public file of a home")
