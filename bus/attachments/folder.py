"""Attachments in a local folder: content-addressed, durable once kept, never half visible."""

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from adapters.contract import BlobWriter, Kept
from bus.attachments.proven import proven
from schemas.problem import AxisError

_DIGEST = re.compile(r"[0-9a-f]{64}")
_LEFTOVER_AFTER = timedelta(days=1)
_BUFFER_BYTES = 128 * 1024
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
        with _disk():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
            self._sweep(before=(now - _LEFTOVER_AFTER).timestamp())

    def begin(self) -> BlobWriter:
        """Start a new file."""
        return _Spool(self, self._incoming / secrets.token_hex(16))

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file; see `bus.attachments.proven` for reading and seeking."""
        if not self.has(sha256):
            raise AxisError.of("E_ATTACHMENT_ABSENT", name=sha256[:12], sha256=sha256)
        with _disk():
            return proven(FileIO(self._path(sha256)), sha256)

    def has(self, sha256: str) -> bool:
        """Whether these bytes are kept."""
        with _disk():
            if _DIGEST.fullmatch(sha256) and self._path(sha256).exists():
                return True
            # A store that is not mounted holds nothing, but that is not the sender's fault.
            self._incoming.stat()
        return False

    def place(self, spooled: Path, digest: str) -> None:
        """Make a synced file findable, durably: its directory entries are synced too."""
        target = self._path(digest)
        for folder in (target.parent.parent, target.parent):
            with suppress(FileExistsError):
                folder.mkdir()
                _sync_folder(folder.parent)
        # Replaces an older file of the same digest: same content, or damaged and now healed.
        spooled.rename(target)
        _sync_folder(target.parent)

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest[2:4] / digest

    def _sweep(self, *, before: float) -> None:
        for entry in os.scandir(self._incoming):
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < before:
                    Path(entry.path).unlink()


class _Spool:
    """A file on its way in: hashed while it is written."""

    def __init__(self, store: FolderAttachments, path: Path) -> None:
        self._store = store
        self._path = path
        self._hash = sha256()
        self._size = 0
        with _disk():
            self._file = path.open("xb", buffering=_BUFFER_BYTES)

    def write(self, data: bytes) -> None:
        with self._or_nothing():
            self._file.write(data)
        self._hash.update(data)
        self._size += len(data)

    def reopen(self) -> BinaryIO:
        with self._or_nothing():
            self._file.flush()
            return self._path.open("rb")

    def keep(self) -> Kept:
        digest = self._hash.hexdigest()
        with self._or_nothing():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._store.place(self._path, digest)
        return Kept(sha256=digest, size=self._size)

    def discard(self) -> None:
        with suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)

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
        raise AxisError.of("E_STORE_AWAY", cause=error.strerror) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
