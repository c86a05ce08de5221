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
from typing import BinaryIO

from adapters.contract import BlobWriter, Kept
from adapters.durable_files import sync_folder
from bus.attachments.proven import proven
from schemas.problem import AxisError
from schemas.term import of_os

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LEFTOVER_AFTER = timedelta(days=1)
_BUFFER_BYTES = 128 * 1024
_IN_MEMORY_BYTES = 256 * 1024
"""Smaller ones touch the disk only when they turn out to be new: most are kept again and again."""
_REMEMBERED = 65_536
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


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
        with _disk():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
            self._sweep(before=(now - _LEFTOVER_AFTER).timestamp())

    def begin(self) -> BlobWriter:
        """Start a new file."""
        with _disk():
            self._require_mounted()
        return _Spool(self)

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file; see `bus.attachments.proven` for reading and seeking."""
        with _disk():
            if _DIGEST.fullmatch(sha256):
                with suppress(FileNotFoundError):
                    return proven(FileIO(self._path(sha256)), sha256)
            self._require_mounted()
        raise AxisError.of("E_ATTACHMENT_ABSENT", name=sha256[:12], sha256=sha256)

    def has(self, sha256: str) -> bool:
        """Whether these bytes are kept."""
        with _disk():
            if _DIGEST.fullmatch(sha256) and self._path(sha256).exists():
                return True
            self._require_mounted()
        return False

    def _require_mounted(self) -> None:
        """A store that is not mounted holds nothing, but that is not the sender's fault."""
        self._incoming.stat()

    def spool(self) -> Path:
        """A fresh place for a file on its way in."""
        return self._incoming / secrets.token_hex(16)

    def holds(self, digest: str) -> bool:
        """Whether these bytes are kept already, unharmed and durably."""
        path = self._path(digest)
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
        target = self._path(digest)
        for folder in (target.parent.parent, target.parent):
            with suppress(FileExistsError):
                folder.mkdir()
                sync_folder(folder.parent)
        # Replaces an older file of the same digest: same content, or damaged and now healed.
        spooled.rename(target)
        sync_folder(target.parent)

    def _sync_name(self, digest: str) -> None:
        sync_folder(self._path(digest).parent)

    def _path(self, digest: str) -> Path:
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

    def finish(self, *, aside: bool) -> Kept:
        with self._or_nothing():
            if aside:
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
        return Kept(sha256=digest, size=self._size)

    def discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _to_disk(self) -> Path:
        if self._path is None:
            self._path = self._store.spool()
            self._file = self._path.open("xb", buffering=_BUFFER_BYTES)
            self._file.write(self._memory.getbuffer())
        return self._path

    @contextmanager
    def _or_nothing(self) -> Iterator[None]:
        try:
            with _disk():
                yield
        except BaseException:
            self.discard()
            raise


@contextmanager
def _disk() -> Iterator[None]:
    """The doorway: what the disk says, in our words."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise AxisError.of("E_STORE_FULL") from error
        raise AxisError.of("E_STORE_AWAY", cause=of_os(error)) from error
