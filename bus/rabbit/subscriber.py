"""RabbitSubscriber: consumes queues, settles each message, and consumes again after every loss.

Two rules of RabbitMQ shape it. A settlement is valid only on the channel of its delivery: after a
reconnect it has no effect, and the broker delivers the message again. When a queue is deleted, the
broker cancels its consumers and sends no error.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

import structlog
from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage

from bus.core.crash import cause_of, steps_to
from bus.core.message import MAX_ATTEMPT, WireMessage
from bus.core.topology import PROBE
from bus.ports import Handler, ReceivedMessage, Settlement
from bus.rabbit import frames
from bus.rabbit.connection import (
    CLOSE_TIMEOUT,
    Backoff,
    Link,
    LostError,
    ended,
    is_cancelled,
    noticing_loss,
)
from bus.rabbit.frame_reader import ChannelReader, MessageTransport
from schemas.limits import (
    MAX_HEADER_BYTES,
    MAX_HEADER_FIELDS,
    MAX_HEADERS_BYTES,
    MAX_SIGNATURE_CHARS,
)

_COPIES = frozenset({"CC", "BCC"})
_DEATHS = ("x-death", "x-first-death-", "x-last-death-")

_log = structlog.get_logger()


class RabbitSubscriber:
    """Consumes over one link. Each subscription has its own channel and fails alone."""

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
        # The broker limits the messages of one channel. After a reconnect, handlers of the old
        # channel still run, so we limit the handlers of both channels together.
        self._slots = asyncio.Semaphore(prefetch)
        self._working: set[asyncio.Task[None]] = set()
        self._returned: list[tuple[int, _Intake]] = []
        self._stopping = False
        self._given_out = asyncio.Event()
        self._consuming: tuple[AbstractChannel, str] | None = None
        self._running = asyncio.create_task(self._run(), name=f"subscription {queue}")

    async def stop(self) -> None:
        """Take no new message and wait for running handlers. If cancelled, cancel the handlers."""
        self._stopping = True
        try:
            if self._consuming is None:
                # It must not consume again while the last handlers end.
                await ended(self._running)
            else:
                channel, tag = self._consuming
                with suppress(LostError), noticing_loss():
                    await channel.basic_cancel(tag, timeout=CLOSE_TIMEOUT.total_seconds())
            self._given_out.set()
            while self._working:
                await asyncio.wait(self._working)
            self._return()
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
                        cancelled = await self._consume(channel, connection.messages)
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
            except Exception as error:  # noqa: BLE001 (counts as a loss)
                _log.error("subscription_failed", queue=self._queue, cause=cause_of(error))
            await backoff.pause()

    async def _consume(
        self, channel: AbstractChannel, messages: MessageTransport
    ) -> asyncio.Future[None]:
        """Begin to consume. The returned future is done when the broker cancels the consumer."""
        cancelled = asyncio.get_running_loop().create_future()

        def on_cancel(_: spec.Basic.Cancel) -> None:
            if not cancelled.done():
                cancelled.set_result(None)

        channel.on_consumer_cancel_callbacks.add(on_cancel)
        await channel.basic_qos(prefetch_count=self._prefetch)
        _Intake(channel, messages, self._on_message)
        # Set before the broker answers: the first deliveries may arrive before its answer. A
        # consumer tag is valid within its channel only.
        self._consuming = (channel, self._queue)
        await channel.basic_consume(self._queue, _told_elsewhere, consumer_tag=self._queue)
        return cancelled

    def _on_message(self, intake: "_Intake", method: bytes, header: bytes, body: bytes) -> None:
        # The task does not end with its channel: a handler must not stop between handing a
        # document over and recording that it did.
        task = asyncio.create_task(self._work(intake, method, header, body))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _work(self, intake: "_Intake", method: bytes, header: bytes, body: bytes) -> None:
        delivery, properties = frames.delivery(method), frames.properties(header)
        if properties.type == PROBE:
            intake.settle(delivery.tag, Settlement.ACK)
            return
        async with self._slots:
            if self._stopping:
                self._returned.append((delivery.tag, intake))
                return
            try:
                settlement = await self._handler(received(self._queue, delivery, properties, body))
            except asyncio.CancelledError as error:
                if is_cancelled():
                    raise
                settlement = self._failed(properties, error)
            except Exception as error:  # noqa: BLE001 - counts as a failed delivery
                settlement = self._failed(properties, error)
            if self._stopping and settlement is Settlement.REQUEUE:
                self._returned.append((delivery.tag, intake))
                return
            if self._stopping:
                # Settled earlier, it would make room for a message that we would have to return.
                await self._given_out.wait()
            intake.settle(delivery.tag, settlement)

    def _return(self) -> None:
        """Return the messages that were not handled, in the order in which they arrived.

        A quorum queue delivers returned messages in the order of their return, not by their
        original position (seen on 3.10.8).
        """
        for tag, intake in sorted(self._returned, key=lambda each: each[0]):
            intake.settle(tag, Settlement.REQUEUE)

    def _failed(self, properties: frames.Properties, error: BaseException) -> Settlement:
        _log.error(
            "handler_failed",
            queue=self._queue,
            message_id=properties.message_id,
            cause=cause_of(error),
            steps=steps_to(error),
        )
        return Settlement.REJECT


class _Intake:
    """A channel that consumes: it passes each delivery on and sends the settlements."""

    def __init__(
        self,
        channel: AbstractChannel,
        messages: MessageTransport,
        heard: "Callable[[_Intake, bytes, bytes, bytes], None]",
    ) -> None:
        self._channel = channel
        self._messages = messages
        self._reader = ChannelReader(on_message=partial(heard, self))
        messages.attach(channel.number, self._reader)
        channel.closing.add_done_callback(self._lost)

    def settle(self, tag: int, settlement: Settlement) -> None:
        """Send the settlement. If the channel is closed, the broker delivers the message again.

        REJECT and REQUEUE both put the message back; `courier` looks at how often it came.
        `basic.reject` counts as a failed delivery on every version. `basic.nack` counts too up to
        RabbitMQ 4.2 and no more from 4.3 on (manual, Quorum Queues: Poison Message Handling); a
        limit of 20 leaves room for the shutdowns of the older ones.
        """
        if not (self._reader.closed or self._channel.is_closed):
            self._messages.write(frames.settle(tag, settlement, channel=self._channel.number))

    def _lost(self, _: object) -> None:
        self._messages.detach(self._channel.number, self._reader)


async def _told_elsewhere(_: DeliveredMessage) -> None:
    raise RuntimeError("a delivery reached the driver, not `MessageTransport`")


def received(
    queue: str, delivery: frames.Delivery, properties: frames.Properties, body: bytes
) -> ReceivedMessage:
    """A delivery as a value. Of its headers only texts and two counts are kept.

    A failed delivery is published with its headers and further ones. If the headers filled a frame,
    the broker would refuse the message and close the connection, again and again.
    """
    headers = properties.headers
    # The broker refuses a name with one character too many.
    signature = str(headers.get("signature") or "")[: MAX_SIGNATURE_CHARS + 1]
    attempt = _count(headers.get("attempt", 1), least=1)
    given_out = _count(headers.get("x-delivery-count"), least=0)
    return ReceivedMessage(
        queue=queue,
        message=WireMessage(
            exchange=delivery.exchange,
            routing_key=delivery.routing_key,
            body=body,
            type=properties.type,
            message_id=properties.message_id,
            signature=signature,
            user_id=properties.user_id,
            timestamp=properties.timestamp,
            attempt=attempt or 1,
            headers=_taken_up(headers),
            foreign=_foreign(properties, counted=attempt is not None),
        ),
        redelivered=delivery.redelivered,
        # Only the broker sets this count, and only in a redelivery.
        delivery_count=given_out or 0 if delivery.redelivered else 0,
    )


def _foreign(properties: frames.Properties, *, counted: bool) -> str:
    """The first header that no sender of the axis sets, or not with this value.

    `CC` and `BCC` ask the broker for copies under other keys; up to RabbitMQ 3.13 the account needs
    no permission for these. The broker itself sets `x-death` when it dead-letters.
    """
    if properties.foreign or not counted:
        return properties.foreign or "attempt"
    names = properties.headers
    return next((name for name in names if name in _COPIES or name.startswith(_DEATHS)), "")


def _taken_up(headers: Mapping[str, str | int]) -> dict[str, str]:
    """The text headers up to a limit on their size; headers of the broker come last."""
    taken: dict[str, str] = {}
    room = MAX_HEADERS_BYTES
    for name, value in headers.items():
        if not isinstance(value, str) or name == "signature":
            continue
        size = len(name) + len(value.encode(errors="replace"))
        if size > MAX_HEADER_BYTES or size > room or len(taken) == MAX_HEADER_FIELDS:
            continue
        room -= size
        taken[name] = value
    return taken


def _count(value: object, *, least: int) -> int | None:
    """The value of a count; None: it is no count, or too large."""
    return value if type(value) is int and least <= value <= MAX_ATTEMPT else None
