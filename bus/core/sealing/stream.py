"""Stream: a sealed file of any size, piece by piece, in memory that does not grow with it.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) as age uses it: AES-256-GCM over
chunks of 256 KiB, the nonce being the chunk's number in 11 bytes and one byte that says whether it
is the last. Chunks that are cut off, added, left out or in another order do not open. The key
serves one file only, so that no nonce is ever used twice.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from io import BufferedReader, RawIOBase
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.problem import AxisError
from schemas.term import Coded, term

CHUNK_BYTES = 256 * 1024
TAG_BYTES = 16

_LAST = 1
_COUNTER_BYTES = 11

Buffer = bytearray | memoryview
"""What `RawIOBase.readinto` is given."""


def sealed_chunks(pieces: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """Seal a file, given in pieces of any size; every chunk but the last is full.

    Args:
        key: 32 bytes that seal this file and nothing else.
    """
    cipher, number, held = AESGCM(key), 0, bytearray()
    for piece in pieces:
        held += piece
        # One byte more must be there, or the chunk may be the last.
        while len(held) > CHUNK_BYTES:
            chunk = bytes(memoryview(held)[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
            yield cipher.encrypt(_nonce(number, last=False), chunk, None)
            number += 1
    yield cipher.encrypt(_nonce(number, last=True), bytes(held), None)


def opened_chunks(file: BinaryIO, key: bytes) -> Iterator[bytes]:
    """Open a sealed file; what is given was proven, though the end may still be missing.

    Raises:
        DocumentError: E_SEAL_BROKEN: it was changed, cut off, or sealed with another key.
    """
    cipher, number = AESGCM(key), 0
    chunk = _full(file)
    while chunk:
        following = _full(file)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), chunk, None)
        except (InvalidTag, ValueError) as error:
            raise _broken(term("file_changed")) from error
        chunk, number = following, number + 1
    if number == 0:
        raise _broken(term("file_cut"))


def opened(file: BinaryIO, key: bytes, *, digest: str) -> BinaryIO:
    """Read a sealed file as what it was; its end is reached only if that has this digest.

    Closing closes `file`.
    """
    return BufferedReader(_Opened(file, key, digest), CHUNK_BYTES)


class _Opened(RawIOBase):
    """The unbuffered reader: hands out what the chunks give."""

    def __init__(self, file: BinaryIO, key: bytes, digest: str) -> None:
        self._file = file
        self._chunks = opened_chunks(file, key)
        self._digest = digest
        self._hash = sha256()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:  # type: ignore[override]
        # typeshed's Buffer protocol is only nameable from Python 3.12 on.
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
            self._hash.update(self._rest)
            if not self._rest and self._hash.hexdigest() != self._digest:
                raise _broken(term("file_other"))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES, "big") + bytes([_LAST if last else 0])


def _full(file: BinaryIO) -> bytes:
    """The next chunk; shorter only at the end of the file."""
    wanted, pieces = CHUNK_BYTES + TAG_BYTES, []
    while wanted and (piece := file.read(wanted)):
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)


def _broken(cause: Coded) -> AxisError:
    return AxisError.of("E_SEAL_BROKEN", cause=cause)
