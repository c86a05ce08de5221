"""Contract of an endpoint: how the system of one agency is reached."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from schemas.identifiers import DeliveryId
from schemas.problem import Problem


class ParcelKind(StrEnum):
    """What a parcel contains; it decides the inbox to which the parcel belongs."""

    DOCUMENT = "documents"
    STATUS = "statuses"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One delivery, ready for an agency's system.

    Attributes:
        delivery_id: Offers are idempotent by it.
        name: File name with suffix; the same delivery always has the same name.
        chunks: The bytes. They can be read once, and should be read in a thread. Reading may raise
            `DocumentError`.
        note: What was found about the document's signatures, UTF-8 JSON (`schemas.verdict`); None
            where there is nothing to say, or where the content itself says it.
    """

    delivery_id: DeliveryId
    kind: ParcelKind
    name: str
    chunks: Iterable[bytes]
    note: bytes | None = None


class Offer(Enum):
    """The result of an offer. Both values promise that the parcel is kept durably.

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
        at: When the system answered, aware.
        problem: Why the system refuses the delivery; None: it has taken the delivery.
    """

    delivery_id: DeliveryId
    at: datetime
    problem: Problem | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """One complete file that an agency's system wants sent.

    Attributes:
        name: As the agency named it.
        version: Differs for a later file under the same name.
        size: Bytes.
        problem: Why it cannot be sent, whatever it contains; it will only be refused.
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
        clock: Returns the present moment, aware.
        warn: Writes a problem to the log, about what is slower or less than it should be.
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
        again. The note is there before the parcel can be seen.

        Idempotent by delivery id until `forget` is called: a repeated offer, also after a crash or
        when the agency has taken the parcel away meanwhile, gives the agency nothing new. It
        returns `COMPLETE` once the system has taken the delivery, else `PENDING`, also after the
        system has refused it.

        Raises:
            RecipientError: E_ENDPOINT_DOWN (try later) or E_ENDPOINT_REFUSED (on purpose).
            DocumentError: From the parcel's chunks.
        """

    async def answers(self) -> Sequence[Answer]:
        """The answers of the agency's system to pending offers, oldest first.

        Each answer is returned again, also after a restart, until its delivery is forgotten. The
        problem of a refusal has the code E_ENDPOINT_REFUSED. An endpoint whose offers are all
        complete at once has no answers.

        Raises:
            RecipientError: E_ENDPOINT_DOWN; it is asked again.
        """

    async def forget(self, delivery_id: DeliveryId) -> None:
        """Remove the mark and the answer of a delivery, whose end is recorded elsewhere.

        Does nothing for a delivery that is unknown or already forgotten.

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
        """Since when the oldest complete file waits to be sent, aware; None: no file waits.

        For a gauge, so it must be cheap. While the system is away it returns None and no error.
        """

    async def probe(self, *, sending: bool = False) -> None:
        """Find out whether an offer has a chance now, without offering anything.

        Called when offers fail, and repeated until it succeeds: a system that is away pauses its
        mailbox; a system that only cannot take a certain delivery does not. It tries everything
        that an offer needs.

        Args:
            sending: It is about what the agency sends instead: whether files can be read, accepted
                and refused.

        Raises:
            RecipientError: E_ENDPOINT_DOWN, or E_OUTBOX_DOWN about sending.
        """

    async def close(self) -> None:
        """End all connections and tasks of the endpoint. No method is called after this."""


class EndpointFactory(Protocol):
    """Builds the endpoint of one agency. An entry point of `lienthong.endpoints` names one.

    It reads no network and waits for no system: an agency that is away must not keep out the
    others. It may raise `ConfigurationError` E_SETTING for a setting that is wrong.
    """

    def __call__(self, context: EndpointContext, /) -> Endpoint:
        """The endpoint; used only inside the running event loop."""
