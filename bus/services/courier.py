"""Courier: carries one delivery from its proof to its recipient's system and the receipt for it.

Verify → parse → open a seal → claim → fetch attachments → write format → offer → record done →
publish receipts → acknowledge. Where the system answers later, the offer is recorded and the
message acknowledged; `completion` does the rest. A failure is published to `failures`, confirmed,
and then its message is acknowledged. No other message is.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from adapters.contract import Endpoint, Offer
from bus.core.duplicates import Standing
from bus.core.events import (
    DuplicateAbsorbed,
)
from bus.core.failure import MAY_BE_NEWS, Stage, failure_class, internal
from bus.core.keyring import KeyRing
from bus.core.life_cycle import DeliveryEvent
from bus.core.message import SignedEnvelope
from bus.core.routing import Routing
from bus.core.trace import TRACEPARENT, processing, trace_id
from bus.ports import (
    AttachmentFetcher,
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
    Span,
    Untraced,
    nothing_new,
)
from bus.services.answers import Answers, sender_of
from bus.services.attempt import Attempt
from bus.services.claims import Claims
from bus.services.dispatch import Dispatch
from bus.services.endpoint_watch import EndpointWatch
from bus.services.examination import Examination
from bus.services.failures import Failures
from bus.services.fetching import FETCHES_IN_A_ROW, Fetching
from bus.services.hand_over import TRIES_IN_A_ROW, HandOver
from bus.services.ordering import Ticket
from bus.services.packing import Packing
from bus.services.recording import Recording
from bus.services.retry_wait import RetryWait, Stopping
from bus.services.sealer import Sealer
from schemas.envelope import Envelope
from schemas.errors import FailureClass
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, Problem, TransportError

MOST_DELIVERIES = 20
"""After so many deliveries of one message, it probably crashes its worker, and is parked unread."""

RETURNS = 10
"""After so many returns because the agency's system is away, a delivery becomes a dead letter.

