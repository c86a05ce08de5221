"""Files of the kit: what formats read attachments from and write them to."""

import os
from hashlib import sha256
from io import SEEK_END, BufferedReader, BytesIO, FileIO, RawIOBase
from math import inf
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast

from adapters.contract import BlobWriter, Kept
from schemas.document import Attachment
from schemas.problem import AxisError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

_PATTERN = bytes(range(256)) * 4096
_PATTERNS = 24


class MemoryFiles:
    """An attachment sink and source in memory that knows which files were left open."""

    def __init__(self, files: tuple[bytes, ...] = ()) -> None:
        self.files = {sha256(file).hexdigest(): file for file in files}
        self.open_writers: set[BlobWriter] = set()

    def begin(self) -> BlobWriter:
        """Start a new file."""
        writer = _MemoryWriter(self)
        self.open_writers.add(writer)
        return writer

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file."""
        if sha256 not in self.files:
            raise AxisError.of("E_ATTACHMENT_AWAY", name=sha256[:12], sha256=sha256)
        return BytesIO(self.files[sha256])


class _MemoryWriter:
    def __init__(self, files: MemoryFiles) -> None:
        self._files = files
        self._written = bytearray()

    def write(self, data: bytes) -> None:
        self._written += data

    def reopen(self) -> BinaryIO:
        return BytesIO(self._written)

    def finish(self) -> Kept:
        return Kept(sha256=sha256(self._written).hexdigest(), size=len(self._written))

    def keep(self) -> Kept:
        kept = self.finish()
        self._files.files[kept.sha256] = bytes(self._written)
        self.discard()
        return kept

    def discard(self) -> None:
        self._files.open_writers.discard(self)
        self._written = bytearray()


class DiskSink:
    """Takes files to disk, and keeps only their digests.

    Attributes:
        left: How many bytes more may come; below 0: too many came, which were not written.
    """

    def __init__(self, most: float = inf) -> None:
        self.left = most

    def begin(self) -> BlobWriter:
        """Start a new file."""
        return _DiskWriter(self)


class _DiskWriter:
    def __init__(self, sink: DiskSink) -> None:
        self._sink = sink
        self._digest = sha256()
        self._file = TemporaryFile()  # noqa: SIM115  # keep or discard closes it

    def write(self, data: bytes) -> None:
        self._sink.left -= len(data)
        if self._sink.left >= 0:
            self._digest.update(data)
            self._file.write(data)

    def reopen(self) -> BinaryIO:
        self._file.seek(0)
        return cast("BinaryIO", BufferedReader(FileIO(os.dup(self._file.fileno()))))

    def finish(self) -> Kept:
        return Kept(sha256=self._digest.hexdigest(), size=self._file.seek(0, SEEK_END))

    def keep(self) -> Kept:
        kept = self.finish()
        self._file.close()
        return kept

    def discard(self) -> None:
        self._file.close()


class LargeFile:
    """The source of one large attachment, which exists nowhere as a whole."""

    def open(self, sha256: str) -> BinaryIO:  # noqa: ARG002  # there is only one file
        """Open it."""
        return cast("BinaryIO", BufferedReader(_Patterns()))

    def attachment(self) -> Attachment:
        """How a document names it."""
        digest = sha256()
        for _ in range(_PATTERNS):
            digest.update(_PATTERN)
        return Attachment(
            name="large.bin",
            media_type="application/octet-stream",
            size=_PATTERNS * len(_PATTERN),
            sha256=digest.hexdigest(),
        )


class _Patterns(RawIOBase):
    def __init__(self) -> None:
        self._left = _PATTERNS * len(_PATTERN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Buffer") -> int:
        view = memoryview(buffer).cast("B")
        start = -self._left % len(_PATTERN)
        piece = _PATTERN[start : start + min(len(view), self._left)]
        view[: len(piece)] = piece
        self._left -= len(piece)
        return len(piece)
