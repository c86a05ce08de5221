"""Courier: carries one delivery from its proof to its recipient's system and the receipt for it.

Verify → parse → open a seal → claim → write format → offer → record done → publish receipts →
acknowledge. Where the system answers later, the offer is recorded and the message acknowledged;
`completion` does the rest.
What fails is published to `failures`, confirmed, and then acknowledged. Nothing else is.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from adapters.contract import Endpoint, Offer, Parcel
from bus.core.admission import (
    addressed,
    admit,
    judge_seal,
    judge_wrapping,
    prove,
    refuse_other_names,
)
from bus.core.allowance import seconds_for
from bus.core.duplicates import Standing
from bus.core.events import (
    DeliveryHandedOver,
    DuplicateAbsorbed,
)
from bus.core.failure import MAY_BE_NEWS, Stage, internal
from bus.core.identity import delivery_id
from bus.core.keyring import KeyRing
from bus.core.life_cycle import DeliveryEvent
from bus.core.message import SignedEnvelope
from bus.core.offered import OfferedDelivery, UnsignedReceipt
from bus.core.parties import Viewpoint
from bus.core.record import answered_after, proven_arrival, record_of
from bus.core.routing import Routing
from bus.core.sealing.stream import OpenedFiles
from bus.core.trace import TRACEPARENT, about, processing, trace_id, traced
from bus.core.wire import identity_of
from bus.ports import (
    AttachmentStore,
    Claim,
    Claimed,
    Clock,
    Inbox,
    Jitter,
    LookAgain,
    NewId,
    Observer,
    ReceivedMessage,
    Records,
    Role,
    Settlement,
    Step,
    Untraced,
    nothing_new,
)
from bus.services.answers import Answers, sender_of
from bus.services.attempt import Attempt
from bus.services.conflict import conflict_with
from bus.services.dispatch import Dispatch
from bus.services.endpoint_watch import EndpointWatch
from bus.services.failures import Failures
from bus.services.known_documents import judge
from bus.services.ordering import Ticket
from bus.services.originals import with_proven_original
from bus.services.packing import Packing
from bus.services.retry_wait import RetryWait, Stopping
from bus.services.sealer import Sealer
from schemas.envelope import Envelope, Recipient
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, Problem, TransportError, error_of
from schemas.secrecy import refuse_secret
from schemas.term import term
from schemas.vietnam import day_in_vietnam

LEASE = timedelta(minutes=5)

TRIES_IN_A_ROW = 3
"""Hand-overs of one delivery that its recipient's system may not answer before it is looked at."""

MOST_DELIVERIES = 20
"""So often a delivery is given out; then something crashes on it, and nobody touches it again."""

RETURNS = 10
"""So often a delivery is given back because the system is away; then it waits as a row.

Each return counts against `MOST_DELIVERIES` up to RabbitMQ 4.2, which is there for crashes and not
for retry_wait.
"""

_OF_ENDPOINTS = frozenset({"E_ENDPOINT_DOWN", "E_ENDPOINT_REFUSED"})
"""What an endpoint may raise of its own (`adapters.contract.Endpoint.offer`)."""


