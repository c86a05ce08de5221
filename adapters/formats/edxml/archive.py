"""Archive: the ZIP with one entry into which some programs put each attachment.

Sizes in ZIP headers are not trusted: bytes are counted as they come. The directory is not read into
a list, so an archive with a million entries costs no memory.
"""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from adapters.contract import Limits
from adapters.formats.media_type import extension
from schemas.term import Term, term

_END = struct.Struct("<4s4H2LH")  # end of central directory, APPNOTE 4.3.16
_CENTRAL = struct.Struct("<4s6H3L5H2L")  # central directory header, APPNOTE 4.3.12
_LOCAL = struct.Struct("<4s5H3L2H")  # local file header, APPNOTE 4.3.7
_DESCRIPTOR_FIELDS = struct.Struct("<4s3L")  # data descriptor, APPNOTE 4.3.9
_END_MAGIC, _CENTRAL_MAGIC, _LOCAL_MAGIC = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_VERSION = 20
_DOS_DAY = 0x21  # 1 January 1980, the first day that a ZIP can state
_STORED, _DEFLATED = 0, 8
_DESCRIPTOR = 0x0008
_ENCRYPTED = 0x2041  # bits 0, 6 and 13: encryption, strong encryption, masked headers
_UTF8 = 0x0800
_DIRECTORY_ATTRIBUTE = 0x10
_KIND_MASK, _REGULAR = 0xF000, 0x8000
_CHUNK = 256 * 1024


def _extension(entry_name: bytes) -> str:
    return extension(entry_name.decode("latin-1"))


class UnsafeArchiveError(Exception):
    """The archive must not be unpacked."""

    def __init__(self, cause: Term) -> None:
        super().__init__(cause.text())
        self.cause = cause


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchiveEntry:
    """The only entry of an archive. `name` is not trusted: it is never used as a path or shown."""

    name: bytes
    flags: int
    method: int
    crc: int
    compressed_size: int
    data_end: int
    attributes: int

    @property
    def extension(self) -> str:
        """The extension of the name, in lower case, without the dot."""
        return _extension(self.name)


def only_entry(archive: BinaryIO) -> ArchiveEntry | None:
    """The entry of a ZIP that has exactly one; None if it has none, several, or is damaged."""
    size = archive.seek(0, io.SEEK_END)
    tail_size = min(size, _END.size + 0xFFFF)
    archive.seek(size - tail_size)
    tail = archive.read(tail_size)
    at = tail.rfind(_END_MAGIC)
    if at < 0 or len(tail) - at < _END.size:
        return None
    _, _, _, _, count, directory_size, directory_offset, _ = _END.unpack_from(tail, at)
    # Directly before the end: some programs look there, others at the offset that is stated.
    if count != 1 or directory_offset + directory_size != size - tail_size + at:
        return None
    archive.seek(directory_offset)
    directory = archive.read(min(directory_size, _CENTRAL.size + 3 * 0xFFFF))
    if len(directory) < _CENTRAL.size or not directory.startswith(_CENTRAL_MAGIC):
        return None
    central = _CENTRAL.unpack_from(directory)
    name_size, extra_size, comment_size = central[10:13]
    local_offset = central[16]
    if directory_size != _CENTRAL.size + name_size + extra_size + comment_size or local_offset:
        return None  # the directory does not name all entries
    return ArchiveEntry(
        name=directory[_CENTRAL.size : _CENTRAL.size + name_size],
        flags=central[3],
        method=central[4],
        crc=central[7],
        compressed_size=central[8],
        data_end=directory_offset,
        attributes=central[15],
    )


def looks_wrapped(head: bytes, name: str) -> bool:
    """Whether a file looks, by its first bytes, like a ZIP around a file of this name."""
    if len(head) < _LOCAL.size or not head.startswith(_LOCAL_MAGIC):
        return False
    name_size = _LOCAL.unpack_from(head)[9]
    entry_name = head[_LOCAL.size : _LOCAL.size + name_size]
    return len(entry_name) < name_size or _extension(entry_name) == extension(name)


