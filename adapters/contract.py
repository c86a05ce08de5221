"""The contracts of Format and Endpoint, with what each promises and may rely on.

The conformance kit (`adapters.conformance`) proves an implementation, ours or a stranger's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum
from pathlib import Path
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
    "Answer",
    "AttachmentSink",
    "AttachmentSource",
    "BlobWriter",
    "Endpoint",
    "EndpointContext",
    "EndpointFactory",
    "Format",
    "Kept",
    "Limits",
    "LossyFormat",
    "Message",
    "Offer",
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
    """What is offered: decides the inbox it belongs to."""

    DOCUMENT = "documents"
    STATUS = "statuses"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One delivery, ready for an agency's system.

    Attributes:
        delivery_id: Offers are idempotent by it.
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


class Offer(Enum):
    """What an endpoint says when a parcel was offered. Both promise that it is kept durably.

    Attributes:
        COMPLETE: The agency's system has taken it; the receipt may be sent.
        PENDING: The agency's system answers later, through `Endpoint.answers`.
    """

    COMPLETE = "complete"
    PENDING = "pending"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What an agency's system said about a pending offer.

    Attributes:
        at: When it said so, aware.
        problem: Why it refuses the delivery; None: it has taken the delivery.
    """

    delivery_id: DeliveryId
    at: datetime
    problem: Problem | None = None


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


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointContext:
    """What an endpoint is built from: one agency, and what the endpoint may use.

    Attributes:
        agency: The code of the agency's mailbox.
        folder: The folder in which this agency exchanges files, where the endpoint needs one. It
            need not exist. Its last part is the agency's code.
        state: A folder for what this endpoint must remember of this agency across restarts, on a
            local disk. It need not exist. Nobody else writes there.
        settings: The settings of this kind of endpoint, as the operator wrote them.
        clock: The moment, aware.
        warn: Tells the operator, in the log, of something that is slower or less than it should be.
    """

    agency: str
    folder: Path
    state: Path
    clock: Callable[[], datetime]
    settings: Mapping[str, str] = field(default_factory=dict)
    warn: Callable[[Problem], None] = lambda _: None


@runtime_checkable
class Endpoint(Protocol):
    """How one agency's system is reached.

    **Life.** An `EndpointFactory` builds one object for each agency that a worker process serves.
    Every method may be called concurrently, in the one event loop of the process; `open` is called
    in a thread. `close` is called last. A process may be killed at any moment: a new object, built
    from the same context, must go on where the last one was. There is never a second process that
    serves the same agency.

    **Errors.** A method raises what it documents here. The code of a `RecipientError` is
    `E_ENDPOINT_DOWN` (the system is away: its mailbox waits) or `E_ENDPOINT_REFUSED` (the system
    says no to this one delivery: its sender gets a signed refusal). Any other error is a fault of
    the endpoint: the delivery is parked for an operator, and no sender gets a refusal.
    """

    async def submissions(self) -> Sequence[Submission]:
        """What waits to be sent, oldest first. Never a file that is still being written.

        A file is returned again, with the same version, until it is accepted or refused.

        Raises:
            RecipientError: E_ENDPOINT_DOWN; it is asked again.
        """

    def open(self, submission: Submission) -> BinaryIO:
        """Open the file, seekable. Blocking: called in a thread. The caller closes it.

        Called again just before the file is sent: a file for which `accept` could not succeed
        afterwards must not be sent, or it would be sent again and again.

        Raises:
            FileNotFoundError: The agency took it back or replaced it.
            RecipientError: Neither `accept` nor `refuse` has a chance now.
            DocumentError: This one cannot be read, now or when it is read; others can.
        """

    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        """Tell the agency it was sent; `notices` name receivers that were refused.

        Raises:
            RecipientError: Not now; it is tried again.
            DocumentError: It cannot be told of this one. It is not given again as it is.
        """

    async def refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        """Tell the agency it was refused, and why. The original stays with it.

        Raises:
            RecipientError: Not now; it is tried again.
        """

    async def offer(self, parcel: Parcel) -> Offer:
        """Offer a delivery to the agency's system, durably, all or nothing.

        When this returns, the delivery survives a power cut, and its bytes are never asked for
        again. A note is there, with the parcel's name, before the parcel itself can be seen.

        Idempotent by delivery id until `forget` is called: an offer that is repeated, also after a
        crash, and also when the agency has taken the parcel away in between, gives the agency
        nothing new. The result of a repeated offer is `COMPLETE` once the system has taken it, and
        `PENDING` before, and also after the system has refused it.

        Raises:
            RecipientError: E_ENDPOINT_DOWN (try later) or E_ENDPOINT_REFUSED (on purpose).
            DocumentError: From the parcel's chunks.
        """

    async def answers(self) -> Sequence[Answer]:
        """What the agency's system has said about pending offers, oldest first.

        Each answer is given again, also after a restart, until its delivery is forgotten. The
        problem of a refusal has the code E_ENDPOINT_REFUSED. An endpoint whose offers are all
        complete at once has none.

        Raises:
            RecipientError: E_ENDPOINT_DOWN; it is asked again.
        """

    async def forget(self, delivery_id: DeliveryId) -> None:
        """The end of this delivery is recorded elsewhere: its mark and its answer may go.

        Harmless for a delivery that is unknown, and twice.

        Raises:
            RecipientError: E_ENDPOINT_DOWN; what stays behind is harmless.
        """

    async def changed(self) -> None:
        """Wait until there may be, since this call, a new submission or a new answer.

        May return for nothing, but not at once again and again. May be awaited by several tasks,
        and cancelled at any time. A service calls it first, then asks for submissions or answers,
        then waits for it, and so misses nothing. It asks every few seconds anyway, so an
        endpoint that cannot notice changes may never return from this call.
        """

    async def oldest_waiting(self) -> datetime | None:
        """Since when the oldest complete file that is to be sent waits; None: none does.

        For gauges, so it is cheap. An answer about a system that is away is None, not an error.
        """

    async def probe(self, *, sending: bool = False) -> None:
        """Find out whether an offer has a chance now, without offering anything.

        Called when offers fail: a system that is away pauses its mailbox, while one that only
        cannot take a certain delivery does not. It tries all that an offer needs.

        Args:
            sending: It is about what the agency sends instead: whether files can be read, accepted
                and refused.

        Raises:
            RecipientError: E_ENDPOINT_DOWN, or E_OUTBOX_DOWN about sending.
        """

    async def close(self) -> None:
        """Give back what the endpoint holds: connections, tasks. Nothing is called after this."""


class EndpointFactory(Protocol):
    """Builds the endpoint of one agency. An entry point of `lienthong.endpoints` names one.

    It reads no network and waits for no system: an agency that is away must not keep out the
    others. It may raise `ConfigurationError` E_SETTING for a setting that is wrong.
    """

    def __call__(self, context: EndpointContext, /) -> Endpoint:
        """The endpoint; used only inside the running event loop."""
