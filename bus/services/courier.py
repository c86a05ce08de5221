"""Courier: carries one delivery from its proof to its recipient's hands and the receipt for it.

Verify → parse → open a seal → claim → write format → hand over → record done → publish receipts →
acknowledge.
What fails is published to `failures`, confirmed, and then acknowledged. Nothing else is.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from adapters.contract import Endpoint, Parcel
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
from bus.core.failure import Stage, internal
from bus.core.identity import delivery_id
from bus.core.keyring import KeyRing
from bus.core.parties import Standpoint
from bus.core.record import answered_after, proven_arrival, record_of
from bus.core.routing import Routing
from bus.core.sealing.files import OpenedFiles
from bus.core.secrecy import refuse_secret
from bus.core.trace import TRACEPARENT, about, processing, trace_id
from bus.core.wire import identity_of
from bus.ports import (
    AttachmentStore,
    Claim,
    Clock,
    Inbox,
    Jitter,
    NewId,
    Observer,
    ReceivedMessage,
    Records,
    Role,
    Settlement,
    SignedEnvelope,
    Step,
    Untraced,
)
from bus.services.answers import Answers
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
from schemas.problem import AxisError, Problem, TransportError
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


@dataclass(kw_only=True)
class Courier:
    """What one adapter does with each delivery of its mailbox.

    Attributes:
        most_deliveries: So often it is given out before it is parked untouched.
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

    def __post_init__(self) -> None:
        self._answers = Answers(dispatch=self.dispatch, clock=self.clock)
        self._failures = Failures(
            dispatch=self.dispatch,
            answers=self._answers,
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
            await self._failures.tell(attempt, internal(error, stage=attempt.stage))
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
            except AxisError as error:
                if error.problem.code == "E_ENDPOINT_DOWN" and not await self._concerns_one(
                    attempt, error.problem
                ):
                    continue
                await self._failures.tell(attempt, error.problem)
                return Settlement.ACK
            except Stopping:
                raise
            except Exception as error:  # noqa: BLE001 (a bug parks one delivery, not all)
                await self._failures.tell(attempt, internal(error, stage=attempt.stage))
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
        attempt.stage = Stage.CLAIM
        await self._judge(attempt, envelope, now=now)
        claim = self._claim(envelope)
        receipts = await self._standing(claim, attempt)
        if receipts is None:
            receipts = await self._work(attempt, envelope, claim.delivery_id)
        else:
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
        await self._answers.send(
            envelope, receipts, retry_wait=attempt.retry_wait, trace=attempt.step.traceparent
        )

    async def _judge(self, attempt: Attempt, envelope: Envelope, *, now: datetime) -> None:
        """Whose documents the message is about. Raises `DocumentError`: it may not say so."""
        at = Standpoint(
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

    async def _standing(self, claim: Claim, attempt: Attempt) -> tuple[SignedEnvelope, ...] | None:
        """Take the delivery on: None; or the receipts of its first hand-over, when it is done."""
        while True:
            claimed = await self.inbox.claim(claim, now=self.clock())
            match claimed.standing:
                case Standing.FRESH:
                    attempt.lease, attempt.claimed_at = claim.lease, self.clock()
                    return None
                case Standing.DONE:
                    return claimed.receipts
                case Standing.CONFLICT:
                    raise await conflict_with(
                        claimed.rival,
                        None if attempt.sealed else attempt.envelope,
                        claim=claim,
                        records=self.records,
                    )
                case Standing.IN_PROGRESS:
                    if attempt.lease is not None and self.clock() < attempt.lease:
                        return None
                    # Whoever has it may stand behind us, when it was given out twice.
                    attempt.ticket.leave()
                    await attempt.retry_wait.wait(Problem(code="E_IN_PROGRESS"))
                case _ as never:
                    assert_never(never)

    async def _work(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId
    ) -> tuple[SignedEnvelope, ...]:
        """Hand a fresh delivery over, and record it done with its receipts."""
        try:
            file = await self._hand_over(attempt, envelope, delivery)
            receipts = await self._answers.arrived(envelope, self._addressed(envelope))
            if envelope.document is not None:
                await self.records.record(
                    record_of(envelope, envelope.document, now=self.clock(), sealed=attempt.sealed)
                )
            await self.inbox.finish(delivery, receipts, now=self.clock())
        except BaseException:
            # Where even this fails, the lease stays ours until it runs out.
            with suppress(TransportError):
                await self.inbox.release(delivery)
                attempt.lease = None
            raise
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
        )

    async def _hand_over(self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId) -> str:
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
            await self._put_into_hands(attempt, envelope, parcel)
        # The order is kept; recording and answering may overlap with the next hand-over.
        attempt.ticket.leave()
        return parcel.name

    async def _put_into_hands(self, attempt: Attempt, envelope: Envelope, parcel: Parcel) -> None:
        """Hand over, within the deadline. One that ends later was handed over once all the same."""
        files = envelope.document.attachments if envelope.document else ()
        seconds = seconds_for(sum(file.size for file in files), deadline=self.hand_over_deadline)
        try:
            async with asyncio.timeout(seconds) as limit:
                await self.endpoint.offer(parcel)
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
