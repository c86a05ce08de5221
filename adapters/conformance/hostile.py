"""Hostile files: a format must refuse or read them within its bounds of memory and time.

They are made from a good file of the format. The kit does not know the format, but it knows common
containers (archives, compressed streams, XML, JSON) and makes a bomb of the same shape of each.
"""

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Protocol

from adapters.contract import MIB

BOMB_BYTES = 256 * MIB
LONG_BYTES = 16 * MIB
_DEPTH = 200_000
_MOST_ENTRIES = 8
_PIECE = bytes(MIB)
_MARK = "a" * 48

PATHS = (
    "../../../../../../evil.sh",
    "/tmp/evil.sh",  # noqa: S108 (nobody writes there)
    "..\\..\\evil.bat",
    "C:\\evil.bat",
    "..",
    ".ssh",
    "a\x00.pdf",
    "a\n.pdf",
    "a\u202efdp.sh",
    " a.pdf",
    "x" * 300,
)
"""Names that no attachment may have when it has been read."""


class _Packer(Protocol):
    """A compressor of the standard library."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


def marked_name(suffix: str) -> str:
    """A long name that can be found and replaced in the bytes of a file."""
    return f"{_MARK}{suffix}"


def with_path(file: bytes, name: str, path: str) -> Iterator[bytes]:
    """The file with a path in the place of a name, padded so that stated sizes stay true."""
    for encoding in ("utf-8", "utf-16-le"):
        here, there = name.encode(encoding), path.encode(encoding, "replace")
        if here in file and len(there) <= len(here):
            filling = "/".encode(encoding) if "/" in path else b""
            front = filling * ((len(here) - len(there)) // max(1, len(filling)))
            for same_size in {front + there, there}:
                yield file.replace(here, same_size)


def bombs(file: bytes) -> Iterator[tuple[str, bytes]]:
    """Bombs that are made of a good file, each with its name."""
    if zipfile.is_zipfile(BytesIO(file)):
        yield from _archives(file)
    for name, unpack, packer in _STREAMS:
        try:
            inside = unpack(file)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
            continue
        for ending in (b" ", b"\0"):
            yield f"{name} of {BOMB_BYTES} bytes", _compressed(packer(), inside, ending)
    text = file.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<"):
        yield from _markup(text)
    if text.startswith((b"{", b"[")):
        yield from _objects(text)
    middle = len(file) // 2
    for byte in (b"A", b" ", b"\0", b"<", b"["):
        yield f"{LONG_BYTES} times {byte!r}", file[:middle] + byte * LONG_BYTES + file[middle:]


def packed_bomb() -> bytes:
    """An archive with one entry that grows very large, as somebody may attach it."""
    return _archive({"a.txt": b""}, "a.txt")


def _archives(file: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(BytesIO(file)) as archive:
        names = archive.namelist()[:_MOST_ENTRIES]
        inside = {name: archive.read(name) for name in names}
    for name in names:
        yield f"entry {name} of {BOMB_BYTES} bytes", _archive(inside, name)
    many = {**inside, **{f"{number}.bin": b"" for number in range(100_000)}}
    yield "100,000 entries", _archive(many, "")


def _archive(inside: dict[str, bytes], bomb: str) -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in inside.items():
            with archive.open(name, "w", force_zip64=True) as entry:
                entry.write(content)
                for _ in range(BOMB_BYTES // len(_PIECE) if name == bomb else 0):
                    entry.write(_PIECE)
    return written.getvalue()


_STREAMS: tuple[tuple[str, Callable[[bytes], bytes], Callable[[], _Packer]], ...] = (
    ("gzip", gzip.decompress, partial(zlib.compressobj, 1, wbits=31)),
    ("zlib", zlib.decompress, partial(zlib.compressobj, 1)),
    ("bzip2", bz2.decompress, partial(bz2.BZ2Compressor, 1)),
    ("xz", lzma.decompress, partial(lzma.LZMACompressor, preset=0)),
)
"""Name of each compression, how it is undone, and what does it."""


def _compressed(packer: _Packer, inside: bytes, byte: bytes) -> bytes:
    """The content, followed by very many times one byte."""
    piece = byte * len(_PIECE)
    pieces = [packer.compress(inside)]
    pieces += [packer.compress(piece) for _ in range(BOMB_BYTES // len(piece))]
    return b"".join([*pieces, packer.flush()])


def _markup(text: bytes) -> Iterator[tuple[str, bytes]]:
    declaration, _, rest = text.rpartition(b"?>")
    opening = re.search(rb"<([A-Za-z_][\w.:-]*)[^>]*>", rest)
    if opening is None:
        return
    head = declaration + b"?>" if declaration else b""
    root, at = opening[1], opening.end()
    laughs = b"".join(
        b'<!ENTITY l%d "%b">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol") for n in range(12)
    )
    doctype = b"<!DOCTYPE " + root + b" [" + laughs + b"]>"
    yield "entities of entities", head + doctype + rest[:at] + b"&l11;" + rest[at:]
    large = b'<!DOCTYPE %b [<!ENTITY a "%b">]>' % (root, b"a" * 100_000)
    yield "one large entity, often", head + large + rest[:at] + b"&a;" * 10_000 + rest[at:]
    nested = b"<a>" * _DEPTH + b"</a>" * _DEPTH
    yield f"{_DEPTH} levels", head + rest[:at] + nested + rest[at:]
    many = b" ".join(b'a%d=""' % number for number in range(200_000))
    yield "200,000 attributes", head + rest[:at] + b"<a " + many + b"/>" + rest[at:]
    yield "1,000,000 elements", head + rest[:at] + b"<a/>" * 1_000_000 + rest[at:]


def _objects(text: bytes) -> Iterator[tuple[str, bytes]]:
    opening, rest = text[:1], text[1:]
    member = b'"bomb":' if opening == b"{" else b""
    hostile = {
        f"{_DEPTH} levels": b"[" * _DEPTH + b"]" * _DEPTH,
        f"{_DEPTH} levels of objects": b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH,
        "a number of 5,000,000 digits": b"9" * 5_000_000,
        "a huge exponent": b"1e999999999",
        "1,000,000 values": b"[" + b"1," * 1_000_000 + b"1]",
    }
    for name, value in hostile.items():
        yield name, opening + member + value + b"," + rest
    members = b",".join(b'"b%d":1' % number for number in range(500_000))
    if opening == b"{":
        yield "500,000 members", opening + members + b"," + rest
