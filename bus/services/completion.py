"""Completion: takes the answers of an agency's system to the deliveries that were offered to it.

The message of an offered delivery was acknowledged when the offer was recorded. So whatever happens
here starts from the inbox and from the endpoint, which gives each answer again until it is told to
forget. The order makes a crash at any point harmless:

    taken:   record done with the signed receipts → publish them → forget → close
    refused: publish the failure and the refusal → record refused → forget → close
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.contract import Answer, Endpoint
from bus.core.duplicates import Standing
from bus.core.events import DeliveryHandedOver, ItemSkipped, ServiceName
from bus.core.failure import Stage, internal
from bus.core.message import SignedEnvelope
from bus.core.trace import TRACEPARENT, trace_id
from bus.ports import Clock, Inbox, Jitter, Observer, Offered
from bus.services.answers import Answers
from bus.services.courier import Courier
from bus.services.endpoint_changes import noticing, until_noticed
from bus.services.failures import Failures
from bus.services.retry_wait import RetryWait, Stopping
from bus.services.waiting import Turns
from schemas.identifiers import DeliveryId, MailboxName
from schemas.problem import ConfigurationError, Problem, RecipientError, TransportError

SLOW_LOOK = timedelta(seconds=5)
"""So often the endpoint is asked, also when it tells of no change."""


@dataclass(kw_only=True)
class Completion:
    """Completes the offered deliveries of one mailbox.

    Attributes:
        offered: Set when a delivery was recorded as offered: its answer may be there already.
    """

    mailbox: MailboxName
    endpoint: Endpoint
    inbox: Inbox
    answers: Answers
    failures: Failures
    clock: Clock
    jitter: Jitter
    observe: Observer
    offered: asyncio.Event
    stop: asyncio.Event
    slow_look: timedelta = SLOW_LOOK
    _sent: set[DeliveryId] = field(default_factory=set, init=False)

    @classmethod
    def of(cls, courier: Courier, *, stop: asyncio.Event) -> "Completion":
        """What completes the deliveries that a courier offers."""
        return cls(
            mailbox=courier.dispatch.mailbox,
            endpoint=courier.endpoint,
            inbox=courier.inbox,
            answers=courier.answers,
            failures=courier.failures,
            clock=courier.clock,
            jitter=courier.jitter,
            observe=courier.observe,
            offered=courier.offered,
            stop=stop,
        )

    async def run(self) -> None:
        """Take answers until `stop` is set. What a crash left half done is finished first."""
        try:
            await self._finish_what_was_begun()
            turns = Turns()
            while not self.stop.is_set():
                await turns.next()
                self.offered.clear()
                async with noticing(self.endpoint) as changed:
                    await self.look()
                    await until_noticed(changed, self.stop, self.offered, at_most=self.slow_look)
        except Stopping:
            return

    async def look(self) -> None:
        """Take every answer that there is now.

        Raises:
            Stopping: `stop` was set first; what is left is taken after the next start.
        """
        try:
            answers = await self.endpoint.answers()
        except RecipientError:
            # The system is away. `EndpointWatch` tells that; the next look asks again.
            return
        except Exception as error:  # noqa: BLE001 (an endpoint may be a stranger's)
            self._skip("answers", internal(error, stage=Stage.HAND_OVER))
            return
        if not answers:
            return
        kept = {
            each.delivery.delivery_id: each
            for each in await self._patiently_offered([each.delivery_id for each in answers])
        }
        for answer in answers:
            # One that is not kept was offered a moment ago, and is not recorded yet.
            if answer.delivery_id in kept:
                await self._take(answer, kept[answer.delivery_id])

    async def _take(self, answer: Answer, offered: Offered) -> None:
        """Take one answer; whatever is wrong with it holds up no other."""
        try:
            while True:
                try:
                    await self._settle(answer, offered)
                except TransportError as error:
                    await self._retry_wait().wait(error.problem)
                    for again in await self._patiently_offered([answer.delivery_id]):
                        offered = again
                else:
                    return
        except Stopping:
            raise
        except Exception as error:  # noqa: BLE001 (the answer is given again)
            self._skip(answer.delivery_id, internal(error, stage=Stage.HAND_OVER))

    async def _settle(self, answer: Answer, offered: Offered) -> None:
        if offered.standing is Standing.OFFERED and answer.problem is not None:
            await self.failures.tell_refused(
                offered.delivery, _believed(answer.problem), retry_wait=self._retry_wait()
            )
            await self.inbox.refuse(answer.delivery_id)
        elif offered.standing is Standing.OFFERED:
            delivery = offered.delivery
            receipts = await self.answers.signed(delivery.receipts, to=delivery.answer_to)
            await self.inbox.finish(answer.delivery_id, receipts, now=self.clock())
            self._tell_completed(offered)
            await self._send(offered, receipts)
        elif offered.standing is Standing.DONE:
            await self._send(offered, offered.receipts)
        await self._close(answer.delivery_id)

    async def _send(self, offered: Offered, receipts: tuple[SignedEnvelope, ...]) -> None:
        delivery = offered.delivery
        if delivery.delivery_id in self._sent:
            return
        try:
            await self.answers.send(
                receipts,
                to=delivery.answer_to,
                retry_wait=self._retry_wait(),
                trace=delivery.message.headers.get(TRACEPARENT, ""),
            )
        except ConfigurationError as error:
            # Its sender takes nothing: that must not hold up the others. The receipts are kept.
            self._skip(f"receipt of {delivery.message.message_id}", error.problem)
        self._sent.add(delivery.delivery_id)

    async def _close(self, delivery: DeliveryId) -> None:
        await self.endpoint.forget(delivery)
        await self.inbox.close(delivery)
        self._sent.discard(delivery)

    async def _finish_what_was_begun(self) -> None:
        """Close what was refused before a crash; receipts of what is done may not be sent yet."""
        retry_wait = self._retry_wait()
        while True:
            try:
                begun = await self.inbox.offered(list(await self.inbox.answered(self.mailbox)))
                for each in begun:
                    if each.standing is Standing.DONE:
                        await self._send(each, each.receipts)
                    await self._close(each.delivery.delivery_id)
            except Stopping:
                raise
            except TransportError as error:
                await retry_wait.wait(error.problem)
            except Exception as error:  # noqa: BLE001 (an endpoint may be a stranger's)
                await retry_wait.wait(internal(error, stage=Stage.HAND_OVER))
            else:
                return

    async def _patiently_offered(self, deliveries: list[DeliveryId]) -> list[Offered]:
        retry_wait = self._retry_wait()
        while True:
            try:
                return list(await self.inbox.offered(deliveries))
            except TransportError as error:
                await retry_wait.wait(error.problem)

    def _tell_completed(self, offered: Offered) -> None:
        delivery, now = offered.delivery, self.clock()
        self.observe(
            DeliveryHandedOver(
                mailbox=self.mailbox,
                kind=delivery.kind,
                lane=delivery.lane,
                envelope_id=delivery.envelope_id,
                delivery_id=delivery.delivery_id,
                sender=delivery.answer_to.agency,
                file=delivery.file,
                status=delivery.status,
                age=now - delivery.sent_at,
                took=now - delivery.offered_at,
                warnings=delivery.warnings,
                trace=trace_id(delivery.message.headers.get(TRACEPARENT, "")),
            )
        )

    def _skip(self, item: str, problem: Problem) -> None:
        self.observe(ItemSkipped(service=ServiceName.COMPLETION, item=item, problem=problem))

    def _retry_wait(self) -> RetryWait:
        return RetryWait(
            mailbox=self.mailbox, observe=self.observe, stop=self.stop, jitter=self.jitter
        )


def _believed(problem: Problem) -> Problem:
    """A refusal as the system gave it; a code that an answer must not bear is the endpoint's fault.

    Its sender is told nothing of such an answer (`adapters.contract.Endpoint`).
    """
    if problem.code == "E_ENDPOINT_REFUSED":
        return problem
    return internal(ValueError(problem.code), stage=Stage.HAND_OVER)