Up to RabbitMQ 4.2 each return counts as a delivery. Without this limit, returns would reach
`MOST_DELIVERIES`, which is meant for crashes.
"""


@dataclass(kw_only=True)
class Courier:
    """Delivers the messages of one mailbox.

    Attributes:
        most_deliveries: After so many deliveries a message is parked without being read.
        look_again: Looks for newer agencies and certificates.
        offered: Set when a delivery was recorded whose system answers later.
    """

    endpoint: Endpoint
    watch: EndpointWatch
    packing: Packing
    keys: Callable[[], KeyRing]
    routing: Callable[[], Routing]
    fetcher: AttachmentFetcher
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
        mailbox = self.dispatch.mailbox
        self.answers = Answers(dispatch=self.dispatch, clock=self.clock)
        self._examination = Examination(
            mailbox=mailbox,
            keys=self.keys,
            routing=self.routing,
            sealer=self.sealer,
            inbox=self.inbox,
            records=self.records,
            clock=self.clock,
        )
        self._claims = Claims(
            mailbox=mailbox,
            inbox=self.inbox,
            records=self.records,
            clock=self.clock,
            owner=self.new_id(),
        )
        self._recording = Recording(
            mailbox=mailbox,
            answers=self.answers,
            inbox=self.inbox,
            records=self.records,
            routing=self.routing,
            clock=self.clock,
        )
        self._hand_over = HandOver(
            mailbox=mailbox,
            endpoint=self.endpoint,
            packing=self.packing,
            fetching=Fetching(fetcher=self.fetcher),
            begin_spool=self.sealer.begin_spool,
            tracer=self.dispatch.tracer,
            deadline=self.hand_over_deadline,
        )
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
        """Deliver a message or report its failure. Hand-overs follow the order of the tickets.

        Raises:
            Stopping: `leave` was set first; the message must not be acknowledged.
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
        """Report a failure that could not be reported with all headers of the message.

        A message that is returned would come again at once, until its deliveries are used up.
        """
        bare = replace(received, message=replace(received.message, headers={}, attempt=1))
        with Untraced().span("set aside", Role.CONSUMER) as span:
            attempt = self._attempt(bare, span, ticket=ticket, leave=leave)
            await self.failures.tell(attempt, internal(error, stage=attempt.stage))
        return Settlement.ACK

    def _attempt(
        self, received: ReceivedMessage, span: Span, *, ticket: Ticket, leave: asyncio.Event
    ) -> Attempt:
        return Attempt(
            received=received,
            leave=leave,
            ticket=ticket,
            retry_wait=self._retry_wait(leave),
            span=span,
        )

    async def _carry(
        self, received: ReceivedMessage, *, ticket: Ticket, leave: asyncio.Event
    ) -> Settlement:
        message = received.message
        with self.dispatch.tracer.span(
            f"process {received.queue}",
            Role.CONSUMER,
            parent=message.headers.get(TRACEPARENT, ""),
        ) as span:
            if span.traceparent:
                span.note(processing(message, queue=received.queue))
            return await self._settle(self._attempt(received, span, ticket=ticket, leave=leave))

    async def _settle(self, attempt: Attempt) -> Settlement:
        """Deliver the message or report its failure. Raises `Stopping`."""
        while True:
            try:
                await self._deliver(attempt)
            except TransportError as error:
                if await self._waited_in_vain(attempt, error.problem):
                    await self.failures.tell(attempt, error.problem)
                    return Settlement.ACK
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

    async def _waited_in_vain(self, attempt: Attempt, problem: Problem) -> bool:
        """Wait before the next try. True: a file of this delivery was absent in too many tries."""
        if failure_class(problem) is FailureClass.NOT_THERE_YET:
            # The deliveries behind this one need not wait for its file.
            attempt.ticket.leave()
            attempt.unfetched += 1
            if attempt.unfetched >= FETCHES_IN_A_ROW:
                return True
        await attempt.retry_wait.wait(problem)
        return False

    async def _concerns_one(self, attempt: Attempt, problem: Problem) -> bool:
        """Whether the system answers in general, but not for this delivery.

        False: try again. Raises `Stopping` when the system is away: all messages stay in the queue.
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
        if attempt.received.delivery_count >= self.most_deliveries:
            attempt.stage = Stage.MAILBOX
            raise AxisError.of("E_DELIVERY_LIMIT")
        envelope = await self._examination.admit(attempt)
        attempt.stage = Stage.CLAIM
        await self._examination.judge(attempt, envelope)
        delivery, claimed = await self._claims.take(attempt, envelope)
        if claimed.standing is Standing.FRESH:
            receipts = await self._work(attempt, envelope, delivery)
        else:
            receipts = claimed.receipts
            if claimed.standing is Standing.DONE and not await self.inbox.offered([delivery]):
                # A crash before `forget` leaves the endpoint's record of the delivery behind. For
                # an offer that is not closed yet, `completion` calls `forget`.
                await self.endpoint.forget(delivery)
            self.observe(
                DuplicateAbsorbed(
                    mailbox=self.dispatch.mailbox,
                    kind=envelope.kind,
                    lane=envelope.lane,
                    envelope_id=envelope.envelope_id,
                    delivery_id=delivery,
                    trace=trace_id(attempt.span.traceparent),
                )
            )
        await self.answers.send(
            receipts,
            to=sender_of(envelope),
            retry_wait=attempt.retry_wait,
            trace=attempt.span.traceparent,
        )

    async def _work(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId
    ) -> tuple[SignedEnvelope, ...]:
        """Offer a new delivery and record the result; returns the receipts to send now."""
        try:
            file, offer = await self._hand_over.run(attempt, envelope, delivery)
            if offer is Offer.PENDING:
                await self._recording.pend(attempt, envelope, delivery, file=file)
                self.offered.set()
                return ()
            receipts = await self._recording.complete(attempt, envelope, delivery)
        except BaseException:
            await self._claims.release(attempt, delivery)
            raise
        await self.endpoint.forget(delivery)
        self.observe(self._recording.handed_over(attempt, envelope, delivery, file=file))
        return receipts

    def _retry_wait(self, leave: asyncio.Event) -> RetryWait:
        return RetryWait(
            mailbox=self.dispatch.mailbox,
            observe=self.observe,
            stop=leave,
            jitter=self.jitter,
        )
