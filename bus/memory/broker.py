"""MemoryBroker: the broker port in memory, over the same topology, for tests and trials.

Held to the same contract tests as RabbitMQ. Nothing survives the process.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import assert_never

import structlog

from bus.core.topology import Topology
from bus.ports import (
    BrokerHealth,
    Handler,
    PublishOutcome,
    ReceivedMessage,
    Settlement,
    WireMessage,
)
from schemas.envelope import MAX_BODY_BYTES
from schemas.problem import DocumentError

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lying:
    """A message in a queue."""

    message: WireMessage
    redelivered: bool = False
    delivery_count: int = 0


@dataclass(eq=False, kw_only=True, slots=True)
class _Consumer:
    handler: Handler
    prefetch: int
    working: set[asyncio.Task[None]] = field(default_factory=set)


@dataclass(kw_only=True, slots=True)
class _Queue:
    name: str
    limits: dict[str, str | int]
    lying: deque[_Lying] = field(default_factory=deque)
    consumers: deque[_Consumer] = field(default_factory=deque)

    def number(self, setting: str) -> int | None:
        value = self.limits.get(setting)
        return value if isinstance(value, int) else None

    def is_full(self, more: int) -> bool:
        limit = self.number("max-length-bytes")
        held = sum(len(one.message.body) for one in self.lying)
        return limit is not None and held + more > limit


class _Server:
    """What all accounts share: the queues, and whether they can be reached."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.health = BrokerHealth.READY
        self.publishable = asyncio.Event()
        self.publishable.set()
        self.sessions = 0
        self.queues = {
            queue.name: _Queue(name=queue.name, limits=self._limits(queue.name))
            for queue in topology.queues
        }

    def _limits(self, queue: str) -> dict[str, str | int]:
        policy = self.topology.policy_of(queue)
        return dict(policy.definition) if policy else {}

    def become(self, health: BrokerHealth) -> None:
        self.health = health
        if health is BrokerHealth.READY:
            self.publishable.set()
        else:
            self.publishable.clear()
        if health is BrokerHealth.AWAY:
            # What was given out before belongs to a session that is gone.
            self.sessions += 1
        for queue in self.queues.values():
            self.give_out(queue)

    def put(self, message: WireMessage) -> PublishOutcome:
        """Route a message into its queues."""
        names = self.topology.route(message.exchange, message.routing_key)
        if not names:
            return PublishOutcome.RETURNED
        queues = [self.queues[name] for name in names]
        full = [queue for queue in queues if queue.is_full(len(message.body))]
        for queue in queues:
            if queue not in full:
                queue.lying.append(_Lying(message=message))
                self.give_out(queue)
        return PublishOutcome.REFUSED if full else PublishOutcome.CONFIRMED

    def give_out(self, queue: _Queue) -> None:
        """Start a handler for each message that a consumer has room for, in turn."""
        while queue.lying and self.health is not BrokerHealth.AWAY:
            free = [c for c in queue.consumers if len(c.working) < c.prefetch]
            if not free:
                return
            consumer = free[0]
            queue.consumers.remove(consumer)
            queue.consumers.append(consumer)
            task = asyncio.create_task(self._work(queue, consumer, queue.lying.popleft()))
            consumer.working.add(task)

    async def _work(self, queue: _Queue, consumer: _Consumer, one: _Lying) -> None:
        session = self.sessions
        settlement = Settlement.REQUEUE
        try:
            settlement = await consumer.handler(
                ReceivedMessage(
                    queue=queue.name,
                    message=one.message,
                    redelivered=one.redelivered,
                    delivery_count=one.delivery_count,
                )
            )
        except Exception:  # noqa: BLE001 - whatever a handler raises is a counted failure
            _log.exception("handler_failed", queue=queue.name, message_id=one.message.message_id)
            settlement = Settlement.REJECT
        finally:
            task = asyncio.current_task()
            if task is not None:
                consumer.working.discard(task)
            # After a loss of the connection a settlement is void, and the return counts.
            self._settle(queue, one, settlement if session == self.sessions else Settlement.REJECT)

    def _settle(self, queue: _Queue, one: _Lying, settlement: Settlement) -> None:
        match settlement:
            case Settlement.ACK:
                pass
            case Settlement.REQUEUE:
                queue.lying.appendleft(replace(one, redelivered=True))
            case Settlement.REJECT:
                self._return(queue, one)
            case _:
                assert_never(settlement)
        self.give_out(queue)

    def _return(self, queue: _Queue, one: _Lying) -> None:
        count = one.delivery_count + 1
        limit = queue.number("delivery-limit")
        if limit is None or count <= limit:
            queue.lying.appendleft(replace(one, redelivered=True, delivery_count=count))
            return
        death = {
            "x-first-death-queue": queue.name,
            "x-first-death-reason": "delivery_limit",
            "x-first-death-exchange": one.message.exchange,
        }
        exchange = str(queue.limits.get("dead-letter-exchange", ""))
        self.put(replace(one.message, exchange=exchange, headers={**one.message.headers, **death}))


class MemoryBroker:
    """A broker that holds one topology.

    Args:
        account: Whose publishes it takes, as RabbitMQ does; without one, everybody's.
    """

    def __init__(self, topology: Topology, *, account: str | None = None) -> None:
        self._server = _Server(topology)
        self._account = account

    def as_account(self, account: str) -> "MemoryBroker":
        """The same queues, as another account sees them."""
        other = MemoryBroker(Topology(), account=account)
        other._server = self._server
        return other

    def become(self, health: BrokerHealth) -> None:
        """Play a bad day: away, blocked by an alarm, or ready again."""
        self._server.become(health)

    def waiting(self, queue: str) -> tuple[WireMessage, ...]:
        """What lies in a queue and was not given out."""
        return tuple(one.message for one in self._server.queues[queue].lying)

    @property
    def health(self) -> BrokerHealth:
        """As last played."""
        return self._server.health

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """As promised by the port; a foreign `user_id` is `REFUSED`."""
        size = len(message.body)
        if size > MAX_BODY_BYTES:
            raise DocumentError.of("E_TOO_LARGE", size=size, limit=MAX_BODY_BYTES)
        user_id = message.user_id or self._account
        if self._account is not None and user_id != self._account:
            return PublishOutcome.REFUSED
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                await self._server.publishable.wait()
                await asyncio.sleep(0)
        except TimeoutError:
            return PublishOutcome.UNKNOWN
        return self._server.put(replace(message, user_id=user_id))

    @asynccontextmanager
    async def subscribe(
        self, queue: str, handler: Handler, *, prefetch: int
    ) -> AsyncIterator[None]:
        """As promised by the port."""
        held = self._server.queues[queue]
        consumer = _Consumer(handler=handler, prefetch=prefetch)
        held.consumers.append(consumer)
        self._server.give_out(held)
        try:
            yield
        finally:
            held.consumers.remove(consumer)
            try:
                while consumer.working:
                    await asyncio.wait(consumer.working)
            except asyncio.CancelledError:
                for task in consumer.working:
                    task.cancel()
                raise
