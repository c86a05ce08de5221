"""RabbitSubscriber: consumes queues, settles each message, and comes back after every loss.

RabbitMQ's rules it lives by: a settlement belongs to the channel of its delivery, so after a
reconnect it is void and the message comes again; when a queue is deleted its consumers are
cancelled, not told by an error.
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
from bus.rabbit.bypass import Bypass, Hearing
from bus.rabbit.connection import (
    CLOSE_TIMEOUT,
    Backoff,
    Link,
    LostError,
    ended,
    is_cancelled,
    noticing_loss,
)
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
        self._returned: list[tuple[int, _Intake]] = []
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
                        cancelled = await self._consume(channel, connection.bypass)
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
            except Exception as error:  # noqa: BLE001 (what a driver trips over is a loss, too)
                _log.error("subscription_failed", queue=self._queue, cause=cause_of(error))
            await backoff.pause()

    async def _consume(self, channel: AbstractChannel, bypass: Bypass) -> asyncio.Future[None]:
        """Begin; the result is done when the broker cancels the consumer."""
        cancelled = asyncio.get_running_loop().create_future()

        def on_cancel(_: spec.Basic.Cancel) -> None:
            if not cancelled.done():
                cancelled.set_result(None)

        channel.on_consumer_cancel_callbacks.add(on_cancel)
        await channel.basic_qos(prefetch_count=self._prefetch)
        _Intake(channel, bypass, self._on_message)
        # Known before the answer, which may come later than the first deliveries; a tag is the
        # channel's own.
        self._consuming = (channel, self._queue)
        await channel.basic_consume(self._queue, _told_elsewhere, consumer_tag=self._queue)
        return cancelled

    def _on_message(self, intake: "_Intake", method: bytes, header: bytes, body: bytes) -> None:
        # A task of our own, which does not end with its channel: a handler must not be torn apart
        # between the hand-over and its record.
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
            except Exception as error:  # noqa: BLE001 - whatever it raises is a counted failure
                settlement = self._failed(properties, error)
            if self._stopping and settlement is Settlement.REQUEUE:
                self._returned.append((delivery.tag, intake))
                return
            if self._stopping:
                # Earlier it would make room for a message that had to be returned.
                await self._given_out.wait()
            intake.settle(delivery.tag, settlement)

    def _return(self) -> None:
        """Give back what is not done, in the order in which it came.

        A quorum queue gives returned messages out in the order of their return, not of their
        first place (seen on 3.10.8).
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
    """A channel that consumes: what it hears, and what the broker is told of it."""

    def __init__(
        self,
        channel: AbstractChannel,
        bypass: Bypass,
        heard: "Callable[[_Intake, bytes, bytes, bytes], None]",
    ) -> None:
        self._channel = channel
        self._bypass = bypass
        self._hearing = Hearing(said=partial(heard, self))
        bypass.hear(channel.number, self._hearing)
        channel.closing.add_done_callback(self._lost)

    def settle(self, tag: int, settlement: Settlement) -> None:
        """Tell the broker, unless the channel is gone: then it gives the message out again.

        Both returns put the message back; consumers look at how often it came (`courier`).
        `basic.reject` counts as a failed delivery on every version. `basic.nack` counts too up to
        RabbitMQ 4.2 and no more from 4.3 on (manual, Quorum Queues: Poison Message Handling); a
        limit of 20 leaves room for the shutdowns of the older ones.
        """
        if not (self._hearing.closed or self._channel.is_closed):
            self._bypass.write(frames.settle(tag, settlement, channel=self._channel.number))

    def _lost(self, _: object) -> None:
        self._bypass.forget(self._channel.number, self._hearing)


async def _told_elsewhere(_: DeliveredMessage) -> None:
    raise RuntimeError("a delivery reached the driver, past its bypass")


def received(
    queue: str, delivery: frames.Delivery, properties: frames.Properties, body: bytes
) -> ReceivedMessage:
    """A delivery in our words. Headers that are not text are nothing of ours, save two counts.

    What is taken up goes out again, with more beside it, when the delivery fails: a message whose
    headers fill a frame would then be refused together with its connection, again and again.
    """
    headers = properties.headers
    # One character too many is enough to be refused for it.
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
        # Only the broker knows it, and tells it with a redelivery only.
        delivery_count=given_out or 0 if delivery.redelivered else 0,
    )


def _foreign(properties: frames.Properties, *, counted: bool) -> str:
    """The first header that no sender of the axis sets, or sets so.

    `CC` and `BCC` ask the broker for copies under other keys, past the rights of the account up to
    RabbitMQ 3.13; `x-death` and its like are the broker's own, where it gives a message up.
    """
    if properties.foreign or not counted:
        return properties.foreign or "attempt"
    names = properties.headers
    return next((name for name in names if name in _COPIES or name.startswith(_DEATHS)), "")


def _taken_up(headers: Mapping[str, str | int]) -> dict[str, str]:
    """The texts among the headers, as far as they are no burden; the broker's own come last."""
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
    """A count as it is; None: it is none, or beyond what can be counted here."""
    return value if type(value) is int and least <= value <= MAX_ATTEMPT else None
