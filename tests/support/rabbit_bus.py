"""A RabbitMQ broker for tests: a virtual host of its own, behind a cable that can be pulled."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import aio_pika
from yarl import URL

from bus.core.topology import Topology
from bus.ports import BrokerHealth
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.installation import Installation
from bus.rabbit.locate import Located
from bus.rabbit.management import Management
from bus.rabbit.provisioning import Applied, Provisioning
from tests.support.cable import Cable

PATIENCE = timedelta(seconds=20)


def installed() -> Path | None:
    """The folder of the RabbitMQ under test, where one is named: `LIENTHONG_RABBITMQ`."""
    named = os.environ.get("LIENTHONG_RABBITMQ")
    return Path(named) if named else None


def installation() -> Installation | None:
    """The RabbitMQ under test, of which tests start nodes of their own; None: it is missing."""
    named = installed()
    return Installation.at(named) if named else Installation.find()


async def eventually(holds: Callable[[], bool], *, within: timedelta = PATIENCE) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(within.total_seconds()):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


class VirtualHost:
    """An empty virtual host, with everything an administrator has for it."""

    def __init__(
        self, located: Located, name: str, management: Management, settling: timedelta
    ) -> None:
        self.name = name
        self.amqp_url = located.in_vhost(name)
        self.management_url = located.management_url
        self.management = management
        self.provisioning = Provisioning(self.amqp_url, management, settling=settling)

    def url_of(self, account: str, password: str) -> str:
        """The AMQP URL of another account."""
        return str(URL(self.amqp_url).with_user(account).with_password(password))

    async def provision(self, topology: Topology) -> Applied:
        """Make it hold exactly this."""
        return await self.provisioning.apply(await self.provisioning.plan(topology), remove=True)


@asynccontextmanager
async def virtual_host(
    located: Located, *, settling: timedelta = timedelta()
) -> AsyncIterator[VirtualHost]:
    """A fresh virtual host, gone at the end. Queues that must survive a kill need to settle."""
    name = f"test-{uuid4().hex[:8]}"
    async with Management(located.management_url, vhost=name) as management:
        await management.create_vhost()
        try:
            yield VirtualHost(located, name, management, settling)
        finally:
            await management.delete_vhost()


class RabbitBus:
    """A broker connected through a cable."""

    def __init__(self, host: VirtualHost, cable: Cable) -> None:
        self._host = host
        self._cable = cable
        url = URL(host.amqp_url)
        self.account = url.user or ""
        self.broker = RabbitBroker(str(url.with_port(cable.port)), name="test")

    async def provision(self, topology: Topology) -> None:
        """Make the host hold exactly this, consumers or not."""
        wanted = {queue.name for queue in topology.queues}
        async with await aio_pika.connect(self._host.amqp_url) as connection:
            channel = await connection.channel()
            for queue in await self._host.management.queues():
                if queue.name not in wanted:
                    await channel.queue_delete(queue.name)
        await self._host.provision(topology)

    async def go_away(self) -> None:
        """Pull the cable."""
        await self._cable.pull()
        await self._until(BrokerHealth.AWAY)

    async def come_back(self) -> None:
        """Put it back."""
        await self._cable.plug()
        await self._until(BrokerHealth.READY)

    async def _until(self, health: BrokerHealth) -> None:
        await eventually(lambda: self.broker.health is health)


@asynccontextmanager
async def rabbit_bus(located: Located, topology: Topology) -> AsyncIterator[RabbitBus]:
    """A bus on a virtual host of its own that holds a topology."""
    async with (
        virtual_host(located) as host,
        Cable(URL(host.amqp_url).port or 5672) as cable,
    ):
        await host.provision(topology)
        bus = RabbitBus(host, cable)
        async with bus.broker:
            await bus.broker.ready(PATIENCE)
            yield bus
