"""Recording: writes to the stores that an agency's system has taken a delivery, or will answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bus.core.admission import addressed
from bus.core.events import DeliveryHandedOver
from bus.core.life_cycle import DeliveryEvent
from bus.core.message import SignedEnvelope
from bus.core.offered import OfferedDelivery, UnsignedReceipt
from bus.core.record import record_of
from bus.core.routing import Routing
from bus.core.trace import TRACEPARENT, trace_id, traced
from bus.ports import Clock, Inbox, Records
from bus.services.answers import Answers, sender_of
from bus.services.attempt import Attempt
from schemas.envelope import Envelope
from schemas.identifiers import DeliveryId, MailboxName


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """Records the deliveries of one mailbox."""

    mailbox: MailboxName
    answers: Answers
    inbox: Inbox
    records: Records
    routing: Callable[[], Routing]
    clock: Clock

    async def complete(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId
    ) -> tuple[SignedEnvelope, ...]:
        """Record the document, and the delivery as done with its receipts; returns these."""
        unsigned = self._receipts(envelope)
        receipts = await self.answers.signed(unsigned, to=sender_of(envelope))
        await self._record_document(attempt, envelope)
        await self.inbox.finish(delivery, receipts, now=self.clock())
        attempt.advance(DeliveryEvent.COMPLETE)
        return receipts

    async def pend(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId, *, file: str
    ) -> None:
        """Record the document, and the delivery as offered: its system answers later."""
        await self._record_document(attempt, envelope)
        message = attempt.received.message
        if attempt.span.traceparent:
            message = replace(message, headers={TRACEPARENT: attempt.span.traceparent})
        await self.inbox.offer(
            OfferedDelivery(
                delivery_id=delivery,
                envelope_id=envelope.envelope_id,
                mailbox=self.mailbox,
                kind=envelope.kind,
                lane=envelope.lane,
                answer_to=sender_of(envelope),
                sent_at=envelope.sent_at,
                offered_at=self.clock(),
                file=file,
                status=envelope.receipt.report.code if envelope.receipt else None,
                warnings=attempt.warned,
                receipts=self._receipts(envelope),
                message=replace(message, headers=traced(message)),
            )
        )
        attempt.advance(DeliveryEvent.PEND)

    def _receipts(self, envelope: Envelope) -> tuple[UnsignedReceipt, ...]:
        now = self.clock()
        recipients = addressed(envelope, self.mailbox, self.routing(), now=now)
        return self.answers.unsigned(envelope, recipients)

    async def _record_document(self, attempt: Attempt, envelope: Envelope) -> None:
        if envelope.document is not None:
            now = self.clock()
            await self.records.record(
                record_of(envelope, envelope.document, now=now, sealed=attempt.is_sealed)
            )

    def handed_over(
        self, attempt: Attempt, envelope: Envelope, delivery: DeliveryId, *, file: str
    ) -> DeliveryHandedOver:
        """The event of a delivery that is complete."""
        now = self.clock()
        return DeliveryHandedOver(
            mailbox=self.mailbox,
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
            trace=trace_id(attempt.span.traceparent),
        )