def unpack(archive: BinaryIO, entry: ArchiveEntry, *, limits: Limits, room: int) -> Iterator[bytes]:
    """Yield the only entry in decompressed chunks; bytes are counted as they come.

    Args:
        room: The most bytes the entry may have.

    Raises:
        UnsafeArchiveError: A limit on size or expansion is exceeded, or the archive is damaged.
    """
    _check_entry(entry)
    data_start = _data_start(archive, entry)
    packed = entry.data_end - data_start
    archive.seek(data_start)
    chunks = (
        _stored(archive, entry, packed) if entry.method == _STORED else _inflated(archive, packed)
    )
    written = crc = 0
    for chunk in chunks:
        written += len(chunk)
        crc = zlib.crc32(chunk, crc)
        if written > room:
            raise UnsafeArchiveError(term("zip_room"))
        if written > limits.zip_ratio_from_bytes and written > packed * limits.max_zip_ratio:
            raise UnsafeArchiveError(term("zip_ratio", limit=limits.max_zip_ratio))
        yield chunk
    if crc != entry.crc:
        raise UnsafeArchiveError(term("zip_checksum"))


def _check_entry(entry: ArchiveEntry) -> None:
    name = entry.name
    if not name or any(part in name for part in (b"/", b"\\", b"..", b"\0")) or name[1:2] == b":":
        raise UnsafeArchiveError(term("zip_path"))
    kind = (entry.attributes >> 16) & _KIND_MASK
    if entry.attributes & _DIRECTORY_ATTRIBUTE or kind not in {0, _REGULAR}:
        raise UnsafeArchiveError(term("zip_no_file"))
    if entry.flags & _ENCRYPTED:
        raise UnsafeArchiveError(term("zip_encrypted"))
    if entry.method not in {_STORED, _DEFLATED}:
        raise UnsafeArchiveError(term("zip_method", method=entry.method))


def _data_start(archive: BinaryIO, entry: ArchiveEntry) -> int:
    archive.seek(0)
    header = archive.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MAGIC):
        raise UnsafeArchiveError(term("zip_headless"))
    _, _, flags, method, *_, name_size, extra_size = _LOCAL.unpack(header)
    if (archive.read(name_size), method) != (entry.name, entry.method) or flags & _ENCRYPTED:
        raise UnsafeArchiveError(term("zip_headers"))
    start: int = _LOCAL.size + name_size + extra_size
    if start > entry.data_end:
        raise UnsafeArchiveError(term("zip_outside"))
    return start


def _stored(archive: BinaryIO, entry: ArchiveEntry, packed: int) -> Iterator[bytes]:
    if entry.compressed_size > packed:
        raise UnsafeArchiveError(term("zip_outside"))
    left = entry.compressed_size
    while left and (chunk := archive.read(min(left, _CHUNK))):
        left -= len(chunk)
        yield chunk


def _inflated(archive: BinaryIO, packed: int) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while packed and not inflater.eof and (data := archive.read(min(packed, _CHUNK))):
            packed -= len(data)
            while data and not inflater.eof:
                yield inflater.decompress(data, _CHUNK)
                data = inflater.unconsumed_tail
        if not inflater.eof:
            yield inflater.flush()
    except zlib.error as error:
        raise UnsafeArchiveError(term("zip_damaged")) from error
    if not inflater.eof:
        raise UnsafeArchiveError(term("zip_cut"))


def pack(chunks: Iterable[bytes], *, entry_name: str) -> Iterator[bytes]:
    """Wrap a file as the only entry of a ZIP, with a fixed time stamp, in one pass."""
    name = entry_name.encode()
    # Deflate at level 0: old programs cannot stream a stored entry, and a file of zeros
    # would otherwise exceed the limit on expansion.
    deflater = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
    flags = _DESCRIPTOR | _UTF8
    local = (_VERSION, flags, _DEFLATED, 0, _DOS_DAY)
    yield _LOCAL.pack(_LOCAL_MAGIC, *local, 0, 0, 0, len(name), 0) + name
    crc = size = packed = 0
    for chunk in chunks:
        crc = zlib.crc32(chunk, crc)
        size += len(chunk)
        deflated = deflater.compress(chunk)
        packed += len(deflated)
        yield deflated
    deflated = deflater.flush()
    packed += len(deflated)
    sizes = (crc, packed, size)
    directory = _CENTRAL.pack(_CENTRAL_MAGIC, _VERSION, *local, *sizes, len(name), 0, 0, 0, 0, 0, 0)
    directory += name
    offset = _LOCAL.size + len(name) + packed + _DESCRIPTOR_FIELDS.size
    yield deflated
    yield _DESCRIPTOR_FIELDS.pack(b"PK\x07\x08", *sizes)
    yield directory + _END.pack(_END_MAGIC, 0, 0, 1, 1, len(directory), offset, 0)
