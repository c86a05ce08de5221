"""Inbound: consumes both lanes of a mailbox, except while the agency's system is away.

`courier` decides what is done with each delivery. While the system is away, the messages wait on
the broker and none is held here, because the broker takes back what a consumer holds for too long
(RabbitMQ manual, Delivery Acknowledgement Timeout).
"""

import asyncio
from dataclasses import dataclass, field

from bus.core.topology import queue_of
from bus.ports import Handler, ReceivedMessage, Settlement, Subscriber
from bus.services.courier import Courier
from bus.services.endpoint_watch import EndpointWatch
from bus.services.ordering import Ordering
from bus.services.retry_wait import Stopping
from bus.services.waiting import first_of
from schemas.codes import Lane
from schemas.identifiers import MailboxName

SUSPECT = 2
"""A message that was delivered so often without an answer may have crashed its consumer."""


@dataclass(kw_only=True)
class Inbound:
    """Receives the deliveries of one mailbox.

    Attributes:
        prefetch: Deliveries in work per lane; offers keep the order of the lane.
    """

    mailbox: MailboxName
    courier: Courier
    watch: EndpointWatch
    subscriber: Subscriber
    prefetch: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Consume both lanes until `stop` is set; then finish or return what is under way."""
        while not self.stop.is_set():
            leave = asyncio.Event()
            async with asyncio.TaskGroup() as work:
                for lane in Lane:
                    work.create_task(self._consume(queue_of(self.mailbox, lane), leave))
                await first_of(self.stop.wait(), self.watch.gone.wait())
                leave.set()
            await self.watch.until_back()

    async def _consume(self, queue: str, leave: asyncio.Event) -> None:
        """Consume one lane. Take one delivery at a time until one comes that crashed no worker.

        When a delivery crashes its worker, all unacknowledged deliveries return to the queue, and
        the broker counts a return for each of them. Taken alone, only it reaches the limit.
        """
        prefetch = 1
        while not leave.is_set():
            subscription = _Subscription(leave=leave)
            async with self.subscriber.subscribe(
                queue,
                self._handler(subscription, alone=prefetch < self.prefetch),
                prefetch=prefetch,
            ):
                try:
                    await first_of(subscription.harmless.wait(), leave.wait())
                finally:
                    subscription.over.set()
            prefetch = self.prefetch

    def _handler(self, subscription: "_Subscription", *, alone: bool) -> Handler:
        async def handle(received: ReceivedMessage) -> Settlement:
            # Nothing is awaited before this, so that tickets follow the order of the queue.
            with subscription.ordering.ticket() as ticket:
                try:
                    settlement = await self.courier.carry(
                        received, ticket=ticket, leave=subscription.leave
                    )
                except Stopping:
                    settlement = Settlement.REQUEUE
            if alone and received.delivery_count < SUSPECT:
                subscription.harmless.set()
            if settlement is Settlement.REQUEUE or subscription.harmless.is_set():
                # Settled only when the subscription has ended: otherwise the next delivery would
                # come at once, and would have to be returned behind those returned before it.
                await subscription.over.wait()
            return settlement

        return handle


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subscription:
    """One subscription to a lane.

    Attributes:
        harmless: Set when a delivery that was taken alone had crashed no worker.
        over: Set when nothing more is delivered; what is held is settled.
    """

    leave: asyncio.Event
    ordering: Ordering = field(default_factory=Ordering)
    harmless: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
