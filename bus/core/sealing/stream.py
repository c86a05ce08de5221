"""Encrypt and decrypt files of any size in chunks, with constant memory.

This is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) as age uses it:
AES-256-GCM over chunks of 256 KiB. The nonce is the number of the chunk in 11 bytes, and one byte
that marks the last chunk. Missing, added or reordered chunks do not decrypt. A key encrypts only
one file, so no nonce is used twice.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from hashlib import sha256
from io import BufferedReader, RawIOBase
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.contract import AttachmentSink, AttachmentSource
from bus.core.sealing.envelope import OpenFile
from bus.core.stream import chunks_of, keep_chunks
from schemas.problem import AxisError
from schemas.sealing import SealedFile
from schemas.term import Coded, term

CHUNK_BYTES = 256 * 1024
TAG_BYTES = 16

_LAST = 1
_COUNTER_BYTES = 11

Buffer = bytearray | memoryview
"""The type of the argument of `RawIOBase.readinto`."""


def sealed_chunks(pieces: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """Encrypt a file in pieces of any size; the key has 32 bytes and is used for this file only."""
    cipher, number, held = AESGCM(key), 0, bytearray()
    for piece in pieces:
        held += piece
        # Without at least one more byte, this chunk may be the last one.
        while len(held) > CHUNK_BYTES:
            chunk = bytes(memoryview(held)[:CHUNK_BYTES])
            del held[:CHUNK_BYTES]
            yield cipher.encrypt(_nonce(number, last=False), chunk, None)
            number += 1
    yield cipher.encrypt(_nonce(number, last=True), bytes(held), None)


def opened_chunks(file: BinaryIO, key: bytes) -> Iterator[bytes]:
    """Decrypt a file. Every chunk is verified, but only the end shows that none is missing.

    Raises:
        DocumentError: E_SEAL_BROKEN: it was changed, cut off, or encrypted with another key.
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
    """Read a decrypted file. Its end is reached only if the content has this digest.

    Closing the reader closes `file`.
    """
    return BufferedReader(_Opened(file, key, digest), CHUNK_BYTES)


def keep_sealed(file: BinaryIO, sink: AttachmentSink, *, key: bytes) -> SealedFile:
    """Encrypt and store the rest of a file; after an error nothing of it is left."""
    kept = keep_chunks(sealed_chunks(chunks_of(file), key), sink)
    return SealedFile(size=kept.size, sha256=kept.sha256)


def open_file(files: Mapping[str, OpenFile], sha256: str) -> OpenFile:
    """How a file of a sealed document is read. Raises `DocumentError` E_ATTACHMENT_ABSENT."""
    if sha256 not in files:
        # Nothing of a sealed document may be told, not even a digest.
        raise AxisError.of("E_ATTACHMENT_ABSENT", name="?", sha256="?")
    return files[sha256]


class OpenedFiles:
    """The files of an opened document as an `AttachmentSource`, decrypted while they are read."""

    def __init__(self, store: AttachmentSource, files: Mapping[str, OpenFile]) -> None:
        self._store = store
        self._files = files

    def open(self, sha256: str) -> BinaryIO:
        """Open a file by the digest of its content, which is checked at the end of the file.

        Raises:
            TransportError: E_ATTACHMENT_AWAY.
            DocumentError: E_ATTACHMENT_ABSENT: the sealed document contains no such file; while
                reading E_SEAL_BROKEN, E_ATTACHMENT_DIGEST.
        """
        file = open_file(self._files, sha256)
        with ExitStack() as held:
            ciphertext = held.enter_context(self._store.open(file.sealed))
            reader = opened(ciphertext, file.key, digest=sha256)
            held.pop_all()
        return reader


class _Opened(RawIOBase):
    """The unbuffered reader of decrypted chunks."""

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
    """Read the next chunk, which is shorter only at the end of the file."""
    wanted, pieces = CHUNK_BYTES + TAG_BYTES, []
    while wanted and (piece := file.read(wanted)):
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)


def _broken(cause: Coded) -> AxisError:
    return AxisError.of("E_SEAL_BROKEN", cause=cause)
