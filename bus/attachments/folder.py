"""Attachments in a local folder: content-addressed, durable once kept, never half visible."""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import file_digest, sha256
from io import BytesIO, FileIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from adapters.contract import MIB, BlobWriter, Kept
from adapters.durable_files import sync_folder
from bus.attachments.proven import proven
from schemas.problem import AxisError
from schemas.term import of_os

DIGEST = re.compile(r"[0-9a-f]{64}")
_LEFTOVER_AFTER = timedelta(days=1)
_BUFFER_BYTES = 128 * 1024
_IN_MEMORY_BYTES = 256 * 1024
"""Smaller files touch the disk only when they turn out to be new: most are kept again and again."""
_FINISHED_IN_MEMORY_BYTES = 8 * MIB
"""So many bytes of finished files may wait in memory, in all packets of a process together."""
_REMEMBERED = 65_536
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CANNOT_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP}
)
"""Another file system, the file of another user, or a file system without hard links."""


class FolderAttachments:
    """Files under `root` as `ab/cd/<sha256>`, spooled in `.incoming` of the same file system.

    Safe for many threads and processes on one folder. A damaged file is replaced when the same
    content is kept again.

    Args:
        root: Made when missing, readable by its owner only.
        now: What crashes left in `.incoming` more than a day before is removed.

    Raises:
        TransportError: E_STORE_AWAY or E_STORE_FULL; also from every method.
    """

    def __init__(self, root: Path, *, now: datetime) -> None:
        self._root = root
        self._incoming = root / ".incoming"
        # Another process may have placed a file and not have come to sync its name yet.
        self._settle = lru_cache(_REMEMBERED)(self._sync_name)
        self._counting, self._memory_bytes = Lock(), _FINISHED_IN_MEMORY_BYTES
        with disk_errors():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
            self._sweep(before=(now - _LEFTOVER_AFTER).timestamp())

    def begin(self) -> BlobWriter:
        """Start a new file."""
        with disk_errors():
            self._require_mounted()
        return _Spool(self)

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file; see `bus.attachments.proven` for reading and seeking."""
        with disk_errors():
            if DIGEST.fullmatch(sha256):
                with suppress(FileNotFoundError):
                    return proven(FileIO(self.path_of(sha256)), sha256)
            self._require_mounted()
        raise absent(sha256)

    def has(self, sha256: str) -> bool:
        """Whether these bytes are kept."""
        with disk_errors():
            if DIGEST.fullmatch(sha256) and self.path_of(sha256).exists():
                return True
            self._require_mounted()
        return False

    def link(self, sha256: str, place: Path) -> bool:
        """Give a kept file a second name, where the file system and its rights allow it."""
        with disk_errors():
            if DIGEST.fullmatch(sha256):
                try:
                    place.hardlink_to(self.path_of(sha256))
                except FileNotFoundError:
                    pass
                except OSError as error:
                    if error.errno not in _CANNOT_LINK:
                        raise
                    return False
                else:
                    return True
            self._require_mounted()
        raise absent(sha256)

    def _require_mounted(self) -> None:
        """A store that is not mounted is away; it does not lack this one file."""
        self._incoming.stat()

    def take_memory(self, size: int) -> bool:
        """Whether a finished file may wait in memory; if so, `give_memory` gives it back."""
        with self._counting:
            if size > self._memory_bytes:
                return False
            self._memory_bytes -= size
            return True

    def give_memory(self, size: int) -> None:
        """A finished file no longer waits in memory."""
        with self._counting:
            self._memory_bytes += size

    def spool(self) -> Path:
        """A fresh place for a file on its way in."""
        return self._incoming / secrets.token_hex(16)

    def holds(self, digest: str) -> bool:
        """Whether these bytes are kept already, unharmed and durably."""
        path = self.path_of(digest)
        try:
            with path.open("rb", buffering=0) as file:
                unharmed = file_digest(file, "sha256").hexdigest() == digest
        except FileNotFoundError:
            return False
        if unharmed:
            self._settle(digest)
        return unharmed

    def place(self, spooled: Path, digest: str) -> None:
        """Make a synced file findable, durably: its directory entries are synced too."""
        target = self.path_of(digest)
        for folder in (target.parent.parent, target.parent):
            with suppress(FileExistsError):
                folder.mkdir()
                sync_folder(folder.parent)
        # Replaces an older file of the same digest: same content, or damaged and now healed.
        spooled.rename(target)
        sync_folder(target.parent)

    def _sync_name(self, digest: str) -> None:
        sync_folder(self.path_of(digest).parent)

    def path_of(self, digest: str) -> Path:
        """Where a file of this digest is, or would be."""
        return self._root / digest[:2] / digest[2:4] / digest

    def _sweep(self, *, before: float) -> None:
        for entry in os.scandir(self._incoming):
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    Path(entry.path).unlink()


class _Spool:
    """A file on its way in: hashed while it is written, on disk only when it is large."""

    def __init__(self, store: FolderAttachments) -> None:
        self._store = store
        self._hash = sha256()
        self._size = 0
        self._memory = BytesIO()
        self._path: Path | None = None
        self._file: BinaryIO = self._memory
        self._waits_in_memory = False

    def write(self, data: bytes) -> None:
        with self._or_nothing():
            self._size += len(data)
            if self._size > _IN_MEMORY_BYTES:
                self._to_disk()
            self._file.write(data)
        self._hash.update(data)

    def reopen(self) -> BinaryIO:
        if self._path is None:
            return BytesIO(self._memory.getvalue())
        with self._or_nothing():
            self._file.flush()
            return self._path.open("rb")

    def finish(self) -> Kept:
        with self._or_nothing():
            if self._path is None and not self._waits_in_memory:
                if self._store.take_memory(self._size):
                    self._waits_in_memory = True
                else:
                    self._to_disk()
            if self._path is not None:
                self._memory = BytesIO()
                self._file.close()
        return Kept(sha256=self._hash.hexdigest(), size=self._size)

    def keep(self) -> Kept:
        digest = self._hash.hexdigest()
        with self._or_nothing():
            if self._store.holds(digest):
                self.discard()
            else:
                path = self._to_disk()
                if self._file.closed:
                    # Finished before: the same content, only without a descriptor.
                    self._file = path.open("ab")
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._store.place(path, digest)
                self._leave_memory()
        return Kept(sha256=digest, size=self._size)

    def discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        self._leave_memory()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _leave_memory(self) -> None:
        if self._waits_in_memory:
            self._waits_in_memory = False
            self._store.give_memory(self._size)

    def _to_disk(self) -> Path:
        if self._path is None:
            self._path = self._store.spool()
            self._file = self._path.open("xb", buffering=_BUFFER_BYTES)
            self._file.write(self._memory.getbuffer())
        return self._path

    @contextmanager
    def _or_nothing(self) -> Iterator[None]:
        try:
            with disk_errors():
                yield
        except BaseException:
            self.discard()
            raise


def absent(sha256: str) -> AxisError:
    """The error of a file that a store does not hold."""
    return AxisError.of("E_ATTACHMENT_AWAY", name=sha256[:12], sha256=sha256)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn an `OSError` of the block into `TransportError` E_STORE_FULL or E_STORE_AWAY."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise AxisError.of("E_STORE_FULL") from error
        raise AxisError.of("E_STORE_AWAY", cause=of_os(error)) from error
