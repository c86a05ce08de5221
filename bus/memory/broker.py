"""The broker in memory: quorum queues as RabbitMQ keeps them. Nothing survives the process."""

import asyncio
from bisect import insort
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import assert_never

from bus.core.message import WireMessage
from bus.core.topology import DOCUMENTS, PROBE, Policy, Topology
from bus.ports import BrokerHealth, Handler, PublishOutcome, ReceivedMessage, Settlement
from schemas.envelope import MAX_BODY_BYTES
from schemas.problem import AxisError


class MemoryBroker:
    """Every promise of the broker port but durability.

    Args:
        topology: What the virtual host holds.
        accounts: The accounts this connection may publish as; None: any.
    """

    def __init__(self, topology: Topology, *, accounts: frozenset[str] | None = None) -> None:
        self._topology = topology
        self._accounts = accounts
        self._queues: defaultdict[str, _Queue] = defaultdict(_Queue)
        self._positions = count()
        self._health = BrokerHealth.READY
        self._ready = asyncio.Event()
        self._ready.set()

    @property
    def health(self) -> BrokerHealth:
        """Whether a publish has a chance now."""
        return self._health

    def become(self, health: BrokerHealth) -> None:
        """Go away, raise an alarm or be well again, as a real broker does of its own accord.

        Going away returns everything unsettled to its queue, counted; blocked, the broker still
        delivers.
        """
        self._health = health
        if health is BrokerHealth.READY:
            self._ready.set()
        else:
            self._ready.clear()
        for name, queue in list(self._queues.items()):
            if health is BrokerHealth.AWAY:
                for consumer in queue.consumers:
                    for lost in list(consumer.unsettled.values()):
                        self._settle(name, consumer, lost, Settlement.REJECT)
            self._deliver(name)

    def provision(self, topology: Topology) -> None:
        """Hold this topology from now on. A queue that is not in it is gone, with its messages."""
        self._topology = topology
        held = {queue.name for queue in topology.queues}
        for name, queue in self._queues.items():
            if name not in held:
                queue.clear()

    def waiting(self, queue: str) -> tuple[WireMessage, ...]:
        """What lies in a queue and is in nobody's hands, in order."""
        return tuple(stored.message for stored in self._queues[queue].ready)

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """Route a message at once, or as soon as the broker is there for it."""
        size = len(message.body)
        if size > MAX_BODY_BYTES and message.exchange == DOCUMENTS:
            raise AxisError.of("E_TOO_LARGE", size=size, limit=MAX_BODY_BYTES)
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                # A confirm is always waited for: who publishes in a loop lets others run.
                await asyncio.sleep(0)
                await self._ready.wait()
        except TimeoutError:
            return PublishOutcome.UNKNOWN
        return self._accept(message)

    @asynccontextmanager
    async def subscribe(
        self, queue: str, handler: Handler, *, prefetch: int
    ) -> AsyncIterator[None]:
        """Hand a queue's messages to the handler until the exit."""
        consumer = _Consumer(handler=handler, prefetch=prefetch)
        consumers = self._queues[queue].consumers
        consumers.append(consumer)
        self._deliver(queue)
        try:
            yield
        finally:
            consumers.remove(consumer)
            if consumer.running:
                await asyncio.wait(consumer.running)

    def _accept(self, message: WireMessage) -> PublishOutcome:
        if self._accounts is not None and message.user_id not in {None, *self._accounts}:
            return PublishOutcome.REFUSED
        if message.exchange not in {exchange.name for exchange in self._topology.exchanges}:
            return PublishOutcome.REFUSED
        queues = self._topology.route(message.exchange, message.routing_key)
        if not queues:
            return PublishOutcome.RETURNED
        full = {name for name in queues if self._is_full(name)}
        for name in queues:
            if name not in full:
                self._store(name, message)
        # One full queue among several refuses the publish; the others have it all the same.
        return PublishOutcome.REFUSED if full else PublishOutcome.CONFIRMED

    def _is_full(self, name: str) -> bool:
        limit = _limit(self._topology.policy_of(name), "max-length-bytes")
        return limit is not None and self._queues[name].ready_bytes >= limit

    def _store(self, name: str, message: WireMessage) -> None:
        stored = _Stored(position=next(self._positions), message=message)
        self._queues[name].put(stored)
        self._deliver(name)

    def _deliver(self, name: str) -> None:
        """Give out what lies in a queue, in order, as far as its consumers have room."""
        queue = self._queues[name]
        while queue.ready and self._health is not BrokerHealth.AWAY:
            consumer = min(queue.consumers, key=_Consumer.load, default=None)
            if consumer is None or consumer.load() >= consumer.prefetch:
                return
            stored = queue.take()
            if stored.message.type == PROBE:
                continue
            consumer.unsettled[stored.position] = stored
            task = asyncio.create_task(self._handle(name, consumer, stored))
            consumer.running.add(task)
            task.add_done_callback(partial(self._release, name, consumer))

    async def _handle(self, name: str, consumer: "_Consumer", stored: "_Stored") -> None:
        received = ReceivedMessage(
            queue=name,
            message=stored.message,
            redelivered=stored.redelivered,
            delivery_count=stored.delivery_count,
        )
        try:
            settlement = await consumer.handler(received)
        except Exception:  # noqa: BLE001 (the port: a handler that raises settles as REJECT)
            settlement = Settlement.REJECT
        self._settle(name, consumer, stored, settlement)

    def _release(self, name: str, consumer: "_Consumer", task: asyncio.Task[None]) -> None:
        consumer.running.discard(task)
        self._deliver(name)

    def _settle(
        self, name: str, consumer: "_Consumer", stored: "_Stored", settlement: Settlement
    ) -> None:
        if consumer.unsettled.get(stored.position) is not stored:
            # Settled on a connection that is gone: void.
            return
        del consumer.unsettled[stored.position]
        match settlement:
            case Settlement.ACK:
                return
            case Settlement.REQUEUE:
                counted = stored.delivery_count
            case Settlement.REJECT:
                counted = stored.delivery_count + 1
            case _ as never:
                assert_never(never)
        # To its old place: a return overtakes what came later, as in a quorum queue.
        self._queues[name].put(replace(stored, delivery_count=counted, redelivered=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stored:
    """A message in a queue. `position` decides its place for ever."""

    position: int
    message: WireMessage
    delivery_count: int = 0
    redelivered: bool = False


@dataclass(kw_only=True, eq=False)
class _Consumer:
    handler: Handler
    prefetch: int
    unsettled: dict[int, _Stored] = field(default_factory=dict)
    running: set[asyncio.Task[None]] = field(default_factory=set)

    def load(self) -> int:
        """How many handlers are at work, also for connections that are gone."""
        return len(self.running)


@dataclass(kw_only=True)
class _Queue:
    ready: deque[_Stored] = field(default_factory=deque)
    ready_bytes: int = 0
    consumers: list[_Consumer] = field(default_factory=list)

    def put(self, stored: _Stored) -> None:
        """Lay a message in its place."""
        insort(self.ready, stored, key=lambda other: other.position)
        self.ready_bytes += len(stored.message.body)

    def take(self) -> _Stored:
        """Take the first message out."""
        stored = self.ready.popleft()
        self.ready_bytes -= len(stored.message.body)
        return stored

    def clear(self) -> None:
        """Lose everything, also what is in work."""
        self.ready.clear()
        self.ready_bytes = 0
        for consumer in self.consumers:
            consumer.unsettled.clear()


def _limit(policy: Policy | None, setting: str) -> int | None:
    """A numeric setting of the policy in force."""
    value = policy.definition.get(setting) if policy else None
    return value if isinstance(value, int) else None
