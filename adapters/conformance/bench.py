"""Test bench of an endpoint: the agency's system, and the process that serves the agency."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, Protocol

from adapters.conformance import promised
from adapters.contract import (
    EndpointContext,
    EndpointFactory,
    Offer,
    Parcel,
    ParcelKind,
    Submission,
)
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, error_of

LOOK_SECONDS = 0.01
_AGENCY = "H24"


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A parcel as the agency's system finds it.

    Attributes:
        note: What lies beside it about its signatures.
    """

    name: str
    content: bytes
    note: bytes | None = None


class Agency(Protocol):
    """What the agency's own system does and sees. The author of an endpoint writes one."""

    def drop(self, name: str, content: bytes) -> None:
        """Give a complete file to be sent; one of the same name is replaced."""

    def dropping(self, name: str, content: bytes) -> AbstractContextManager[None]:
        """Give a file that is written only in part until the context ends."""

    def take_back(self, name: str) -> None:
        """Withdraw a file that was given."""

    def told(self) -> Mapping[str, Sequence[str]]:
        """The codes of the problems that the system was told of, by file name."""

    def away(self) -> AbstractContextManager[None]:
        """Be out of reach until the context ends; what was given and has arrived stays."""

    def take(self, kind: ParcelKind) -> Sequence[Arrived]:
        """Take away everything of this kind that has arrived."""


class AnsweringAgency(Agency, Protocol):
    """An agency whose system answers later: its endpoint declares `answer = Offer.PENDING`."""

    def answer(self, name: str, *, refusal: str | None = None) -> None:
        """Say that a parcel which was taken is accepted, or why it is refused."""


class RefusingAgency(Agency, Protocol):
    """An agency whose system refuses at once: its endpoint declares `refuses = True`."""

    def refusing(self) -> AbstractContextManager[None]:
        """Refuse every parcel until the context ends."""


class Bench:
    """One agency, and the endpoint of the process that serves it now."""

    def __init__(self, declared: "OnBench", context: EndpointContext) -> None:
        self.patience = declared.patience_seconds
        self._factory, self._context = type(declared).factory, context
        self.agency = declared.agency(context)
        self.endpoint = self._factory(context)

    def crash(self) -> None:
        """The process was killed, and another one has started."""
        self.endpoint = self._factory(self._context)

    async def restart(self) -> None:
        """The process has ended in order, and another one has started."""
        await self.endpoint.close()
        self.crash()

    async def submissions(self, count: int) -> Sequence[Submission]:
        """Look until so many files wait to be sent."""
        deadline = time.monotonic() + self.patience
        while len(found := await self.endpoint.submissions()) < count:
            promised(time.monotonic() < deadline, f"{count} complete files are submitted")
            await asyncio.sleep(LOOK_SECONDS)
        return found

    async def read(self, submission: Submission) -> bytes | None:
        """The content of a submission; None: it is gone."""
        try:
            file = await asyncio.to_thread(self.endpoint.open, submission)
        except FileNotFoundError:
            return None
        with file:
            return file.read()

    async def offer(
        self,
        delivery: str,
        *content: bytes,
        kind: ParcelKind = ParcelKind.DOCUMENT,
        name: str | None = None,
        note: bytes | None = None,
        chunks: Iterator[bytes] | None = None,
    ) -> Offer:
        """Offer a parcel; its name is that of the delivery unless it is given."""
        return await self.endpoint.offer(
            Parcel(
                delivery_id=DeliveryId(delivery),
                kind=kind,
                name=name or f"{delivery}.edxml",
                chunks=chunks or content,
                note=note,
            )
        )

    async def answers(self) -> Sequence[tuple[str, str | None]]:
        """The deliveries that were answered, each with the code of its refusal."""
        return [
            (each.delivery_id, each.problem.code if each.problem else None)
            for each in await self.endpoint.answers()
        ]

    def contents(self, kind: ParcelKind = ParcelKind.DOCUMENT) -> Sequence[bytes]:
        """Take what has arrived; its contents, sorted."""
        return sorted(each.content for each in self.agency.take(kind))

    def nothing_arrived(self) -> bool:
        """Whether nothing of any kind has arrived."""
        return not any(self.agency.take(kind) for kind in ParcelKind)


async def code_of(work: Awaitable[object]) -> str | None:
    """The code of the error that it raises; None when it raises none.

    The error is of the class that belongs to its code, such as `RecipientError`.
    """
    try:
        await work
    except AxisError as error:
        proper = type(error_of(error.problem))
        promised(isinstance(error, proper), f"{error.problem.code} is a {proper.__name__}")
        return error.problem.code
    return None


class OnBench:
    """What the author of an endpoint declares.

    Attributes:
        factory: Builds the endpoint.
        settings: What the endpoint is given as its settings.
        wrong_settings: Settings with a mistake; empty: no setting can be wrong.
        answer: What the endpoint says at once to the first offer of a document.
        refuses: Whether the agency's system can refuse an offer at once.
        notices: Whether the endpoint notices changes before it is asked.
        patience_seconds: How long the kit waits for what the endpoint should do.
    """

    factory: ClassVar[EndpointFactory]
    settings: ClassVar[Mapping[str, str]] = {}
    wrong_settings: ClassVar[Mapping[str, str]] = {}
    answer: ClassVar[Offer] = Offer.COMPLETE
    refuses: ClassVar[bool] = False
    notices: ClassVar[bool] = True
    patience_seconds: ClassVar[float] = 10.0

    def agency(self, context: EndpointContext) -> Agency:
        """The system of an agency that has done nothing yet."""
        raise NotImplementedError

    def context(self, folder: Path, settings: Mapping[str, str]) -> EndpointContext:
        """What an endpoint is built from at its first start: neither of its folders exists yet."""
        return EndpointContext(
            agency=_AGENCY,
            folder=folder / "agencies" / _AGENCY,
            state=folder / "state" / _AGENCY,
            settings=settings,
            clock=lambda: datetime.now(UTC),
        )


def on_bench(promise: Callable[[Any, Bench], Awaitable[None]]) -> Callable[[OnBench], None]:
    """Make a test of a promise: it has an agency, an endpoint and an event loop of its own."""

    async def run(self: OnBench) -> None:
        with TemporaryDirectory(prefix="conformance-") as folder:
            context = self.context(Path(folder), self.settings)
            bench = Bench(self, context)
            try:
                await promise(self, bench)
            finally:
                await bench.endpoint.close()

    def test(self: OnBench) -> None:
        asyncio.run(run(self))

    test.__doc__ = promise.__doc__
    return test
