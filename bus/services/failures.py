"""Failures: reports a failed delivery to the dead-letter handler, and in some cases to its sender.

The delivery may be acknowledged only when the broker has confirmed the report.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bus.core.admission import addressed
from bus.core.events import DeliveryFailed, ForgeryRefused, ItemSkipped, ServiceName
from bus.core.failure import REFUSED_TO_SENDER, Stage, fail, failure_class
from bus.core.identity import delivery_id
from bus.core.life_cycle import DeliveryEvent
from bus.core.message import SignedEnvelope, WireMessage
from bus.core.offered import OfferedDelivery, UnsignedReceipt
from bus.core.routing import Routing
from bus.core.topology import account_of
from bus.core.trace import TRACEPARENT, trace_id
from bus.ports import Clock, NewId, Observer, PublishOutcome
from bus.services.answers import Answers, sender_of
from bus.services.attempt import Attempt
from bus.services.dispatch import Dispatch
from bus.services.retry_wait import RetryWait
from schemas.envelope import Recipient
from schemas.errors import FailureClass
from schemas.problem import ConfigurationError, Problem, TransportError


@dataclass(kw_only=True)
class Failures:
    """Reports the failed deliveries of one mailbox."""

    dispatch: Dispatch
    answers: Answers
    routing: Callable[[], Routing]
    clock: Clock
    new_id: NewId
    observe: Observer

    async def tell(self, attempt: Attempt, problem: Problem) -> None:
        """Publish the failure; send a signed refusal where only the sender can correct it.

        Raises:
            Stopping: Before the end. A failure that is reported twice is counted once.
        """
        attempt.span.failed(problem.code)
        message, retry_wait = _continued(attempt), attempt.retry_wait
        await self._publish(message, problem, stage=attempt.stage, retry_wait=retry_wait)
        attempt.advance(DeliveryEvent.FAIL)
        self._observe(attempt, problem)
        envelope = attempt.envelope
        if envelope is not None and failure_class(problem) in REFUSED_TO_SENDER:
            recipients = addressed(
                envelope, self.dispatch.mailbox, self.routing(), now=self.clock()
            )
            await self._refuse(
                self.answers.unsigned(envelope, recipients),
                problem,
                to=sender_of(envelope),
                message=message,
                retry_wait=retry_wait,
            )

    async def tell_refused(
        self, offered: OfferedDelivery, problem: Problem, *, retry_wait: RetryWait
    ) -> None:
        """Report that the recipient's system has refused an offer that it had accepted before.

        Raises:
            Stopping: Before the end. A failure that is reported twice is counted once.
        """
        message = offered.message
        await self._publish(message, problem, stage=Stage.HAND_OVER, retry_wait=retry_wait)
        self.observe(
            DeliveryFailed(
                mailbox=offered.mailbox,
                stage=Stage.HAND_OVER,
                problem=problem,
                message_id=message.message_id,
                kind=offered.kind,
                lane=offered.lane,
                envelope_id=offered.envelope_id,
                delivery_id=offered.delivery_id,
                trace=trace_id(message.headers.get(TRACEPARENT, "")),
            )
        )
        if failure_class(problem) in REFUSED_TO_SENDER:
            await self._refuse(
                offered.receipts,
                problem,
                to=offered.answer_to,
                message=message,
                retry_wait=retry_wait,
            )

    async def _publish(
        self, message: WireMessage, problem: Problem, *, stage: Stage, retry_wait: RetryWait
    ) -> None:
        mailbox = self.dispatch.mailbox
        while True:
            failed = fail(
                message,
                problem=problem,
                stage=stage,
                mailbox=mailbox,
                message_id=self.new_id(),
                user_id=self.dispatch.reports_as or account_of(mailbox),
                now=self.clock(),
            )
            outcome = await self.dispatch.publisher.publish(failed, deadline=self.dispatch.deadline)
            if outcome is PublishOutcome.CONFIRMED:
                return
            # If the exchange `failures` is missing, wait for the operator, and lose nothing.
            await retry_wait.wait(Problem(code="E_PUBLISH_UNKNOWN", detail=outcome))

    def _observe(self, attempt: Attempt, problem: Problem) -> None:
        mailbox, message, envelope = (
            self.dispatch.mailbox,
            attempt.received.message,
            attempt.envelope,
        )
        self.observe(
            DeliveryFailed(
                mailbox=mailbox,
                stage=attempt.stage,
                problem=problem,
                message_id=message.message_id,
                kind=envelope.kind if envelope else None,
                lane=envelope.lane if envelope else None,
                envelope_id=envelope.envelope_id if envelope else None,
                delivery_id=delivery_id(envelope.envelope_id, mailbox) if envelope else None,
                trace=trace_id(attempt.span.traceparent),
            )
        )
        if failure_class(problem) is FailureClass.SECURITY:
            self.observe(
                ForgeryRefused(
                    mailbox=mailbox,
                    problem=problem,
                    account=message.user_id,
                    routing_key=message.routing_key,
                    message_id=message.message_id,
                )
            )

    async def _refuse(
        self,
        receipts: Sequence[UnsignedReceipt],
        problem: Problem,
        *,
        to: Recipient,
        message: WireMessage,
        retry_wait: RetryWait,
    ) -> None:
        """Send signed refusals, if there is a usable key. Raises `Stopping`."""
        refusals = await self._signed(receipts, problem, to=to, retry_wait=retry_wait)
        trace = message.headers.get(TRACEPARENT, "")
        try:
            await self.answers.send(refusals, to=to, retry_wait=retry_wait, trace=trace)
        except ConfigurationError as error:
            # The mailbox of the sender is full. Others must not wait; the failure is recorded.
            self.observe(
                ItemSkipped(
                    service=ServiceName.INBOUND,
                    item=f"refusal of {message.message_id}",
                    problem=error.problem,
                )
            )

    async def _signed(
        self,
        receipts: Sequence[UnsignedReceipt],
        problem: Problem,
        *,
        to: Recipient,
        retry_wait: RetryWait,
    ) -> tuple[SignedEnvelope, ...]:
        while True:
            try:
                return await self.answers.signed(receipts, to=to, problem=problem)
            except TransportError as error:
                await retry_wait.wait(error.problem)


def _continued(attempt: Attempt) -> WireMessage:
    """The failed message, with headers that continue the trace of this attempt."""
    message, traceparent = attempt.received.message, attempt.span.traceparent
    if not traceparent:
        return message
    return replace(message, headers={**message.headers, TRACEPARENT: traceparent})
