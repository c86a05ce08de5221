"""Homes for commands that only look: set up, with the seeded directory, and nothing running."""

from pathlib import Path

from bus.bootstrap.directory import directory_of
from bus.settings import load_settings


def set_up(home: Path) -> Path:
    """A home as the first start makes it, without a broker."""
    directory_of(load_settings(home=home)).load()
    return home
