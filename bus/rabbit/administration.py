"""Administration: declares, probes, binds and deletes over AMQP, many objects at a time.

The only place that declares anything; workers have no right to. In which order is decided in
`provisioning`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractQueue
from aiormq.exceptions import AMQPError
from yarl import URL

from bus.core.topology import PROBE, Binding, Exchange, Queue
from bus.rabbit.addresses import addresses_in
from bus.rabbit.connection import DRIVER_ERRORS, LOGIN_REFUSED
from bus.rabbit.tls import context_of
from schemas.problem import AxisError, TransportError
from schemas.term import foreign

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done, and how many there are."""

_PARALLEL = 16
# Declaring 190 quorum queues takes 2.5 s on one channel, 1.4 s on four or more (3.10.8, 2 cores).
_CONNECT_TIMEOUT = timedelta(seconds=10)
_PROBE_DEADLINE = timedelta(seconds=5)


def nobody(_what: str, _done: int, _total: int) -> None:
    """Progress that is told to nobody."""


class Administration:
    """An administrator of one virtual host.

    Every method has a connection of its own, because a queue without a leader may take its
    connection down with it, and raises `TransportError` E_BROKER_AWAY when that is lost.
    """

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url

    async def declare_exchanges(self, exchanges: Iterable[Exchange]) -> None:
        """Create durable exchanges."""
        async with _connection(self._url) as connection, connection.channel() as channel:
            for exchange in exchanges:
                await channel.declare_exchange(exchange.name, exchange.kind, durable=True)

    async def declare_queues(self, queues: Sequence[Queue], progress: Progress = nobody) -> None:
        """Create durable queues."""
        async with _connection(self._url) as connection:
            await _each(queues, partial(_declare, connection), progress, "queues")

    async def declare_anew(self, queues: Sequence[Queue]) -> None:
        """Delete queues with all they hold, and create them again."""
        async with _connection(self._url) as connection:
            await _each(queues, partial(_declare_anew, connection))

    async def probe(self, queues: Sequence[str], progress: Progress = nobody) -> tuple[str, ...]:
        """Send a message through each queue that nobody uses, and take it back.

        Returns:
            The silent ones: those that did not give it back.
        """
        silent: list[str] = []

        async with _connection(self._url) as connection:

            async def probe(queue: str) -> None:
                try:
                    async with asyncio.timeout(_PROBE_DEADLINE.total_seconds()):
                        await _probe(connection, queue)
                except (TimeoutError, AMQPError):
                    silent.append(queue)

            await _each(queues, probe, progress, "probes")
        return tuple(sorted(silent))

    async def bind(self, bindings: Sequence[Binding], progress: Progress = nobody) -> None:
        """Bind queues."""
        async with _connection(self._url) as connection:
            await _each(bindings, partial(_bind, connection), progress, "bindings")

    async def unbind(self, bindings: Sequence[Binding]) -> None:
        """Unbind queues."""
        async with _connection(self._url) as connection, connection.channel() as channel:
            for binding in bindings:
                queue = await channel.get_queue(binding.queue, ensure=False)
                await queue.unbind(binding.exchange, binding.pattern)

    async def delete_idle(self, queues: Sequence[Queue]) -> None:
        """Delete queues, save those that hold messages or have consumers."""
        async with _connection(self._url) as connection, connection.channel() as channel:
            for one in queues:
                queue = await channel.get_queue(one.name)
                # Quorum queues do not know `if-empty`, and one whose leader is not elected yet
                # says it is empty; it does not answer a get.
                message = await queue.get(fail=False)
                if message is not None:
                    await message.nack(requeue=True)
                elif not queue.declaration_result.consumer_count:
                    await queue.delete(if_empty=False, if_unused=False)


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[AbstractConnection]:
    """Connect, and translate the driver's errors.

    Raises:
        TransportError: E_BROKER_AWAY.
        ConfigurationError: E_BROKER_LOGIN; the broker knows no such account and password, or the
            account may not use the virtual host.
    """
    try:
        async with await connect(addresses_in(url)) as connection:
            yield connection
    except LOGIN_REFUSED as error:
        address = URL(addresses_in(url)[0])
        host, account = f"{address.host}:{address.port}", address.user or "EXTERNAL"
        raise AxisError.of(
            "E_BROKER_LOGIN", host=host, account=account, detail=str(error)
        ) from error
    except DRIVER_ERRORS as error:
        raise TransportError.of("E_BROKER_AWAY", cause=foreign(repr(error))) from error


async def connect(addresses: Sequence[str]) -> AbstractConnection:
    """Connect to the first node that takes it. Raises what the last one answered."""
    first, *others = addresses
    try:
        return await aio_pika.connect(
            first,
            timeout=_CONNECT_TIMEOUT.total_seconds(),
            ssl_context=context_of(first),
            client_properties={"connection_name": "lienthong administration"},
        )
    except DRIVER_ERRORS:
        if not others:
            raise
        return await connect(others)


async def _declare(connection: AbstractConnection, queue: Queue) -> None:
    async with connection.channel() as channel:
        await channel.declare_queue(
            queue.name, durable=True, arguments={"x-queue-type": queue.kind}
        )


async def _declare_anew(connection: AbstractConnection, queue: Queue) -> None:
    async with connection.channel() as channel:
        await channel.queue_delete(queue.name)
    await _declare(connection, queue)


async def _bind(connection: AbstractConnection, binding: Binding) -> None:
    async with connection.channel() as channel:
        queue = await channel.get_queue(binding.queue, ensure=False)
        await queue.bind(binding.exchange, binding.pattern)


async def _probe(connection: AbstractConnection, name: str) -> None:
    """Through the default exchange: only this queue sees the probe, not the ledger.

    One that was given up and turns up later is taken by the next probe, or swallowed by the
    consumer's driver.
    """
    # Not closed when the probe fails: the broker's side of the channel may then never answer.
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    queue = await channel.get_queue(name)
    told = queue.declaration_result
    if not told.message_count and not told.consumer_count:
        message = aio_pika.Message(
            b"", type=PROBE, message_id=uuid4().hex, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        )
        await channel.default_exchange.publish(message, name, mandatory=True)
        await _take_probes(queue)
    await channel.close()


async def _take_probes(queue: AbstractQueue) -> None:
    while (message := await queue.get(fail=False)) is not None:
        if message.type != PROBE:
            # Somebody publishes already; it goes back to its place.
            await message.nack(requeue=True)
            return
        await message.ack()


async def _each(
    items: Sequence[T],
    work: Callable[[T], Awaitable[None]],
    progress: Progress = nobody,
    what: str = "",
) -> None:
    """Work on all items, some at a time."""
    waiting = iter(items)
    done = 0

    async def worker() -> None:
        nonlocal done
        for item in waiting:
            await work(item)
            done += 1
            progress(what, done, len(items))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(_PARALLEL, len(items))):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
