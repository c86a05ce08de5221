"""Read an open file in chunks, and store it as an attachment."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from adapters.contract import AttachmentSink, Kept

_CHUNK_BYTES = 1024 * 1024


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file in chunks of at most one mebibyte."""
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk


def keep(file: BinaryIO, sink: AttachmentSink) -> Kept:
    """Store the rest of a file; after an error nothing of it is left."""
    return keep_chunks(chunks_of(file), sink)


def keep_chunks(chunks: Iterable[bytes], sink: AttachmentSink) -> Kept:
    """Store a file; after an error nothing of it is left."""
    writer = sink.begin()
    try:
        for chunk in chunks:
            writer.write(chunk)
        return writer.keep()
    finally:
        writer.discard()
