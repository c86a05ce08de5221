"""A private node that may be harmed: it belongs to the bad days alone."""

from collections.abc import AsyncIterator

import pytest

from bus.rabbit.installation import Installation
from bus.rabbit.node import PrivateNode


@pytest.fixture(scope="session")
def installation() -> Installation:
    """RabbitMQ, as installed here."""
    found = Installation.find()
    assert found is not None, "these tests kill a node of their own: install rabbitmq-server"
    return found


@pytest.fixture(scope="session")
async def mortal(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PrivateNode]:
    """A node with a folder, to be killed and started again."""
    node = PrivateNode(installation, tmp_path_factory.mktemp("mortal"))
    await node.start()
    yield node
    await node.stop()
