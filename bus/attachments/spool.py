"""Spool: where the files of one document lie until they are sealed. Nobody else reads here."""

import secrets
import shutil
from datetime import datetime
from pathlib import Path

from bus.attachments.folder import FolderAttachments
from schemas.problem import AxisError
from schemas.term import of_os


class FolderSpool(FolderAttachments):
    """A content-addressed folder for one document, removed when it is sealed or given up."""

    def __init__(self, root: Path, *, now: datetime) -> None:
        super().__init__(root, now=now)
        self._whole = root

    def clear(self) -> None:
        """Remove all files. What the disk keeps of removed files is the disk's."""
        _remove(self._whole)


class Spools:
    """The spools of one mailbox.

    Args:
        root: Belongs to this mailbox alone; what a crash left here is removed.

    Raises:
        TransportError: E_STORE_AWAY: it cannot be removed.
    """

    def __init__(self, root: Path) -> None:
        _remove(root)
        self._root = root

    def begin(self, now: datetime) -> FolderSpool:
        """A fresh one."""
        return FolderSpool(self._root / secrets.token_hex(16), now=now)


def _remove(folder: Path) -> None:
    """Readable files that stay behind unnoticed would break the promise."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise AxisError.of("E_STORE_AWAY", cause=of_os(error)) from error
