"""A stream that proves the digest of what is read through it."""

import os
from hashlib import sha256
from io import SEEK_CUR, SEEK_END, SEEK_SET, BufferedReader, BytesIO, FileIO, RawIOBase
from typing import BinaryIO

from schemas.problem import AxisError
from schemas.term import of_os

_CHUNK_BYTES = 64 * 1024

Buffer = bytearray | memoryview
"""What `RawIOBase.readinto` is given."""


def proven(raw: FileIO, digest: str) -> BinaryIO:
    """Read `raw` under the promise that its end is reached only if the digest matches.

    Seekable. The digest covers everything up to the furthest position reached, in order, so going
    back costs nothing, while seeking forward reads what it skips. Closing closes `raw`.
    """
    if os.fstat(raw.fileno()).st_size <= _CHUNK_BYTES:
        # Most are small: read and proven at once, there is no end to wait for.
        content = raw.read(_CHUNK_BYTES + 1)
        if sha256(content).hexdigest() == digest:
            raw.close()
            return BytesIO(content)
        raw.seek(0)
    return BufferedReader(_Proven(raw, digest), _CHUNK_BYTES)


class _Proven(RawIOBase):
    """The unbuffered reader: every chunk is hashed once, at the moment it is first read."""

    def __init__(self, raw: FileIO, digest: str) -> None:
        self._raw = raw
        self._digest = digest
        self._hash = sha256()
        self._hashed = 0
        self._size = os.fstat(raw.fileno()).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: Buffer, /) -> int:  # type: ignore[override]
        # typeshed's Buffer protocol is only nameable from Python 3.12 on.
        start = self._raw.tell()
        try:
            count = self._raw.readinto(buffer)
        except OSError as error:
            raise AxisError.of("E_STORE_AWAY", cause=of_os(error)) from error
        if start + count > self._hashed:
            self._hash.update(memoryview(buffer)[self._hashed - start : count])
            self._hashed = start + count
        # At the size, so that the last bytes come only proven; at a count of 0 for a file that
        # is empty or shrank while it was read.
        if self._hashed >= self._size or count == 0:
            self._prove()
        return count

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        base = {SEEK_SET: 0, SEEK_CUR: self._raw.tell(), SEEK_END: self._size}[whence]
        target = max(0, base + offset)
        if target > self._hashed:
            self._raw.seek(self._hashed)
            skipped = bytearray(_CHUNK_BYTES)
            while self._hashed < target and self.readinto(
                memoryview(skipped)[: target - self._hashed]
            ):
                pass
        return self._raw.seek(target)

    def close(self) -> None:
        self._raw.close()
        super().close()

    def _prove(self) -> None:
        if self._hash.hexdigest() != self._digest:
            raise AxisError.of("E_ATTACHMENT_DIGEST", name=self._digest[:12], sha256=self._digest)