@dataclass(kw_only=True)
class Courier:
    """What one adapter does with each delivery of its mailbox.

    Attributes:
        most_deliveries: So often it is given out before it is parked untouched.
        look_again: Looks for newer agencies and certificates.
        offered: Set when a delivery was recorded whose system answers later.
    """

    endpoint: Endpoint
    watch: EndpointWatch
    packing: Packing
    keys: Callable[[], KeyRing]
    routing: Callable[[], Routing]
    attachments: AttachmentStore
    inbox: Inbox
    records: Records
    dispatch: Dispatch
    sealer: Sealer
    clock: Clock
    new_id: NewId
    jitter: Jitter
    observe: Observer
    most_deliveries: int = MOST_DELIVERIES
    hand_over_deadline: timedelta = timedelta(seconds=60)
    look_again: LookAgain = nothing_new
    offered: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._owner = self.new_id()
        self.answers = Answers(dispatch=self.dispatch, clock=self.clock)
        self.failures = Failures(
            dispatch=self.dispatch,
            answers=self.answers,
            routing=self.routing,
            clock=self.clock,
            new_id=self.new_id,
            observe=self.observe,
        )

    async def carry(
        self, received: ReceivedMessage, *, ticket: Ticket, leave: asyncio.Event
    ) -> Settlement:
        """Deliver, or fail safely; hand over in the order of tickets.

        Raises:
            Stopping: `leave` was set first; nothing is acknowledged.
        """
        try:
            return await self._carry(received, ticket=ticket, leave=leave)
        except Stopping:
            raise
        except Exception as error:  # noqa: BLE001 (it could not even be told as it is)
            return await self._set_aside(received, error, ticket=ticket, leave=leave)

    async def _set_aside(
        self, received: ReceivedMessage, error: Exception, *, ticket: Ticket, leave: asyncio.Event
    ) -> Settlement:
        """Tell that it failed, without anything of it but its bytes, its signature and its account.

        Given back, it would come again at once, until the broker has enough of it.
        """
        bare = replace(received, message=replace(received.message, headers={}, attempt=1))
        with Untraced().step("set aside", Role.CONSUMER) as step:
            attempt = self._attempt(bare, step, ticket=ticket, leave=leave)
            await self.failures.tell(attempt, internal(error, stage=attempt.stage))
        return Settlement.ACK

    def _attempt(
        self, received: ReceivedMessage, step: Step, *, ticket: Ticket, leave: asyncio.Event
    ) -> Attempt:
        return Attempt(
            received=received,
            leave=leave,
            ticket=ticket,
            retry_wait=self._retry_wait(leave),
            files=self.attachments,
            step=step,
        )

    async def _carry(
        self, received: ReceivedMessage, *, ticket: Ticket, leave: asyncio.Event
    ) -> Settlement:
        message = received.message
        with self.dispatch.tracer.step(
            f"process {received.queue}",
            Role.CONSUMER,
            parent=message.headers.get(TRACEPARENT, ""),
        ) as step:
            if step.traceparent:
                step.note(processing(message, queue=received.queue))
            return await self._settle(self._attempt(received, step, ticket=ticket, leave=leave))

    async def _settle(self, attempt: Attempt) -> Settlement:
        """Deliver, or fail safely. Raises `Stopping` with nothing acknowledged."""
        while True:
            try:
                await self._deliver(attempt)
            except TransportError as error:
                await attempt.retry_wait.wait(error.problem)
                attempt.advance(DeliveryEvent.GIVE_BACK)
            except AxisError as error:
                if error.problem.code in MAY_BE_NEWS and not attempt.looked_again:
                    attempt.looked_again, attempt.stage = True, Stage.VERIFY
                    await self.look_again()
                    attempt.advance(DeliveryEvent.GIVE_BACK)
                    continue
                if error.problem.code == "E_ENDPOINT_DOWN" and not await self._concerns_one(
                    attempt, error.problem
                ):
                    attempt.advance(DeliveryEvent.GIVE_BACK)
                    continue
                await self.failures.tell(attempt, error.problem)
                return Settlement.ACK
            except Stopping:
                raise
            except Exception as error:  # noqa: BLE001 (a bug parks one delivery, not all)
                await self.failures.tell(attempt, internal(error, stage=attempt.stage))
                return Settlement.ACK
            else:
                return Settlement.ACK

    async def _concerns_one(self, attempt: Attempt, problem: Problem) -> bool:
        """Whether the system does not answer for this delivery, but answers otherwise.

        False: try again. Raises `Stopping` when the system is away: everything waits in the queue.
        """
        attempt.unanswered += 1
        if attempt.unanswered < TRIES_IN_A_ROW:
            await attempt.retry_wait.wait(problem)
            return False
        trouble = await self.watch.trouble()
        if trouble is None or attempt.received.delivery_count >= RETURNS:
            return True
        self.watch.lost(trouble)
        raise Stopping

    async def _deliver(self, attempt: Attempt) -> None:
        message, now = attempt.received.message, self.clock()
        if attempt.received.delivery_count >= self.most_deliveries:
            attempt.stage = Stage.MAILBOX
            raise AxisError.of("E_DELIVERY_LIMIT")
        judge_wrapping(message, queue=attempt.received.queue)
        verified = prove(message, keys=self.keys(), now=now)
        attempt.advance(DeliveryEvent.PROVE)
        attempt.stage = Stage.OPEN
        envelope = admit(
            verified, message, mailbox=self.dispatch.mailbox, routing=self.routing(), now=now
        )
        attempt.envelope = envelope
        judge_seal(envelope, self.routing())
        if envelope.sealed is not None:
            opened = await asyncio.to_thread(self.sealer.open, envelope, verified)
            attempt.files = OpenedFiles(self.attachments, opened.files)
            attempt.sealed = True
            attempt.envelope = envelope = opened.envelope
        if attempt.step.traceparent:
            attempt.step.note(about(envelope))
        if envelope.document is not None:
            refuse_secret(envelope.document)
        attempt.advance(DeliveryEvent.ADMIT)
        attempt.stage = Stage.CLAIM
        await self._judge(attempt, envelope, now=now)
        claim = self._claim(envelope)
        claimed = await self._take_on(claim, attempt)
        if claimed.standing is Standing.FRESH:
            receipts = await self._work(attempt, envelope, claim.delivery_id)
        else:
            receipts = claimed.receipts
            if claimed.standing is Standing.DONE and not await self._is_open(claim):
                # A crash between the record and this leaves the mark behind.
                await self.endpoint.forget(claim.delivery_id)
            self.observe(
                DuplicateAbsorbed(
                    mailbox=self.dispatch.mailbox,
                    kind=envelope.kind,
                    lane=envelope.lane,
                    envelope_id=envelope.envelope_id,
                    delivery_id=claim.delivery_id,
                    trace=trace_id(attempt.step.traceparent),
                )
            )
        await self.answers.send(
            receipts,
            to=sender_of(envelope),
            retry_wait=attempt.retry_wait,
            trace=attempt.step.traceparent,
        )

    async def _judge(self, attempt: Attempt, envelope: Envelope, *, now: datetime) -> None:
        """Whose documents the message is about. Raises `DocumentError`: it may not say so."""
        at = Viewpoint(
            routing=self.routing(),
            on=day_in_vietnam(now),
            held_by=tuple(recipient.agency for recipient in self._addressed(envelope)),
        )
        refuse_other_names(envelope, at.routing, on=at.on)
        attempt.judged, meant = await judge(envelope, self.records, at=at)
        if envelope.receipt is not None:
            attempt.answered_after = answered_after(envelope.receipt, meant, now=now)
            await self._note_arrival(envelope)

    async def _note_arrival(self, envelope: Envelope) -> None:
        """Keep what a receipt proves of a delivery that another store knows as done."""
        arrived = proven_arrival(envelope)
        if arrived is not None and not await self.inbox.done([arrived]):
            await self.records.arrive(arrived, now=self.clock())

    async def _take_on(self, claim: Claim, attempt: Attempt) -> Claimed:
        """Claim the delivery: it is fresh, and ours; or it is done or offered already."""
        while True:
            claimed = await self.inbox.claim(claim, now=self.clock())
            match claimed.standing:
                case Standing.FRESH:
                    attempt.lease, attempt.claimed_at = claim.lease, self.clock()
                    attempt.advance(DeliveryEvent.CLAIM)
                    return claimed
                case Standing.DONE:
                    attempt.advance(DeliveryEvent.FIND_COMPLETE)
                    return claimed
                case Standing.OFFERED:
                    attempt.advance(DeliveryEvent.FIND_OFFERED)
                    return claimed
                case Standing.CONFLICT:
                    raise await conflict_with(
                        claimed.rival,
                        None if attempt.sealed else attempt.envelope,
                        claim=claim,
                        records=self.records,
                    )
                case Standing.IN_PROGRESS | Standing.REFUSED:
                    if attempt.lease is not None and self.clock() < attempt.lease:
                        attempt.advance(DeliveryEvent.CLAIM)
                        return Claimed(standing=Standing.FRESH)
                    # Whoever has it may stand behind us, when it was given out twice.
                    attempt.ticket.leave()
                    await attempt.retry_wait.wait(Problem(code="E_IN_PROGRESS"))
                case _ as never:
                    assert_never(never)

    async def _work(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId
    ) -> tuple[SignedEnvelope, ...]:
        """Offer a fresh delivery, and record it done with its receipts; or offered, without."""
        try:
            file, offer = await self._hand_over(attempt, envelope, delivery)
            unsigned = self.answers.unsigned(envelope, self._addressed(envelope))
            receipts: tuple[SignedEnvelope, ...] = ()
            if offer is Offer.COMPLETE:
                receipts = await self.answers.signed(unsigned, to=sender_of(envelope))
            if envelope.document is not None:
                await self.records.record(
                    record_of(envelope, envelope.document, now=self.clock(), sealed=attempt.sealed)
                )
            if offer is Offer.COMPLETE:
                await self.inbox.finish(delivery, receipts, now=self.clock())
                attempt.advance(DeliveryEvent.COMPLETE)
            else:
                await self.inbox.offer(
                    self._offered(attempt, envelope, delivery, file=file, receipts=unsigned)
                )
        except BaseException:
            # Where even this fails, the lease stays ours until it runs out.
            with suppress(TransportError):
                await self.inbox.release(delivery, owner=self._owner)
                attempt.lease = None
            raise
        if offer is Offer.PENDING:
            attempt.advance(DeliveryEvent.PEND)
            self.offered.set()
            return ()
        await self.endpoint.forget(delivery)
        now = self.clock()
        self.observe(
            DeliveryHandedOver(
                mailbox=self.dispatch.mailbox,
                kind=envelope.kind,
                lane=envelope.lane,
                envelope_id=envelope.envelope_id,
                delivery_id=delivery,
                sender=envelope.sender,
                file=file,
                status=envelope.receipt.report.code if envelope.receipt else None,
                age=now - envelope.sent_at,
                took=now - (attempt.claimed_at or now),
                answered_after=attempt.answered_after,
                warnings=attempt.warned,
                trace=trace_id(attempt.step.traceparent),
            )
        )
        return receipts

    def _claim(self, envelope: Envelope) -> Claim:
        mailbox = self.dispatch.mailbox
        return Claim(
            delivery_id=delivery_id(envelope.envelope_id, mailbox),
            envelope_id=envelope.envelope_id,
            mailbox=mailbox,
            identity=identity_of(envelope),
            lease=self.clock() + LEASE,
            owner=self._owner,
        )

    def _offered(
        self,
        attempt: Attempt,
        envelope: Envelope,
        delivery: DeliveryId,
        *,
        file: str,
        receipts: tuple[UnsignedReceipt, ...],
    ) -> OfferedDelivery:
        message = attempt.received.message
        if attempt.step.traceparent:
            message = replace(message, headers={TRACEPARENT: attempt.step.traceparent})
        return OfferedDelivery(
            delivery_id=delivery,
            envelope_id=envelope.envelope_id,
            mailbox=self.dispatch.mailbox,
            kind=envelope.kind,
            lane=envelope.lane,
            answer_to=sender_of(envelope),
            sent_at=envelope.sent_at,
            offered_at=self.clock(),
            file=file,
            status=envelope.receipt.report.code if envelope.receipt else None,
            warnings=attempt.warned,
            receipts=receipts,
            message=replace(message, headers=traced(message)),
        )

    async def _is_open(self, claim: Claim) -> bool:
        """Whether `completion` has not closed the delivery yet; then it tells the endpoint."""
        return bool(await self.inbox.offered([claim.delivery_id]))

    async def _hand_over(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId
    ) -> tuple[str, Offer]:
        attempt.stage = Stage.HAND_OVER
        # Before the turn comes, so that a file that takes long delays those behind it the least.
        original = await with_proven_original(
            envelope,
            attempt.judged,
            files=attempt.files,
            format_=self.packing.format,
            begin_spool=self.sealer.begin_spool,
        )
        attempt.judged = original.judged
        parcel = await self.packing.pack(
            original.envelope,
            delivery,
            files=attempt.files,
            judged=original.judged,
            leave=attempt.leave,
        )
        await attempt.ticket.turn()
        if attempt.leave.is_set():
            raise Stopping
        with self.dispatch.tracer.step("hand over", Role.INTERNAL, parent=attempt.step.traceparent):
            offer = await self._offer(attempt, envelope, parcel)
        # The order is kept; recording and answering may overlap with the next hand-over.
        attempt.ticket.leave()
        return parcel.name, offer

    async def _offer(self, attempt: Attempt, envelope: Envelope, parcel: Parcel) -> Offer:
        """Offer, within the deadline. An offer that ends later counts once all the same.

        Raises:
            AxisError: Of the parcel's content; or what an endpoint may raise. Whatever else it
                raises is its own fault, and becomes E_INTERNAL.
        """
        content = _Content(parcel.chunks)
        parcel = replace(parcel, chunks=content)
        files = envelope.document.attachments if envelope.document else ()
        seconds = seconds_for(sum(file.size for file in files), deadline=self.hand_over_deadline)
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
            # It has had its time: it is looked at without a second try.
            attempt.unanswered = TRIES_IN_A_ROW
            cause = term("no_answer", seconds=f"{seconds:.0f}")
            agency = self.dispatch.mailbox
            raise AxisError.of("E_ENDPOINT_DOWN", agency=agency, cause=cause) from late

    def _addressed(self, envelope: Envelope) -> tuple[Recipient, ...]:
        return addressed(envelope, self.dispatch.mailbox, self.routing(), now=self.clock())

    def _retry_wait(self, leave: asyncio.Event) -> RetryWait:
        return RetryWait(
            mailbox=self.dispatch.mailbox,
            observe=self.observe,
            stop=leave,
            jitter=self.jitter,
        )


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
