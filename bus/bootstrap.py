"""Bootstrap: the only place that builds the object graph, reads the clock and makes randomness."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from adapters.contract import Format
from adapters.endpoints.folder import FolderEndpoint
from adapters.registry import format_named, load_formats
from bus.attachments.folder import FolderAttachments
from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.core.topology import Topology, desired
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import load_ring, load_signing_key
from bus.ports import Broker, Observer
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.locate import BrokerAddress, find_broker
from bus.rabbit.provisioning import provision
from bus.services.dispatch import Dispatch
from bus.services.inbound import Inbound
from bus.services.outbound import Outbound
from bus.services.worker import Adapter, Worker
from bus.settings import Settings
from bus.store.home import Home, Running
from bus.store.snapshot import DirectoryFile
from bus.store.sql import Store, open_store
from schemas.codes import FormatName
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError
from schemas.vietnam import day_in_vietnam

Progress = Callable[[str], None]
"""Told in one short sentence what the start is doing."""

_LOOK_AT_DIRECTORY_EVERY = 1.0


def now() -> datetime:
    """The moment, UTC."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Axis:
    """Everything that one process runs.

    Attributes:
        only: The mailboxes whose adapters run here; None: all of the directory's.
    """

    settings: Settings
    home: Home
    address: BrokerAddress
    broker: Broker
    store: Store
    attachments: FolderAttachments
    directory: DirectoryFile
    observe: Observer
    only: frozenset[MailboxName] | None
    stop: asyncio.Event
    routing: Routing
    ring: KeyRing = field(default_factory=KeyRing)

    def __post_init__(self) -> None:
        self.worker = Worker(self.stop)
        self._formats: tuple[Format, ...] = tuple(load_formats().values())
        self._slots = asyncio.Semaphore(self.settings.reading)

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The mailboxes whose adapters run here."""
        return tuple(m for m in self.routing.mailboxes if self.only is None or m in self.only)

    async def run(self) -> None:
        """Run the adapters until `stop` is set; take up changes of the directory meanwhile."""
        self.worker.start(self._adapter(mailbox) for mailbox in self.mailboxes)
        watching = asyncio.create_task(self._watch())
        try:
            await self.worker.until_stopped()
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        seen = self.directory.stamp()
        while True:
            await asyncio.sleep(_LOOK_AT_DIRECTORY_EVERY)
            stamp = self.directory.stamp()
            if stamp != seen:
                seen = stamp
                await self._take_up()
