"""Attachments in memory: the store for tests and demonstrations. Nothing survives the process."""

from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from adapters.contract import BlobWriter, Kept
from schemas.problem import AxisError


class MemoryAttachments:
    """Every promise of the attachment store but durability.

    Args:
        capacity_bytes: How much it holds before it is full, as a disk would be.
    """

    def __init__(self, *, capacity_bytes: int | None = None) -> None:
        self._files: dict[str, bytes] = {}
        self._capacity_bytes = capacity_bytes

    def begin(self) -> BlobWriter:
        """Start a new file."""
        return _Writer(self._files, self._capacity_bytes)

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file; its digest holds by construction."""
        if sha256 not in self._files:
            raise AxisError.of("E_ATTACHMENT_AWAY", name=sha256[:12], sha256=sha256)
        return BytesIO(self._files[sha256])

    def has(self, sha256: str) -> bool:
        """Whether these bytes are kept."""
        return sha256 in self._files

    def link(self, sha256: str, place: Path) -> bool:  # noqa: ARG002 (there is no file to link to)
        """Files in memory can only be copied."""
        return False


class _Writer:
    def __init__(self, files: dict[str, bytes], capacity_bytes: int | None) -> None:
        self._files = files
        self._capacity_bytes = capacity_bytes
        self._written = bytearray()

    def write(self, data: bytes) -> None:
        if self._capacity_bytes is not None:
            held = sum(map(len, self._files.values())) + len(self._written)
            if held + len(data) > self._capacity_bytes:
                self.discard()
                raise AxisError.of("E_STORE_FULL")
        self._written += data

    def reopen(self) -> BinaryIO:
        return BytesIO(self._written)

    def finish(self) -> Kept:
        return Kept(sha256=sha256(self._written).hexdigest(), size=len(self._written))

    def keep(self) -> Kept:
        data = bytes(self._written)
        digest = sha256(data).hexdigest()
        self._files[digest] = data
        return Kept(sha256=digest, size=len(data))

    def discard(self) -> None:
        self._written.clear()
