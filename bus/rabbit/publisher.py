"""RabbitPublisher: mandatory, persistent, confirmed; an outcome for every publish in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import cast

from aiormq import Channel, spec
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.common import FieldTable

from bus.core.message import WireMessage
from bus.ports import PublishOutcome
from bus.rabbit.connection import CLOSE_TIMEOUT, Link, LostError, noticing_loss
from schemas.envelope import MAX_BODY_BYTES
from schemas.problem import DocumentError

WINDOW = 200
"""Publishes in flight. One by one gives 615/s, a window of 200 3,775/s (1 kB, quorum queue)."""

_DRAIN_FROM_BYTES = 64 * 1024
_DOUBT = timedelta(seconds=3)
"""How long a channel to a cluster may owe an answer. p99 is 0.4 s under full load."""


class RabbitPublisher:
    """Publishes over one channel of its own link.

    A publish that the broker refuses by closing the channel (a wrong `user_id`, no permission)
    takes its siblings in flight down with it: they are `UNKNOWN`, and sent again by who sent
    them. That is why the two refusals that can be foreseen are made here, before the wire.

    Args:
        account: The broker account of the link: the broker lets no other be named.
        impersonates: The account has the tag `impersonator` and may name any.
    """

    def __init__(
        self, link: Link, *, account: str, impersonates: bool = False, window: int = WINDOW
    ) -> None:
        self._link = link
        self._account = account
        self._impersonates = impersonates
        self._window = asyncio.Semaphore(window)
        self._channel: Channel | None = None
        self._opening = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """As promised by the port; a foreign `user_id` is `REFUSED` without being sent."""
        size = len(message.body)
        if size > MAX_BODY_BYTES:
            raise DocumentError.of("E_TOO_LARGE", size=size, limit=MAX_BODY_BYTES)
        user_id = message.user_id or self._account
        if user_id != self._account and not self._impersonates:
            return PublishOutcome.REFUSED
        try:
            async with asyncio.timeout(deadline.total_seconds()), self._window:
                with noticing_loss():
                    channel = await self._ready()
                    async with self._doubting(channel):
                        answer = await channel.basic_publish(
                            message.body,
                            exchange=message.exchange,
                            routing_key=message.routing_key,
                            properties=_properties(message, user_id),
                            mandatory=True,
                            # Waiting until it left the process costs 15 µs; only bulk needs the
                            # brake.
                            wait=size >= _DRAIN_FROM_BYTES,
                        )
        except PublishError:
            return PublishOutcome.RETURNED
        except DeliveryError:
            return PublishOutcome.REFUSED
        except (LostError, TimeoutError):
            return PublishOutcome.UNKNOWN
        confirmed = isinstance(answer, spec.Basic.Ack)
        return PublishOutcome.CONFIRMED if confirmed else PublishOutcome.REFUSED

    @asynccontextmanager
    async def _doubting(self, channel: Channel) -> AsyncIterator[None]:
        """Leave a channel to a cluster that does not answer; what is in flight on it is unknown.

        Seen on 3.10.8: a channel whose first publish to a quorum queue comes while the leader's
        node is frozen, and not yet given up by the others, never hears of the new leader. Another
        channel finds it.
        """
        try:
            async with asyncio.timeout(_DOUBT.total_seconds() if self._link.several else None):
                yield
        except TimeoutError:
            # An alarm is no reason: the broker reads nothing from this connection then.
            if self._channel is channel and not self._link.blocked:
                self._channel = None
                leaving = asyncio.create_task(_leave(channel), name="leaving a channel")
                self._leaving.add(leaving)
                leaving.add_done_callback(self._leaving.discard)
            raise

    async def _ready(self) -> Channel:
        channel = self._channel
        if channel is None or channel.is_closed:
            async with self._opening:
                channel = self._channel
                if channel is None or channel.is_closed:
                    connection = await self._link.connected()
                    opened = await connection.channel(
                        publisher_confirms=True, on_return_raises=True
                    )
                    channel = self._channel = cast("Channel", opened)
        # While an alarm lasts, the broker reads nothing from this connection.
        await channel.connection.ready()
        return channel


async def _leave(channel: Channel) -> None:
    """Close a channel that may take its time to answer."""
    with suppress(LostError), noticing_loss():
        async with asyncio.timeout(CLOSE_TIMEOUT.total_seconds()):
            await channel.close()


def _properties(message: WireMessage, user_id: str) -> spec.Basic.Properties:
    headers: FieldTable = {**message.headers, "attempt": message.attempt}
    if message.signature:
        headers["signature"] = message.signature
    return spec.Basic.Properties(
        content_type="application/json",
        headers=headers,
        delivery_mode=2,
        # Returns are matched to their publish by it: it must be fresh each time.
        message_id=message.message_id,
        timestamp=message.timestamp,
        message_type=message.type,
        user_id=user_id,
    )
