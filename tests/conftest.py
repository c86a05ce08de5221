"""Fixtures that need the outside: one RabbitMQ for the whole run. Without one, tests fail."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager

import pytest

from bus.core.topology import Topology
from bus.rabbit.container import ACCOUNT, IMAGE, Container
from bus.rabbit.installation import Installation
from bus.rabbit.locate import Located, Way, locate
from bus.rabbit.node import PrivateNode
from tests.support.buses import Bus, BusOf
from tests.support.rabbit_bus import VirtualHost, installation, installed, rabbit_bus, virtual_host

_MANAGEMENT_PORT = 15672


_MEANT = frozenset({"LIENTHONG_RABBITMQ", "LIENTHONG_MAY_INSTALL"})
"""The settings by which a run of the tests is told of what to start its nodes."""


def pytest_configure() -> None:
    """No other setting of this machine changes what is tested, nor names a broker in use.

    Tests kill, block and fill their nodes: a broker that somebody uses is never one of them.
    """
    for name in [name for name in os.environ if name.startswith("LIENTHONG_")]:
        if name not in _MEANT:
            del os.environ[name]


@pytest.fixture(scope="session")
async def rabbit() -> AsyncIterator[Located]:
    """A broker of our own: of the RabbitMQ that is named or installed, else a container."""
    if installation() is None and await Container.possible():
        with _test_container() as located:
            yield located
        return
    async with locate(
        installed=installed(), may_install=os.environ.get("LIENTHONG_MAY_INSTALL") == "yes"
    ) as located:
        yield located


@contextmanager
def _test_container() -> Iterator[Located]:
    """A broker of testcontainers: removed by its own watcher, even when the run is killed."""
    # Imported where it is used: it warns of its own doings, and few machines come here.
    from testcontainers.community.rabbitmq import RabbitMqContainer  # noqa: PLC0415

    container = RabbitMqContainer(IMAGE, username=ACCOUNT, password=secrets.token_hex(12))
    with container.with_exposed_ports(_MANAGEMENT_PORT):
        container.exec(["rabbitmqctl", "await_startup"])
        tags = ["administrator", "impersonator"]
        container.exec(["rabbitmqctl", "set_user_tags", ACCOUNT, *tags])
        login = f"{ACCOUNT}:{container.password}@{container.get_container_host_ip()}"
        amqp, management = map(container.get_exposed_port, (container.port, _MANAGEMENT_PORT))
        yield Located(
            amqp_url=f"amqp://{login}:{amqp}/",
            management_url=f"http://{login}:{management}",
            way=Way.CONTAINER,
        )


@pytest.fixture(scope="session", name="installation")
def installation_under_test() -> Installation:
    """RabbitMQ, as named or installed here."""
    found = installation()
    assert found is not None, "these tests kill a node of their own: install rabbitmq-server"
    return found


@pytest.fixture(scope="session")
async def mortal(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PrivateNode]:
    """A node with a folder, to be killed and started again by the tests of bad days."""
    node = PrivateNode(installation, tmp_path_factory.mktemp("mortal"))
    await node.start()
    yield node
    await node.stop()


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
