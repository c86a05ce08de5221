"""Stream: an open file in pieces, and on its way into the attachment store."""

from collections.abc import Iterator
from typing import BinaryIO

from adapters.contract import AttachmentSink, Kept

_CHUNK_BYTES = 1024 * 1024


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file, at most a mebibyte at a time."""
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def keep(file: BinaryIO, sink: AttachmentSink) -> Kept:
    """Keep the rest of a file; nothing is left behind when that fails."""
    writer = sink.begin()
    try:
        for chunk in chunks_of(file):
            writer.write(chunk)
        return writer.keep()
    finally:
        writer.discard()
