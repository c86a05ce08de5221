"""Durable files: write a file whole or not at all, and let names survive a power cut."""

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, data: bytes, *, mode: int = 0o644, synced: bool = True) -> None:
    """Put a file in the place of what was there, whole or not at all.

    Several processes may replace one file at once: each writes a draft of its own. Nobody beyond
    `mode` can read the draft, even for a moment.

    Args:
        synced: The bytes are on the disk before the name is. Without it a power cut may leave an
            empty file.

    Raises:
        OSError: It cannot be written; what was there is unchanged.
    """
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)
            if synced:
                os.fsync(descriptor)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut. Raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
