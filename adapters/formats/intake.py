"""Intake: writes a file from a packet into the attachment sink, and measures it."""

from dataclasses import dataclass

from adapters.contract import BlobWriter
from adapters.formats.media_type import HEAD_BYTES, is_textual, sniff
from schemas.document import Attachment
from schemas.problem import DocumentError

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
_DAMAGE_HITS = 16
_DAMAGE_BYTES_PER_HIT = 4096


class Allowance:
    """How many more bytes the attachments of one message may have together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.left = limit


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A file that the sink keeps, with what was found in its bytes."""

    sha256: str
    size: int
    head: bytes
    replacements: int

    def is_damaged(self, name: str) -> bool:
        """Whether a program has decoded it as text: a binary file with many U+FFFD."""
        return (
            self.replacements >= _DAMAGE_HITS
            and self.replacements * _DAMAGE_BYTES_PER_HIT >= self.size
            and not is_textual(name)
        )

    def attachment(self, name: str, description: str | None) -> Attachment:
        """The attachment, under a safe name."""
        return Attachment(
            name=name,
            media_type=sniff(self.head, name),
            size=self.size,
            sha256=self.sha256,
            description=description,
            damaged=self.is_damaged(name),
        )


class Intake:
    """Writes one file into the sink; keeps its size, digest and first bytes."""

    def __init__(self, writer: BlobWriter, allowance: Allowance) -> None:
        self.writer = writer
        self.head = b""
        self.size = 0
        self._allowance = allowance
        self._replacements = 0
        self._tail = b""

    def write(self, data: bytes) -> None:
        """Append.

        Raises:
            DocumentError: The message's attachments are too large together (E_TOO_LARGE).
        """
        self.size += len(data)
        self._allowance.left -= len(data)
        if self._allowance.left < 0:
            limit = self._allowance.limit
            raise DocumentError.of("E_TOO_LARGE", size=limit - self._allowance.left, limit=limit)
        if len(self.head) < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - len(self.head)]
        self._count_replacements(data)
        self.writer.write(data)

    def keep(self) -> Taken:
        """Hand the file over to the sink."""
        kept = self.writer.keep()
        return Taken(
            sha256=kept.sha256, size=kept.size, head=self.head, replacements=self._replacements
        )

    def _count_replacements(self, data: bytes) -> None:
        # A chunk may end inside the three bytes; the last two bytes cannot contain all three.
        self._replacements += (self._tail + data[:2]).count(_REPLACEMENT) + data.count(_REPLACEMENT)
        self._tail = data[-2:] if len(data) > 1 else (self._tail + data)[-2:]
