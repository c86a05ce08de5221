"""RabbitSubscriber: consumes queues, settles each message, and comes back after every loss.

RabbitMQ's rules it lives by: a settlement belongs to the channel of its delivery, so after a
reconnect it is void and the message comes again; when a queue is deleted its consumers are
cancelled, not told by an error.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import assert_never

import structlog
from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage

from bus.core.message import WireMessage
from bus.core.topology import PROBE
from bus.ports import Handler, ReceivedMessage, Settlement
from bus.rabbit.connection import (
    CLOSE_TIMEOUT,
    Backoff,
    Link,
    LostError,
    ended,
    is_cancelled,
    noticing_loss,
)

_log = structlog.get_logger()


class RabbitSubscriber:
    """Consumes over one link, a channel per subscription: one's failure is not the other's."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @asynccontextmanager
    async def subscribe(
        self, queue: str, handler: Handler, *, prefetch: int
    ) -> AsyncIterator[None]:
        """As promised by the port."""
        subscription = _Subscription(self._link, queue, handler, prefetch)
        try:
            yield
        finally:
            await subscription.stop()


class _Subscription:
    def __init__(self, link: Link, queue: str, handler: Handler, prefetch: int) -> None:
        self._link = link
        self._queue = queue
        self._handler = handler
        self._prefetch = prefetch
        # The broker bounds what it gives to one channel; after a reconnect the handlers of the
        # old one are still at work.
        self._slots = asyncio.Semaphore(prefetch)
        self._working: set[asyncio.Task[None]] = set()
        self._returned: list[DeliveredMessage] = []
        self._stopping = False
        self._given_out = asyncio.Event()
        self._consuming: tuple[AbstractChannel, str] | None = None
        self._running = asyncio.create_task(self._run(), name=f"subscription {queue}")

    async def stop(self) -> None:
        """Take no new message and wait for those at work; cancelled, cancel them instead."""
        self._stopping = True
        try:
            if self._consuming is None:
                # Not to begin anew while the last handlers end.
                await ended(self._running)
            else:
                channel, tag = self._consuming
                with suppress(LostError), noticing_loss():
                    await channel.basic_cancel(tag, timeout=CLOSE_TIMEOUT.total_seconds())
            self._given_out.set()
            while self._working:
                await asyncio.wait(self._working)
            await self._return()
        except asyncio.CancelledError:
            for task in self._working:
                task.cancel()
            raise
        finally:
            await ended(self._running)

    async def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping:
            backoff.started()
            try:
                with noticing_loss():
                    connection = await self._link.connected()
                    channel = await connection.channel(publisher_confirms=False)
                    try:
                        cancelled = await self._consume(channel)
                        await asyncio.wait(
                            [channel.closing, cancelled], return_when=asyncio.FIRST_COMPLETED
                        )
                    finally:
                        self._consuming = None
                        async with asyncio.timeout(CLOSE_TIMEOUT.total_seconds()):
                            await channel.close()
                _log.warning("subscription_lost", queue=self._queue)
            except LostError as error:
                _log.warning("subscription_failed", queue=self._queue, cause=str(error))
            await backoff.pause()

    async def _consume(self, channel: AbstractChannel) -> asyncio.Future[None]:
        """Begin; the result is done when the broker cancels the consumer."""
        cancelled = asyncio.get_running_loop().create_future()

        def on_cancel(_: spec.Basic.Cancel) -> None:
            if not cancelled.done():
                cancelled.set_result(None)

        channel.on_consumer_cancel_callbacks.add(on_cancel)
        await channel.basic_qos(prefetch_count=self._prefetch)
        answer = await channel.basic_consume(self._queue, self._on_message)
        if answer.consumer_tag is not None:
            self._consuming = (channel, answer.consumer_tag)
        return cancelled

    async def _on_message(self, delivered: DeliveredMessage) -> None:
        # A task of our own: aiormq cancels its tasks when the channel dies, and a handler must
        # not be torn apart between the hand-over and its record.
        task = asyncio.create_task(self._work(delivered))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _work(self, delivered: DeliveredMessage) -> None:
        if delivered.header.properties.message_type == PROBE:
            await _settle(delivered, Settlement.ACK)
            return
        async with self._slots:
            if self._stopping:
                self._returned.append(delivered)
                return
            message = received(self._queue, delivered)
            try:
                settlement = await self._handler(message)
            except asyncio.CancelledError:
                if is_cancelled():
                    raise
                settlement = self._failed(message)
            except Exception:  # noqa: BLE001 - whatever a handler raises is a counted failure
                settlement = self._failed(message)
            if not self._stopping:
                await _settle(delivered, settlement)
            elif settlement is Settlement.REQUEUE:
                self._returned.append(delivered)
            else:
                # Earlier it would make room for a message that had to be returned.
                await self._given_out.wait()
                await _settle(delivered, settlement)

    async def _return(self) -> None:
        """Give back what is not done, in the order in which it came.

        A quorum queue gives returned messages out in the order of their return, not of their
        first place (seen on 3.10.8).
        """
        for delivered in sorted(self._returned, key=lambda each: each.delivery_tag or 0):
            await _settle(delivered, Settlement.REQUEUE)

    def _failed(self, message: ReceivedMessage) -> Settlement:
        _log.exception("handler_failed", queue=self._queue, message_id=message.message.message_id)
        return Settlement.REJECT


async def _settle(delivered: DeliveredMessage, settlement: Settlement) -> None:
    """Tell the broker, unless the channel is gone: then it gives the message out again.

    Both returns put the message back, where the queue's delivery-limit watches over it.
    `basic.reject` counts as a failed delivery on every version. `basic.nack` counts too up to
    RabbitMQ 4.2 and no more from 4.3 on (manual, Quorum Queues: Poison Message Handling); a
    limit of 20 leaves room for the shutdowns of the older ones.
    """
    channel, tag = delivered.channel, delivered.delivery_tag
    if tag is None or channel.is_closed:
        return
    with suppress(LostError), noticing_loss():
        match settlement:
            case Settlement.ACK:
                await channel.basic_ack(tag, wait=False)
            case Settlement.REJECT:
                await channel.basic_reject(tag, requeue=True, wait=False)
            case Settlement.REQUEUE:
                await channel.basic_nack(tag, requeue=True, wait=False)
            case _:
                assert_never(settlement)


def received(queue: str, delivered: DeliveredMessage) -> ReceivedMessage:
    """A delivery in our words. Headers that are not text are nothing of ours, save two counts."""
    properties = delivered.header.properties
    headers: Mapping[str, object] = properties.headers or {}
    texts = {name: value for name, value in headers.items() if isinstance(value, str)}
    timestamp = properties.timestamp
    return ReceivedMessage(
        queue=queue,
        message=WireMessage(
            exchange=delivered.exchange or "",
            routing_key=delivered.routing_key or "",
            body=delivered.body,
            type=properties.message_type or "",
            message_id=properties.message_id or "",
            signature=texts.pop("signature", ""),
            user_id=properties.user_id,
            timestamp=timestamp if isinstance(timestamp, datetime) else None,
            attempt=_count(headers.get("attempt"), least=1),
            headers=texts,
        ),
        redelivered=bool(delivered.redelivered),
        delivery_count=_count(headers.get("x-delivery-count"), least=0),
    )


def _count(value: object, *, least: int) -> int:
    return max(value, least) if isinstance(value, int) else least
