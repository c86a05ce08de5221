"""PendingFiles: the files of a packet that is being read, until it is known to be taken.

Nothing of a refused packet may lie in the attachment store, least of all of one that bears a mark
of State secrecy, whichever part of it is read first.
"""

from collections.abc import Callable, Iterable
from typing import BinaryIO

from adapters.contract import MIB, AttachmentSink, BlobWriter, Kept
from schemas.document import Attachment
from schemas.problem import AxisError

_IN_MEMORY_BYTES = 4 * MIB
"""Of one packet; the files after that wait on disk."""


class PendingFiles:
    """An `AttachmentSink` before another one: what is kept in it is only meant to be kept."""

    def __init__(self, sink: AttachmentSink) -> None:
        self._sink = sink
        self._held: dict[str, BlobWriter] = {}
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._begun: list[BlobWriter] = []

    def begin(self) -> BlobWriter:
        """Start a new file."""
        writer = self._sink.begin()
        self._begun.append(writer)
        return _Held(writer, self._hold)

    def require(self, attachments: Iterable[Attachment]) -> None:
        """Refuse a message that names a file which was not given here: it would arrive without.

        Raises:
            DocumentError: E_ATTACHMENT_MISSING.
        """
        for attachment in attachments:
            if self._sizes.get(attachment.sha256) != attachment.size:
                raise AxisError.of("E_ATTACHMENT_MISSING", content_id=attachment.name)

    def keep_all(self) -> None:
        """The packet is taken: make its files durable and findable."""
        for writer in self._held.values():
            writer.keep()

    def discard_all(self) -> None:
        """Leave nothing behind. Harmless after `keep_all`."""
        for writer in self._begun:
            writer.discard()

    def _hold(self, writer: BlobWriter) -> Kept:
        kept = writer.finish(aside=self._bytes > _IN_MEMORY_BYTES)
        self._bytes += kept.size
        self._sizes[kept.sha256] = kept.size
        if self._held.setdefault(kept.sha256, writer) is not writer:
            writer.discard()
        return kept


class _Held:
    """A file that waits."""

    def __init__(self, writer: BlobWriter, hold: Callable[[BlobWriter], Kept]) -> None:
        self._writer = writer
        self._hold = hold
        self._is_held = False

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def reopen(self) -> BinaryIO:
        return self._writer.reopen()

    def finish(self, *, aside: bool) -> Kept:
        return self._writer.finish(aside=aside)

    def keep(self) -> Kept:
        self._is_held = True
        return self._hold(self._writer)

    def discard(self) -> None:
        if not self._is_held:
            self._writer.discard()
