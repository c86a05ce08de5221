"""A bus for contract tests: one broker, and power over its good and bad days."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from bus.core.topology import Topology
from bus.ports import Broker


class Bus(Protocol):
    """One broker with a virtual host of its own."""

    @property
    def broker(self) -> Broker:
        """The implementation under test, connected."""

    @property
    def account(self) -> str:
        """The only account it may publish as."""

    async def provision(self, topology: Topology) -> None:
        """Make the host hold exactly this; a queue that is not in it is deleted."""

    async def go_away(self) -> None:
        """Cut the connections and refuse new ones, until `come_back`."""

    async def come_back(self) -> None:
        """Be reachable again."""


BusOf = Callable[[Topology], AbstractAsyncContextManager[Bus]]
"""A bus that holds a topology, until the exit."""
