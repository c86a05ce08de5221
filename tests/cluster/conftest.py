"""One cluster for all tests of the folder; each has a virtual host of its own on it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from bus.rabbit.locate import Located, Way
from tests.cluster.agencies import Agencies, connected_agencies, left_by, settings_of
from tests.cluster.cluster import Cluster
from tests.support.rabbit_bus import VirtualHost, installation, virtual_host

Tell = Callable[[str], None]
"""Prints a line that is seen: the numbers are what the run is for."""

Correspondence = Callable[[], AbstractAsyncContextManager[Agencies]]
"""Agencies at work until the exit; then everything is awaited, counted and reconciled."""


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Past the capture of output."""

    def told(line: str) -> None:
        with capsys.disabled():
            print(f"\n  {line}", end="", flush=True)  # noqa: T201

    return told


@pytest.fixture(scope="session")
async def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """The cluster."""
    found = installation()
    assert found is not None, "these tests run nodes of their own: install rabbitmq-server"
    async with Cluster(found, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
async def cluster(three_nodes: Cluster) -> Cluster:
    """The cluster, whole before the test."""
    await three_nodes.whole()
    return three_nodes


@pytest.fixture
async def host(cluster: Cluster) -> AsyncIterator[VirtualHost]:
    """A fresh virtual host."""
    located = Located(
        amqp_url=cluster.amqp_url, management_url=cluster.management_url, way=Way.GIVEN
    )
    async with virtual_host(located) as fresh:
        yield fresh


@pytest.fixture
def correspondence(
    cluster: Cluster, host: VirtualHost, tmp_path: Path, tell: Tell
) -> Correspondence:
    """Three agencies on the cluster."""

    @asynccontextmanager
    async def agencies_at_work() -> AsyncIterator[Agencies]:
        settings = settings_of(
            tmp_path, amqp_url=host.amqp_url, management_url=cluster.management_url
        )
        async with connected_agencies(settings) as agencies, agencies.at_work():
            yield agencies
        waiting, parked = await left_by(settings)
        account = agencies.reconcile(waiting=waiting, parked=parked)
        tell(f"{account}")
        account.check()

    return agencies_at_work
