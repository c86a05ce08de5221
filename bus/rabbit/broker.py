"""RabbitBroker: the broker port over RabbitMQ, publishing and consuming on separate connections.

Separate, because an alarm stops a connection that publishes, and acknowledgements must go on.
"""

from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from types import TracebackType
from typing import Self

from bus.core.message import WireMessage
from bus.ports import BrokerHealth, Handler, PublishObserver, PublishOutcome
from bus.rabbit.connection import Link
from bus.rabbit.publisher import WINDOW, RabbitPublisher
from bus.rabbit.subscriber import RabbitSubscriber
from bus.rabbit.tls import account_in


class RabbitBroker:
    """Use it as `async with`; subscriptions must end before it does.

    Entering does not wait for the broker: `ready` does.

    Args:
        url: `amqp[s]://account:password@host:port/vhost`, or with the hosts of all nodes of a
            cluster, separated by commas; the account becomes the `user_id`. For TLS see `tls`.
        name: Shown by the broker with its connections.
        impersonates: The account may publish as any other (tag `impersonator`): one process then
            stands in for many agencies (decision record 0008).
        window: Publishes in flight.
        published: Hears the exchange and the outcome of every publish.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        impersonates: bool = False,
        window: int = WINDOW,
        published: PublishObserver | None = None,
    ) -> None:
        self._published = published
        self._outward = Link(url, name=f"{name} publishing")
        self._inward = Link(url, name=f"{name} consuming")
        self._publisher = RabbitPublisher(
            self._outward, account=account_in(url), impersonates=impersonates, window=window
        )
        self._subscriber = RabbitSubscriber(self._inward)

    async def __aenter__(self) -> Self:
        self._outward.open()
        self._inward.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._inward.close()
        await self._outward.close()

    async def ready(self, deadline: timedelta) -> None:
        """Wait until both connections stand.

        Raises:
            TransportError: E_BROKER_AWAY, with what went wrong last.
        """
        await self._outward.wait(deadline)
        await self._inward.wait(deadline)

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        """As promised by the port."""
        outcome = await self._publisher.publish(message, deadline=deadline)
        if self._published is not None:
            self._published(message.exchange, outcome)
        return outcome

    def subscribe(
        self, queue: str, handler: Handler, *, prefetch: int
    ) -> AbstractAsyncContextManager[None]:
        """As promised by the port."""
        return self._subscriber.subscribe(queue, handler, prefetch=prefetch)

    @property
    def health(self) -> BrokerHealth:
        """Away when either connection is; blocked when the publishing one is."""
        if self._outward.connection is None or self._inward.connection is None:
            return BrokerHealth.AWAY
        return BrokerHealth.BLOCKED if self._outward.blocked else BrokerHealth.READY
