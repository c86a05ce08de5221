"""The contracts of Format and Endpoint, with what each promises and may rely on.

The conformance kit (`adapters.conformance`) proves an implementation, ours or a stranger's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import BinaryIO, Protocol, runtime_checkable

from schemas.document import Document
from schemas.identifiers import DeliveryId
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
    MIB,
    ZIP_RATIO_FROM_BYTES,
)
from schemas.problem import Problem
from schemas.reading import Reading
from schemas.status import StatusReport
from schemas.verdict import DeliveryCheck

__all__ = [
    "MIB",
    "AttachmentSink",
    "AttachmentSource",
    "BlobWriter",
    "Endpoint",
    "Format",
    "Kept",
    "Limits",
    "LossyFormat",
    "Message",
    "Parcel",
    "ParcelKind",
    "Submission",
]

Message = Document | StatusReport


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds on what a format may read; beyond them it refuses in bounded time and memory.

    Sizes are bytes. `max_packet_bytes` bounds the packet file and, separately, the sum of its
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
    """A file that an attachment sink keeps: found again by its digest."""

    sha256: str
    size: int


class BlobWriter(Protocol):
    """A file on its way into the attachment store; invisible until kept."""

    def write(self, data: bytes) -> None:
        """Append. Raises `TransportError` E_STORE_FULL when the disk is full."""

    def reopen(self) -> BinaryIO:
        """Read back, seekable, what was written so far. The caller closes it."""

    def finish(self, *, aside: bool) -> Kept:
        """Say what it will be kept as: nothing more is written, and no open file is held for it.

        `keep` and `discard` may follow, in the same way as without.

        Args:
            aside: It is not held in memory either.
        """

    def keep(self) -> Kept:
        """Make it durable and findable by digest; the same bytes twice are kept once."""

    def discard(self) -> None:
        """Leave nothing behind. Harmless after `keep`, and twice."""


class AttachmentSink(Protocol):
    """Where a format puts the files it finds."""

    def begin(self) -> BlobWriter:
        """Start a new file."""


class AttachmentSource(Protocol):
    """Where a format takes the files it writes."""

    def open(self, sha256: str) -> BinaryIO:
        """Open a kept file. The caller closes it.

        Reading to the end proves the digest: at the last read a file whose bytes do not match
        raises `DocumentError` E_ATTACHMENT_DIGEST. An unknown digest raises E_ATTACHMENT_ABSENT.
        """


@runtime_checkable
class Format(Protocol):
    """A pure translator between one wire format and the canonical values.

    Promises: no I/O but the streams it is given; memory does not grow with attachments; for every
    canonical message `read(write(m)).message` equals `m` but for raw values, which a format writes
    where it has a place for them. A format that has no place for everything is a `LossyFormat`.
    What it reads is never more than its limits allow, in memory, in the sink and in time, whatever
    the file; it does not end, and raises nothing but what is said here.
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
    """A format that has no place for some fields, and says for which.

    Then for every message `read(write(m)).message` equals `m` without these fields, exactly: what
    is not declared comes back, and what is declared does not. When a message that is handed over
    has some of these fields, the warning W_NOT_CARRIED names them to the recipient.

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
        """Write as `write` does, with the check beside the message; reading passes over it."""


class ParcelKind(StrEnum):
    """What is handed over: decides the inbox it belongs to."""

    DOCUMENT = "documents"
    STATUS = "statuses"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One delivery, ready for an agency's system.

    Attributes:
        delivery_id: Hand-over is idempotent by it.
        name: File name with suffix; the same delivery always has the same name.
        chunks: The bytes, produced once, lazily, in a thread. May raise `DocumentError`.
        note: What was found about the document's signatures, UTF-8 JSON (`schemas.verdict`); absent
            where there is nothing to say, or the content has a place of its own for it.
    """

    delivery_id: DeliveryId
    kind: ParcelKind
    name: str
    chunks: Iterable[bytes]
    note: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """One complete file that an agency's system wants sent.

    Attributes:
        name: As the agency named it.
        version: Tells this file from a later one under the same name.
        size: Bytes.
        problem: Why it cannot be sent whatever is in it; it is only to be refused.
    """

    name: str
    version: str
    size: int
    problem: Problem | None = None


@runtime_checkable
class Endpoint(Protocol):
    """How one agency's system is reached. All methods may be called concurrently."""

    async def submissions(self) -> Sequence[Submission]:
        """What waits to be sent, oldest first. Never a file that is still being written."""

    def open(self, submission: Submission) -> BinaryIO:
        """Open the file, seekable. Blocking: called in a thread. The caller closes it.

        Asked again just before the file is sent: what could not be told of afterwards must not be
        sent, or it would be sent again and again.

        Raises:
            FileNotFoundError: The agency took it back or replaced it.
            RecipientError: Neither `accept` nor `refuse` has a chance now.
            DocumentError: This one cannot be read, now or when it is read; others can.
        """

    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        """Tell the agency it was sent; `notices` name receivers that were refused.

        Raises:
            RecipientError: Not now; it is tried again.
            DocumentError: It cannot be told of this one. It is not offered again as it is.
        """

    async def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        """Tell the agency it was refused, and why. The original stays with it."""

    async def hand_over(self, parcel: Parcel) -> None:
        """Put a delivery into the agency's hands, durably, all or nothing.

        A note is there, with the parcel's name, before the parcel itself can be seen.

        Idempotent by delivery id, also across crashes and also when the agency has taken the file
        away in between, until `forget` is called.

        Raises:
            RecipientError: E_ENDPOINT_DOWN (try later) or E_ENDPOINT_REFUSED (on purpose).
            DocumentError: From the parcel's chunks.
        """

    async def probe(self, *, sending: bool = False) -> None:
        """Find out whether a hand-over has a chance now, without handing anything over.

        Asked when hand-overs fail: a system that is away pauses its mailbox, while one that only
        cannot take a certain delivery does not. It tries all that a hand-over needs.

        Args:
            sending: It is about what the agency sends instead: whether files can be read, accepted
                and refused.

        Raises:
            RecipientError: E_ENDPOINT_DOWN, or E_OUTBOX_DOWN about sending.
        """

    async def forget(self, delivery_id: DeliveryId) -> None:
        """The delivery is recorded as done elsewhere: its hand-over mark may go."""
