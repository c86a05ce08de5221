"""Attachment cache: the files of the deliveries in work, on this machine.

Each delivery has a folder of its own with a hard link to each of its files. So no file disappears
while a format reads it, whatever becomes of it in the store or in the cache, in this process or in
another one that uses the same folder.
"""

import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO
from weakref import finalize

from bus.attachments.folder import DIGEST, FolderAttachments, absent, disk_errors
from bus.attachments.proven import proven
from bus.core.stream import chunks_of, keep
from bus.ports import AttachmentStore, FetchedFiles
from schemas.problem import TransportError

_LEFTOVER_AFTER = timedelta(days=1)
_MEASURED_AFTER = 16
"""The copies are measured each time when a sixteenth of the limit was added to them."""


class AttachmentCache:
    """Fetches files from a store. Files that it must copy stay here, up to a limit.

    A file of a store on the same file system gets a second name and is never copied. Any other
    file is copied once for all deliveries that name it, and its digest is checked. When the copies
    exceed the limit, those that were needed longest ago are removed. Safe for many threads and
    processes.

    Args:
        root: Belongs to the cache alone. What a crash left in it more than a day before `now` is
            removed.
        limit_bytes: How large the copies may be together. Deliveries in work keep their files
            beyond it.

    Raises:
        TransportError: E_STORE_AWAY or E_STORE_FULL, for the disk of this machine.
    """

    def __init__(
        self, root: Path, *, store: AttachmentStore, limit_bytes: int, now: datetime
    ) -> None:
        self._store, self._limit_bytes = store, limit_bytes
        self._copies = FolderAttachments(root / "copies", now=now)
        self._folder_of_copies, self._deliveries = root / "copies", root / "deliveries"
        self._adding = Lock()
        self._unmeasured_bytes = limit_bytes
        with disk_errors():
            self._deliveries.mkdir(mode=0o700, exist_ok=True)
            _remove_leftovers(self._deliveries, before=(now - _LEFTOVER_AFTER).timestamp())

    def fetch(self, digests: Iterable[str]) -> FetchedFiles:
        """As the port says."""
        files = _CachedFiles(self._deliveries / secrets.token_hex(16))
        try:
            for digest in dict.fromkeys(digests):
                self._bring(digest, files.place_of(digest))
        except BaseException:
            files.release()
            raise
        return files

    def _bring(self, digest: str, place: Path) -> None:
        if self._store.link(digest, place):
            return
        # Another process may remove the copy before it is linked to.
        while not self._give_copy(digest, place):
            with self._store.open(digest) as file:
                kept = keep(file, self._copies)
            self._unmeasured_bytes += kept.size
        with self._adding, disk_errors():
            if self._unmeasured_bytes * _MEASURED_AFTER >= self._limit_bytes:
                self._unmeasured_bytes = 0
                _remove_oldest(self._folder_of_copies, limit_bytes=self._limit_bytes)

    def _give_copy(self, digest: str, place: Path) -> bool:
        """Whether there is a copy, undamaged; then it is in its place."""
        try:
            with disk_errors():
                if not self._copies.holds(digest):
                    return False
                if not self._copies.link(digest, place):
                    with self._copies.open(digest) as copy, place.open("xb") as file:
                        file.writelines(chunks_of(copy))
                with suppress(FileNotFoundError):
                    os.utime(self._copies.path_of(digest))
        except TransportError as error:
            if error.problem.code != "E_ATTACHMENT_AWAY":
                raise
            return False
        return True


class _CachedFiles:
    """The files of one delivery. When nothing refers to them any more they are released, too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._remove = finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def place_of(self, digest: str) -> Path:
        """Where a file of this digest belongs; the folder is made with the first one."""
        if DIGEST.fullmatch(digest) is None:
            raise absent(digest)
        with disk_errors():
            self._folder.mkdir(mode=0o700, exist_ok=True)
        return self._folder / digest

    def open(self, sha256: str) -> BinaryIO:
        """Open a fetched file; see `bus.attachments.proven` for reading and seeking."""
        with disk_errors(), suppress(FileNotFoundError):
            if DIGEST.fullmatch(sha256):
                return proven(FileIO(self._folder / sha256), sha256)
        raise absent(sha256)

    def release(self) -> None:
        """Remove the folder of the delivery."""
        self._remove()


def _remove_leftovers(folder: Path, *, before: float) -> None:
    for delivery in folder.iterdir():
        with suppress(FileNotFoundError):
            if delivery.lstat().st_mtime < before:
                # Something else that lies there is left alone: it must not stop a worker.
                shutil.rmtree(delivery, ignore_errors=True)


def _remove_oldest(folder: Path, *, limit_bytes: int) -> None:
    """Remove the files that were needed longest ago, until the rest is within the limit."""
    found = []
    for path in folder.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
        with suppress(FileNotFoundError):
            stat = path.stat()
            found.append((stat.st_mtime_ns, stat.st_size, path))
    left = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if left <= limit_bytes:
            return
        path.unlink(missing_ok=True)
        left -= size
