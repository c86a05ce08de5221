"""Inbound: consumes both lanes of a mailbox, and leaves it alone while its system is away.

What is done with each delivery is left to `courier`. While the agency's system is away, the mailbox
waits on the broker and nothing of it is held here: a broker takes back what a consumer holds for
too long (RabbitMQ manual, Delivery Acknowledgement Timeout).
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
"""Given out so often without an answer: perhaps whoever had it crashed."""


@dataclass(kw_only=True)
class Inbound:
    """The receiving side of one adapter.

    Attributes:
        prefetch: Deliveries in work per lane; hand-over keeps the order of the lane.
    """

    mailbox: MailboxName
    courier: Courier
    watch: EndpointWatch
    subscriber: Subscriber
    prefetch: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Consume both lanes until `stop` is set; deliveries under way are finished or returned."""
        while not self.stop.is_set():
            leave = asyncio.Event()
            async with asyncio.TaskGroup() as work:
                for lane in Lane:
                    work.create_task(self._consume(queue_of(self.mailbox, lane), leave))
                await first_of(self.stop.wait(), self.watch.gone.wait())
                leave.set()
            await self.watch.until_back()

    async def _consume(self, queue: str, leave: asyncio.Event) -> None:
        """Begin with one delivery at a time, until one comes that crashed nobody.

        A delivery that crashes its worker takes all those that were given out with it back to the
        queue, and all are counted. Taken alone, it meets the limit alone.
        """
        prefetch = 1
        while not leave.is_set():
            stretch = _Stretch(leave=leave)
            async with self.subscriber.subscribe(
                queue, self._handler(stretch, alone=prefetch < self.prefetch), prefetch=prefetch
            ):
                try:
                    await first_of(stretch.harmless.wait(), leave.wait())
                finally:
                    stretch.over.set()
            prefetch = self.prefetch

    def _handler(self, stretch: "_Stretch", *, alone: bool) -> Handler:
        async def handle(received: ReceivedMessage) -> Settlement:
            # Nothing is awaited before the ticket: tickets follow the order of the queue.
            with stretch.ordering.ticket() as ticket:
                try:
                    settlement = await self.courier.carry(
                        received, ticket=ticket, leave=stretch.leave
                    )
                except Stopping:
                    settlement = Settlement.REQUEUE
            if alone and received.delivery_count < SUSPECT:
                stretch.harmless.set()
            if settlement is Settlement.REQUEUE or stretch.harmless.is_set():
                # Settled only when nothing more is given out: what came now would have to be
                # returned, behind what was returned before.
                await stretch.over.wait()
            return settlement

        return handle


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stretch:
    """One subscription to a lane.

    Attributes:
        harmless: Taken alone, a delivery came that crashed nobody: there is no need to go on so.
        over: Nothing more is given out; what is held is settled.
    """

    leave: asyncio.Event
    ordering: Ordering = field(default_factory=Ordering)
    harmless: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
