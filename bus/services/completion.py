"""Completion: takes the answers of an agency's system to the deliveries that were offered to it.

The message of an offered delivery was acknowledged when the offer was recorded. So everything here
starts from the inbox and from the endpoint, which gives each answer again until it is told to
forget it. The order makes a crash at any point harmless:

    taken:   record done with the signed receipts → publish them → forget → close
    refused: publish the failure and the refusal → record refused → forget → close
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from bus.core.duplicates import Standing
from bus.core.events import DeliveryHandedOver, ItemSkipped, ServiceName
from bus.core.failure import Stage, internal
from bus.core.message import SignedEnvelope
from bus.core.trace import TRACEPARENT, trace_id
from bus.ports import Offered
from bus.services.courier import Courier
from bus.services.endpoint_changes import noticing, until_noticed
from bus.services.retry_wait import RetryWait, Stopping
from bus.services.waiting import Turns
from schemas.identifiers import DeliveryId
from schemas.problem import ConfigurationError, Problem, RecipientError, TransportError

SLOW_LOOK = timedelta(seconds=5)
"""How often the endpoint is asked while it owes an answer and reports no change."""

Result = TypeVar("Result")


@dataclass(kw_only=True)
class Completion:
    """Completes the deliveries that one courier has offered."""

    courier: Courier
    stop: asyncio.Event
    slow_look: timedelta = SLOW_LOOK
    _sent: set[DeliveryId] = field(default_factory=set, init=False)
    _unfinished: bool = field(default=True, init=False)
    _expects: bool = field(default=True, init=False)
    """Whether an answer is owed, or one that was given is not taken yet."""

    def __post_init__(self) -> None:
        self.mailbox = self.courier.dispatch.mailbox
        self.endpoint, self.inbox = self.courier.endpoint, self.courier.inbox
        self._observe = self.courier.observe

    async def run(self) -> None:
        """Take answers until `stop` is set."""
        turns = Turns()
        try:
            while not self.stop.is_set():
                await turns.next()
                self._expects |= self.courier.offered.is_set()
                self.courier.offered.clear()
                async with noticing(self.endpoint) as changed:
                    await self.look()
                    pause = self.slow_look if self._expects else None
                    await until_noticed(changed, self.stop, self.courier.offered, at_most=pause)
        except Stopping:
            return

    async def look(self) -> None:
        """Finish answers that a crash or an error interrupted, then take all new answers.

        Raises:
            Stopping: `stop` was set first; what is left is taken after the next start.
        """
        expected, self._expects = self._expects, True
        if self._unfinished:
            self._unfinished = False
            answered = await self._patiently(lambda: self.inbox.answered(self.mailbox))
            for offered in await self._offered(list(answered)):
                if offered.standing is not Standing.OFFERED:
                    await self._take(offered, None)
        try:
            answers = {answer.delivery_id: answer for answer in await self.endpoint.answers()}
        except RecipientError:
            # The system is away. `EndpointWatch` reports that; the next look asks again.
            return
        except Exception as error:  # noqa: BLE001 (an endpoint may be a stranger's)
            self._skip("answers", internal(error, stage=Stage.HAND_OVER))
            return
        if not answers:
            owed = await self._patiently(self.inbox.unanswered) if expected else {}
            self._expects = self.mailbox in owed
        # One that is not found was offered a moment ago, and is not recorded yet.
        found = {each.delivery.delivery_id: each for each in await self._offered(list(answers))}
        for delivery, answer in answers.items():
            if delivery in found:
                await self._take(found[delivery], answer.problem)

    async def _take(self, offered: Offered, refusal: Problem | None) -> None:
        """Take one answer. An error in it does not delay the other answers."""
        delivery = offered.delivery.delivery_id
        retry_wait = self._retry_wait()
        while True:
            try:
                await self._settle(offered, refusal)
            except Stopping:
                raise
            except TransportError as error:
                await retry_wait.wait(error.problem)
                for again in await self._offered([delivery]):
                    offered = again
                continue
            except RecipientError as error:
                self._leave(delivery, error.problem)
            except Exception as error:  # noqa: BLE001 (an endpoint may be a stranger's)
                self._leave(delivery, internal(error, stage=Stage.HAND_OVER))
            return

    async def _settle(self, offered: Offered, refusal: Problem | None) -> None:
        delivery = offered.delivery
        if offered.standing is Standing.OFFERED and refusal is not None:
            await self.courier.failures.tell_refused(
                delivery, _believed(refusal), retry_wait=self._retry_wait()
            )
            await self.inbox.refuse(delivery.delivery_id)
        elif offered.standing is Standing.OFFERED:
            receipts = await self.courier.answers.signed(delivery.receipts, to=delivery.answer_to)
            await self.inbox.finish(delivery.delivery_id, receipts, now=self.courier.clock())
            self._tell_completed(offered)
            await self._send(offered, receipts)
        elif offered.standing is Standing.DONE:
            await self._send(offered, offered.receipts)
        await self.endpoint.forget(delivery.delivery_id)
        await self.inbox.close(delivery.delivery_id)
        self._sent.discard(delivery.delivery_id)

    async def _send(self, offered: Offered, receipts: tuple[SignedEnvelope, ...]) -> None:
        delivery = offered.delivery
        if delivery.delivery_id in self._sent:
            return
        try:
            await self.courier.answers.send(
                receipts,
                to=delivery.answer_to,
                retry_wait=self._retry_wait(),
                trace=delivery.message.headers.get(TRACEPARENT, ""),
            )
        except ConfigurationError as error:
            # The mailbox of the sender is full. The receipts are kept, and other answers go on.
            self._skip(f"receipt of {delivery.message.message_id}", error.problem)
        self._sent.add(delivery.delivery_id)

    async def _offered(self, deliveries: list[DeliveryId]) -> Sequence[Offered]:
        if not deliveries:
            return ()
        return await self._patiently(lambda: self.inbox.offered(deliveries))

    async def _patiently(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """Repeat a request to the store until it answers. Raises `Stopping`."""
        retry_wait = self._retry_wait()
        while True:
            try:
                return await ask()
            except TransportError as error:
                await retry_wait.wait(error.problem)

    def _tell_completed(self, offered: Offered) -> None:
        delivery, now = offered.delivery, self.courier.clock()
        self._observe(
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

    def _leave(self, delivery: DeliveryId, problem: Problem) -> None:
        """Report an error; the next look tries this delivery again."""
        self._unfinished = True
        self._skip(delivery, problem)

    def _skip(self, item: str, problem: Problem) -> None:
        self._observe(ItemSkipped(service=ServiceName.COMPLETION, item=item, problem=problem))

    def _retry_wait(self) -> RetryWait:
        return RetryWait(
            mailbox=self.mailbox,
            observe=self._observe,
            stop=self.stop,
            jitter=self.courier.jitter,
        )


def _believed(refusal: Problem) -> Problem:
    """The refusal of the system; an internal error if an endpoint must not use its code.

    The sender is told nothing of an internal error (`adapters.contract.Endpoint`).
    """
    if refusal.code == "E_ENDPOINT_REFUSED":
        return refusal
    return internal(ValueError(refusal.code), stage=Stage.HAND_OVER)
