"""Publishing to the broker and consuming from it."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from bus.core.message import WireMessage


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedMessage:
    """A message from a queue, with the broker's count of its earlier deliveries."""

    queue: str
    message: WireMessage
    redelivered: bool
    delivery_count: int = 0


class PublishOutcome(StrEnum):
    """The result of a publish. After an exception of the driver it is `UNKNOWN`."""

    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REFUSED = "refused"
    UNKNOWN = "unknown"


PublishObserver = Callable[[str, PublishOutcome], None]
"""Receives the exchange and the outcome of every publish; cheaper than an event."""


class Settlement(StrEnum):
    """How the consumer settles a message.

    The broker counts `REJECT`, which means a failure, but not `REQUEUE`, which means a shutdown.
    """

    ACK = "ack"
    REJECT = "reject"
    REQUEUE = "requeue"


Handler = Callable[[ReceivedMessage], Awaitable[Settlement]]


class Publisher(Protocol):
    """Publishes mandatory and persistent messages with publisher confirms."""

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """Publish and wait for the broker's answer.

        Faults of the broker or the network never raise. There is an outcome within `deadline`,
        counted from the call and including any wait for a reconnect or an alarm. Concurrent calls
        share a channel and a window, and each gets the outcome of its own message. When a channel
        closes, its unconfirmed messages are `UNKNOWN`.

        Raises:
            DocumentError: E_TOO_LARGE: the body exceeds the wire limit; nothing was sent.
        """


class Subscriber(Protocol):
    """Consumes queues. A settlement after a reconnect has no effect: the message comes again."""

    def subscribe(
        self, queue: str, handler: Handler, *, prefetch: int
    ) -> AbstractAsyncContextManager[None]:
        """Call the handler for each message, up to `prefetch` at a time, until the block ends.

        Consuming continues after a reconnect, and after the queue was deleted and declared again.
        At the end no new handler starts, and running handlers are awaited. A handler that raises
        settles its message as `REJECT`.
        """


class BrokerHealth(StrEnum):
    """Whether the broker accepts messages from this process."""

    READY = "ready"
    AWAY = "away"
    BLOCKED = "blocked"


class Broker(Publisher, Subscriber, Protocol):
    """Publishing and consuming, on separate connections."""

    @property
    def health(self) -> BrokerHealth:
        """The state of the connection for publishing."""
