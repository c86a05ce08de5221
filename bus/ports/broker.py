"""Broker: publishing and consuming, and what is said about a message."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from bus.core.message import WireMessage


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceivedMessage:
    """A message as a queue gave it out, with the broker's own word on how often."""

    queue: str
    message: WireMessage
    redelivered: bool
    delivery_count: int = 0


class PublishOutcome(StrEnum):
    """What became of a publish. An exception of a driver means `UNKNOWN`, never not sent."""

    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REFUSED = "refused"
    UNKNOWN = "unknown"


PublishObserver = Callable[[str, PublishOutcome], None]
"""Hears the exchange and the outcome of every publish: cheaper than an event for each."""


class Settlement(StrEnum):
    """What the consumer tells the broker.

    `REJECT` means failure (counted), `REQUEUE` means shutdown (not counted).
    """

    ACK = "ack"
    REJECT = "reject"
    REQUEUE = "requeue"


Handler = Callable[[ReceivedMessage], Awaitable[Settlement]]


class Publisher(Protocol):
    """Publishes mandatory, persistent, confirmed."""

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """Publish and wait for the broker's answer.

        Never raises for what the broker or the network does; within `deadline`, counted from the
        call and including any wait for a reconnect or an alarm, there is an outcome. Concurrent
        calls share a channel and a window; an outcome always belongs to its own message. When a
        channel dies, its messages in flight are `UNKNOWN`.

        Raises:
            DocumentError: The body exceeds the wire limit (E_TOO_LARGE); nothing was sent.
        """


class Subscriber(Protocol):
    """Consumes queues. A settlement after a reconnect is void: the message comes again."""

    def subscribe(
        self, queue: str, handler: Handler, *, prefetch: int
    ) -> AbstractAsyncContextManager[None]:
        """Call the handler for each message, up to `prefetch` at a time, until the exit.

        Survives reconnects and the queue's deletion and return. On exit, no new message is
        started; handlers under way are awaited. A handler that raises settles as `REJECT`.
        """


class BrokerHealth(StrEnum):
    """How the broker looks from here."""

    READY = "ready"
    AWAY = "away"
    BLOCKED = "blocked"


class Broker(Publisher, Subscriber, Protocol):
    """Both directions, on separate connections."""

    @property
    def health(self) -> BrokerHealth:
        """Whether a publish has a chance now."""
