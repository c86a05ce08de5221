"""Snapshot: the directory on disk, written whole, and read anew when it has changed."""

import os
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from bus.core.directory import seed_directory
from schemas.directory import Directory
from schemas.problem import AxisError


class DirectoryFile:
    """A directory in a JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Directory:
        """Read the snapshot; the first time it is made from the seed of the 95 bodies.

        Raises:
            ConfigurationError: E_DIRECTORY: the file is not a directory.
        """
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            seeded = seed_directory(seed_text())
            self.save(seeded)
            return seeded
        try:
            return Directory.model_validate_json(text)
        except ValidationError as invalid:
            first = invalid.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise AxisError.of("E_DIRECTORY", cause=f"{field}: {first['msg']}") from invalid

    def save(self, directory: Directory) -> None:
        """Replace the snapshot, all or nothing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".tmp")
        with draft.open("wb") as file:
            file.write(directory.model_dump_json(exclude_defaults=True, indent=1).encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def stamp(self) -> int:
        """Changes whenever the snapshot does."""
        return self._path.stat().st_mtime_ns


def seed_text() -> str:
    """The 95 bodies of the launch in March 2019, as CSV."""
    return (files("schemas") / "seed" / "agencies.csv").read_text(encoding="utf-8")
