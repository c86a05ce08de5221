"""Inbound: a delivery is proven, judged, handed over once, answered and only then acknowledged.

Verify → parse → claim → write format → hand over → record done → publish receipts → acknowledge.
What fails is published to `failures`, confirmed, and then acknowledged. Nothing else is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import assert_never

from adapters.contract import Endpoint, Format, Parcel, ParcelKind
from bus.core.admission import admit, prove
from bus.core.events import DeliveryFailed, DeliveryHandedOver, DuplicateAbsorbed
from bus.core.failure import Stage, fail, internal
from bus.core.handover import arrivals, original_for, parcel_name
from bus.core.identity import delivery_id
from bus.core.keyring import KeyRing
from bus.core.parties import judge_report, judge_targets
from bus.core.record import record_of
from bus.core.routing import Routing
from bus.core.stream import chunks_of
from bus.core.topology import account_of, queue_of
from bus.core.wire import identity_of, receipt_envelope
from bus.ports import (
    AttachmentStore,
    Claim,
    Clock,
    Handler,
    Inbox,
    Jitter,
    NewId,
    Observer,
    PublishOutcome,
    ReceivedMessage,
    Records,
    Settlement,
    SignedEnvelope,
    Standing,
    Subscriber,
)
from bus.services.dispatch import Dispatch
from bus.services.patience import Patience, Stopping
from bus.services.register import meant_by, targeted_by
from bus.services.turnstile import Ticket, Turnstile
from schemas.codes import EnvelopeKind, Lane
from schemas.envelope import Envelope, Recipient
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, Problem, TransportError
from schemas.reading import Source

LEASE = timedelta(minutes=5)


@dataclass(kw_only=True)
class _Attempt:
    """One delivery under work, and how far it came."""

    received: ReceivedMessage
    ticket: Ticket
    patience: Patience
    stage: Stage = Stage.VERIFY


@dataclass(kw_only=True)
class Inbound:
    """The receiving side of one adapter.

    Attributes:
        format: What this agency's system reads.
        prefetch: Deliveries in work per lane; hand-over keeps the order of the lane.
    """

    endpoint: Endpoint
    format: Format
    keys: Callable[[], KeyRing]
    routing: Callable[[], Routing]
    attachments: AttachmentStore
    inbox: Inbox
    records: Records
    subscriber: Subscriber
    dispatch: Dispatch
    clock: Clock
    new_id: NewId
    jitter: Jitter
    observe: Observer
    prefetch: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """Consume both lanes until the exit; deliveries under way are finished or returned."""
        async with AsyncExitStack() as stack:
            for lane in Lane:
                turnstile = Turnstile()
                handler = self._handler(turnstile)
                queue = queue_of(self.dispatch.mailbox, lane)
                await stack.enter_async_context(
                    self.subscriber.subscribe(queue, handler, prefetch=self.prefetch)
                )
            # Set first on the way out, so that waits under way end and the handlers come home.
            stack.callback(self.stop.set)
            yield

    def _handler(self, turnstile: Turnstile) -> Handler:
        async def handle(received: ReceivedMessage) -> Settlement:
            # Nothing is awaited before the ticket: tickets follow the order of the queue.
            with turnstile.ticket() as ticket:
                attempt = _Attempt(received=received, ticket=ticket, patience=self._patience())
                try:
                    return await self._settle(attempt)
                except Stopping:
                    return Settlement.REQUEUE

        return handle

    async def _settle(self, attempt: _Attempt) -> Settlement:
        """Deliver, or fail safely. Raises `Stopping` with nothing acknowledged."""
        while True:
            try:
                await self._deliver(attempt)
            except TransportError as error:
                await attempt.patience.wait(error.problem)
            except AxisError as error:
                return await self._fail(attempt, error.problem)
            except Stopping:
                raise
            except Exception as error:  # noqa: BLE001 (a bug parks one delivery, not all)
                return await self._fail(attempt, internal(error, stage=attempt.stage))
            else:
                return Settlement.ACK

    async def _deliver(self, attempt: _Attempt) -> None:
        message, now = attempt.received.message, self.clock()
        verified = prove(message, keys=self.keys(), now=now)
        attempt.stage = Stage.OPEN
        envelope = admit(
            verified, message, mailbox=self.dispatch.mailbox, routing=self.routing(), now=now
        )
        attempt.stage = Stage.CLAIM
        if envelope.receipt is not None:
            judge_report(
                envelope.receipt.report,
                sender=envelope.sender,
                addressee=envelope.recipients[0].agency,
                known=await meant_by(envelope.receipt.report, self.records),
            )
        if envelope.document is not None:
            known = await targeted_by(envelope.document, self.records)
            judge_targets(envelope.document, sender=envelope.sender, known=known)
        claim = self._claim(envelope)
        receipts = await self._standing(claim, attempt.patience)
        if receipts is None:
            receipts = await self._work(attempt, envelope, claim.delivery_id)
        else:
            # A crash between the record and this leaves the mark behind.
            await self.endpoint.forget(claim.delivery_id)
            self.observe(
                DuplicateAbsorbed(
                    mailbox=self.dispatch.mailbox,
                    envelope_id=envelope.envelope_id,
                    delivery_id=claim.delivery_id,
                )
            )
        await self._answer(envelope, receipts, attempt.patience)

    async def _standing(
        self, claim: Claim, patience: Patience
    ) -> tuple[SignedEnvelope, ...] | None:
        """Take the delivery on: None; or the receipts of its first hand-over, when it is done."""
        while True:
            claimed = await self.inbox.claim(claim, now=self.clock())
            match claimed.standing:
                case Standing.FRESH:
                    return None
                case Standing.DONE:
                    return claimed.receipts
                case Standing.CONFLICT:
                    raise AxisError.of("E_CONFLICT", document_id=claim.envelope_id)
                case Standing.IN_PROGRESS:
                    await patience.wait(Problem(code="E_IN_PROGRESS"))
                case _ as never:
                    assert_never(never)

    async def _work(
        self, attempt: _Attempt, envelope: Envelope, delivery: DeliveryId
    ) -> tuple[SignedEnvelope, ...]:
        """Hand a fresh delivery over, and record it done with its receipts."""
        try:
            file = await self._hand_over(attempt, envelope, delivery)
            receipts = self._receipts(envelope)
            if envelope.document is not None:
                await self.records.record(record_of(envelope, envelope.document, now=self.clock()))
            await self.inbox.finish(delivery, receipts, now=self.clock())
        except BaseException:
            # Where even this fails, the lease runs out by itself.
            with suppress(TransportError):
                await self.inbox.release(delivery)
            raise
        await self.endpoint.forget(delivery)
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
                age=self.clock() - envelope.sent_at,
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

    async def _hand_over(self, attempt: _Attempt, envelope: Envelope, delivery: DeliveryId) -> str:
        parcel = Parcel(
            delivery_id=delivery,
            kind=ParcelKind.STATUS if envelope.document is None else ParcelKind.DOCUMENT,
            name=parcel_name(envelope, delivery, self.format.suffix),
            chunks=self._chunks(envelope),
        )
        await attempt.ticket.turn()
        attempt.stage = Stage.HAND_OVER
        await self.endpoint.hand_over(parcel)
        return parcel.name

    def _chunks(self, envelope: Envelope) -> Iterable[bytes]:
        """What the recipient's system gets: the original where it proves something, else anew."""
        original = original_for(envelope, self.format.name)
        if original is not None:
            return self._copy(original)
        return self.format.write(
            envelope.message, attachments=self.attachments, written_at=envelope.sent_at
        )

    def _copy(self, original: Source) -> Iterator[bytes]:
        with self.attachments.open(original.sha256) as file:
            yield from chunks_of(file)

    def _receipts(self, envelope: Envelope) -> tuple[SignedEnvelope, ...]:
        """Sign the receipts `01`; receipts themselves are not answered."""
        if envelope.document is None:
            return ()
        mailbox, now = self.dispatch.mailbox, self.clock()
        return tuple(
            self.dispatch.seal(
                receipt_envelope(
                    receipt,
                    sender=addressed.agency,
                    sender_mailbox=mailbox,
                    recipient=_sender_of(envelope),
                    sent_at=now,
                )
            )
            for addressed, receipt in arrivals(
                envelope, envelope.document, mailbox=mailbox, now=now
            )
        )

    async def _answer(
        self, envelope: Envelope, receipts: tuple[SignedEnvelope, ...], patience: Patience
    ) -> None:
        for receipt in receipts:
            await self.dispatch.send(
                receipt,
                kind=EnvelopeKind.RECEIPT,
                lane=Lane.EXPRESS,
                recipients=(_sender_of(envelope),),
                patience=patience,
            )

    async def _fail(self, attempt: _Attempt, problem: Problem) -> Settlement:
        """Publish the failure, confirmed, and acknowledge. Raises `Stopping`, unacknowledged."""
        mailbox = self.dispatch.mailbox
        while True:
            failed = fail(
                attempt.received.message,
                problem=problem,
                stage=attempt.stage,
                mailbox=mailbox,
                message_id=self.new_id(),
                user_id=account_of(mailbox),
                now=self.clock(),
            )
            outcome = await self.dispatch.publisher.publish(failed, deadline=self.dispatch.deadline)
            if outcome is PublishOutcome.CONFIRMED:
                break
            # Even a missing `failures` exchange must not cost a delivery: wait for the operator.
            await attempt.patience.wait(Problem(code="E_PUBLISH_UNKNOWN", detail=outcome))
        self.observe(
            DeliveryFailed(
                mailbox=mailbox,
                stage=attempt.stage,
                problem=problem,
                message_id=attempt.received.message.message_id,
            )
        )
        return Settlement.ACK

    def _patience(self) -> Patience:
        return Patience(
            mailbox=self.dispatch.mailbox, observe=self.observe, stop=self.stop, jitter=self.jitter
        )


def _sender_of(envelope: Envelope) -> Recipient:
    """Where the answers to an envelope go."""
    return Recipient(agency=envelope.sender, mailbox=envelope.sender_mailbox)
