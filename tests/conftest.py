"""Fixtures that need the outside: one RabbitMQ for the whole run. Without one, tests fail."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest

from bus.core.topology import Topology
from bus.rabbit.locate import Located, locate
from tests.buses import Bus, BusOf
from tests.rabbit_bus import VirtualHost, rabbit_bus, virtual_host


@pytest.fixture(scope="session")
async def rabbit() -> AsyncIterator[Located]:
    """A broker: the one named in the environment, or whatever `locate` finds."""
    async with locate(
        amqp_url=os.environ.get("LIENTHONG_AMQP_URL"),
        management_url=os.environ.get("LIENTHONG_MANAGEMENT_URL"),
        may_install=os.environ.get("LIENTHONG_MAY_INSTALL") == "yes",
    ) as located:
        yield located


@pytest.fixture
async def vhost(rabbit: Located) -> AsyncIterator[VirtualHost]:
    """A fresh virtual host."""
    async with virtual_host(rabbit) as host:
        yield host


@pytest.fixture
def rabbit_broker_factory(rabbit: Located) -> BusOf:
    """Buses on RabbitMQ, each on a virtual host of its own."""

    def factory(topology: Topology) -> AbstractAsyncContextManager[Bus]:
        return rabbit_bus(rabbit, topology)

    return factory
