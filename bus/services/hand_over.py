"""Hand-over: makes the parcel of a delivery, and offers it to the agency's system in its turn."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from adapters.contract import AttachmentSource, Endpoint, Offer, Parcel
from bus.core.allowance import seconds_for
from bus.core.failure import Stage, internal
from bus.core.life_cycle import DeliveryEvent
from bus.core.parcel import files_needed
from bus.ports import Role, Spool, Tracer
from bus.services.attempt import Attempt
from bus.services.fetching import Fetching
from bus.services.originals import with_proven_original
from bus.services.packing import Packing
from bus.services.retry_wait import Stopping
from schemas.envelope import Envelope
from schemas.identifiers import DeliveryId, MailboxName
from schemas.problem import AxisError, error_of
from schemas.term import term

TRIES_IN_A_ROW = 3
"""After so many offers without an answer, the recipient's system is probed."""

_OF_ENDPOINTS = frozenset({"E_ENDPOINT_DOWN", "E_ENDPOINT_REFUSED"})
"""The errors that an endpoint itself may raise (`adapters.contract.Endpoint.offer`)."""


@dataclass(kw_only=True)
class HandOver:
    """The hand-overs of one mailbox.

    Attributes:
        begin_spool: A fresh place for the files of one document.
        deadline: How long the endpoint may take for one delivery without attachments.
    """

    mailbox: MailboxName
    endpoint: Endpoint
    packing: Packing
    fetching: Fetching
    begin_spool: Callable[[], Spool]
    tracer: Tracer
    deadline: timedelta

    async def run(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId
    ) -> tuple[str, Offer]:
        """Fetch the attachments, write the parcel and offer it.

        Returns:
            The name of the parcel's file, and what the endpoint said.

        Raises:
            Stopping: The service stops.
            AxisError: As `Fetching.fetched`, `Packing.pack` and `_offer`.
        """
        attempt.stage = Stage.FETCH
        needed = files_needed(envelope, self.packing.format.name)
        async with self.fetching.fetched(needed, sealed=attempt.sealed_files) as files:
            attempt.advance(DeliveryEvent.FETCH)
            attempt.stage = Stage.HAND_OVER
            # Before its turn, so that a delivery that takes long delays the others little.
            parcel = await self._pack(attempt, envelope, delivery, files)
            await attempt.ticket.turn()
            if attempt.leave.is_set():
                raise Stopping
            parent = attempt.span.traceparent
            with self.tracer.span("hand over", Role.INTERNAL, parent=parent):
                offer = await self._offer(attempt, envelope, parcel)
            # The order is kept from here on: recording may overlap with the next hand-over.
            attempt.ticket.leave()
        return parcel.name, offer

    async def _pack(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId, files: AttachmentSource
    ) -> Parcel:
        original = await with_proven_original(
            envelope,
            attempt.judged,
            files=files,
            format_=self.packing.format,
            begin_spool=self.begin_spool,
        )
        attempt.judged = original.judged
        return await self.packing.pack(
            original.envelope,
            delivery,
            files=files,
            judged=original.judged,
            leave=attempt.leave,
        )

    async def _offer(self, attempt: Attempt, envelope: Envelope, parcel: Parcel) -> Offer:
        """Offer within the deadline. An offer that ends later still counts, once.

        Raises:
            AxisError: An error of the parcel's content, or one that an endpoint may raise. Other
                errors of the endpoint become E_INTERNAL.
        """
        content = _Content(parcel.chunks)
        parcel = replace(parcel, chunks=content)
        files = envelope.document.attachments if envelope.document else ()
        seconds = seconds_for(sum(file.size for file in files), deadline=self.deadline)
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self.endpoint.offer(parcel)
        except AxisError as error:
            if error is content.error or error.problem.code in _OF_ENDPOINTS:
                raise
            told = internal(ValueError(error.problem.code), stage=attempt.stage)
            raise error_of(told) from error
        except TimeoutError as late:
            if not limit.expired():
                raise
            # The whole time is used up, so the system is probed without a second try.
            attempt.unanswered = TRIES_IN_A_ROW
            cause = term("no_answer", seconds=f"{seconds:.0f}")
            raise AxisError.of("E_ENDPOINT_DOWN", agency=self.mailbox, cause=cause) from late


@dataclass
class _Content:
    """The chunks of a parcel; remembers the error that the content itself raised."""

    chunks: Iterable[bytes]
    error: AxisError | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.chunks
        except AxisError as error:
            self.error = error
            raise
