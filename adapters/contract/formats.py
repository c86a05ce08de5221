"""Contract of a format: a translator between one wire format and the canonical values."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, Protocol, runtime_checkable

from schemas.document import Document
from schemas.limits import (
    MAX_ATTACHMENTS,
    MAX_DEPTH_LEVELS,
    MAX_ELEMENTS,
    MAX_PACKET_BYTES,
    MAX_RAW_BYTES,
    MAX_RECEIVERS,
    MAX_SIGNED_PACKET_BYTES,
    MAX_TEXT_BYTES,
    MAX_WARNINGS,
    MAX_ZIP_RATIO,
    ZIP_RATIO_FROM_BYTES,
)
from schemas.reading import Reading
from schemas.status import StatusReport
from schemas.verdict import DeliveryCheck

Message = Document | StatusReport


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits on what a format may read. It refuses what exceeds them, in limited time and memory.

    Sizes are bytes. `max_packet_bytes` limits the packet file and, separately, the sum of its
    unwrapped attachments.
    """

    max_packet_bytes: int = MAX_PACKET_BYTES
    max_depth: int = MAX_DEPTH_LEVELS
    max_elements: int = MAX_ELEMENTS
    max_text_bytes: int = MAX_TEXT_BYTES
    max_receivers: int = MAX_RECEIVERS
    max_attachments: int = MAX_ATTACHMENTS
    max_warnings: int = MAX_WARNINGS
    max_raw_bytes: int = MAX_RAW_BYTES
    max_zip_ratio: int = MAX_ZIP_RATIO
    zip_ratio_from_bytes: int = ZIP_RATIO_FROM_BYTES
    max_signature_packet_bytes: int = MAX_SIGNED_PACKET_BYTES


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A file that an attachment sink keeps; its digest finds it again."""

    sha256: str
    size: int


class BlobWriter(Protocol):
    """A file that is being written into the attachment store; nobody can open it until `keep`."""

    def write(self, data: bytes) -> None:
        """Append. Raises `TransportError` E_STORE_FULL when the disk is full."""

    def reopen(self) -> BinaryIO:
        """Open what was written so far, seekable. The caller closes it."""

    def finish(self) -> Kept:
        """Say what it will be kept as: nothing more is written, and no open file is held for it.

        `keep` or `discard` may follow.
        """

    def keep(self) -> Kept:
        """Make it durable and findable by digest; the same bytes twice are kept once."""

    def discard(self) -> None:
        """Remove what was written. Does nothing after `keep`, or when it is called twice."""


class AttachmentSink(Protocol):
    """Where a format puts the files it finds."""

    def begin(self) -> BlobWriter:
        """Start a new file."""


class AttachmentSource(Protocol):
    """Where a format takes the files it writes."""

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file. The caller closes it.

        Reading to the end proves the digest: at the last read a file whose bytes do not match
        raises `DocumentError` E_ATTACHMENT_DIGEST. An unknown digest raises `TransportError`
        E_ATTACHMENT_AWAY.
        """


@runtime_checkable
class Format(Protocol):
    """A pure translator between one wire format and the canonical values.

    It does no I/O but with the streams that it is given, and its memory does not grow with
    attachments. For every canonical message `m`, `read(write(m)).message` equals `m`, except for
    raw values, which a format writes only where it has a place for them. A format that cannot carry
    every field is a `LossyFormat`. Whatever the file contains, the format stays within its limits
    (memory, sink, time), does not crash the process, and raises only what is documented here.
    """

    name: str
    suffix: str

    def recognises(self, head: bytes, filename: str) -> bool:
        """Whether a file with this name and these first (up to 4,096) bytes is of this format."""

    def read(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> Reading:
        """Read one message, tolerantly.

        Args:
            source: Seekable, positioned at its start.
            today: The day in Viet Nam, to tell an issue date in the future.

        Raises:
            DocumentError: The file is refused; code, line, column, field tell why and where.
                Files already given to the sink may stay; they are found by nobody.
        """

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        """Write one message, strictly, in chunks.

        Args:
            written_at: Aware; the stamp of the sender's hop where the document has no hops.

        Raises:
            DocumentError: An attachment is absent or does not match its digest.
        """


@runtime_checkable
class LossyFormat(Format, Protocol):
    """A format that cannot carry some fields, and declares which.

    For every message `m`, `read(write(m)).message` equals `m` without exactly these fields. When a
    message that is delivered has such a field, the warning W_NOT_CARRIED names it to the recipient.

    Attributes:
        omits: Paths of canonical fields, of documents and status reports alike, such as `subject`,
            `signer.position`, `to_agencies.email` or `attachments`. Not among them is what every
            message needs: who sends, to whom, the document id, the status code.
    """

    omits: frozenset[str]


@runtime_checkable
class CheckedFormat(Format, Protocol):
    """A format that has a place of its own for what was found about a document's signatures."""

    def write_checked(
        self,
        message: Message,
        check: DeliveryCheck,
        *,
        attachments: AttachmentSource,
        written_at: datetime,
    ) -> Iterator[bytes]:
        """Write as `write` does, with the check beside the message; reading ignores the check."""
