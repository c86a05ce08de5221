"""Bootstrap: the only place that builds the object graph, reads the clock and makes randomness."""

import asyncio
import gc
import itertools
import os
import random
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

from adapters.contract import Format
from adapters.endpoints.folder import FolderEndpoint
from adapters.endpoints.porter import Porter
from adapters.registry import format_named, load_formats
from bus.attachments.folder import FolderAttachments
from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.core.topology import Topology, desired
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import load_ring, load_signing_key
from bus.ports import Broker, NewId, Observer
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.locate import Located, locate
from bus.rabbit.management import Management
from bus.rabbit.provisioning import Defect, Provisioning
from bus.services.dispatch import Dispatch
from bus.services.inbound import Inbound
from bus.services.outbound import Outbound
from bus.services.worker import Adapter, Worker
from bus.settings import Settings
from bus.store.home import Home, Running
from bus.store.snapshot import DirectoryFile
from bus.store.sql import Store, open_store
from schemas.identifiers import MailboxName
from schemas.problem import AxisError

Progress = Callable[[str], None]
"""Told in one short sentence what the start is doing."""

_LOOK_AT_DIRECTORY_EVERY = timedelta(seconds=1)
_READY_DEADLINE = timedelta(seconds=30)

_log = structlog.get_logger()


def settle_process() -> None:
    """Make this process fit for its work; called once, before the loop.

    What was imported lives for ever and need not be looked through for garbage again and again:
    a tenth of the time of a hop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def now() -> datetime:
    """The moment, UTC."""
    return datetime.now(UTC)


def fresh_ids() -> NewId:
    """Message ids: unique by a random word of this process, fresh by a count."""
    word, numbers = secrets.token_urlsafe(12), itertools.count(1)
    return lambda: f"{word}-{next(numbers)}"


@dataclass(kw_only=True)
class Axis:
    """Everything that one process runs.

    Attributes:
        only: The mailboxes whose adapters run here; None: all of the directory's.
        routing: The directory as it is now; replaced when its file changes.
    """

    settings: Settings
    home: Home
    address: Located
    broker: Broker
    store: Store
    attachments: FolderAttachments
    directory: DirectoryFile
    observe: Observer
    only: frozenset[MailboxName] | None
    stop: asyncio.Event
    routing: Routing
    ring: KeyRing
    formats: Sequence[Format] = field(default_factory=lambda: tuple(load_formats().values()))

    def __post_init__(self) -> None:
        self._worker = Worker(self.stop)
        self._adapters: dict[MailboxName, Adapter] = {}
        self._reading = asyncio.Semaphore(self.settings.reading)
        self._seen = self.directory.stamp()
        self._new_id = fresh_ids()
        self._porter = Porter()

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The mailboxes whose adapters run here."""
        return tuple(m for m in self.routing.mailboxes if self.only is None or m in self.only)

    async def run(self) -> None:
        """Run the adapters until `stop` is set; take up changes of the directory meanwhile."""
        self._start_adapters()
        watching = asyncio.create_task(self._watch())
        try:
            await self._worker.until_stopped()
        finally:
            watching.cancel()

    def prepare(self) -> None:
        """Make every adapter, and with it its agency's folders; start none."""
        for mailbox in self.mailboxes:
            if mailbox not in self._adapters:
                self._adapters[mailbox] = self._adapter(mailbox)

    def _start_adapters(self) -> None:
        self.prepare()
        self._worker.start(self._adapters.values())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AT_DIRECTORY_EVERY.total_seconds())
            try:
                await self._take_up()
            except AxisError as error:
                # A wrong directory, or a broker that is away: the old state goes on serving.
                _log.error("directory_not_taken_up", problem=str(error.problem))

    async def _take_up(self) -> None:
        """Take up a changed directory: mailboxes and keys first, then who may send to whom."""
        stamp = self.directory.stamp()
        if stamp == self._seen:
            return
        routing = Routing(await asyncio.to_thread(self.directory.load))
        await provision(self.address, topology_of(self.settings, routing))
        self.ring = await asyncio.to_thread(_keys, self.home, routing)
        self.routing = routing
        self._start_adapters()
        self._seen = stamp
        _log.info("directory_taken_up", version=routing.directory.version)

    def _adapter(self, mailbox: MailboxName) -> Adapter:
        endpoint = FolderEndpoint(
            self.home.agencies / mailbox, settle=self.settings.settle, porter=self._porter
        )
        dispatch = Dispatch(
            mailbox=mailbox,
            key=load_signing_key(self.home.keys, mailbox, now=now()),
            publisher=self.broker,
            clock=now,
            new_id=self._new_id,
            deadline=self.settings.publish_deadline,
        )
        return Adapter(
            mailbox=mailbox,
            outbound=Outbound(
                endpoint=endpoint,
                formats=self.formats,
                limits=self.settings.limits,
                routing=lambda: self.routing,
                attachments=self.attachments,
                records=self.store.records,
                dispatch=dispatch,
                clock=now,
                jitter=random.random,
                observe=self.observe,
                slots=self._reading,
                poll=self.settings.poll,
                stop=self.stop,
            ),
            inbound=Inbound(
                endpoint=endpoint,
                format=format_named(self.routing.owner_of(mailbox).format),
                keys=lambda: self.ring,
                routing=lambda: self.routing,
                attachments=self.attachments,
                inbox=self.store.inbox,
                records=self.store.records,
                subscriber=self.broker,
                dispatch=dispatch,
                clock=now,
                new_id=self._new_id,
                jitter=random.random,
                observe=self.observe,
                prefetch=self.settings.prefetch,
                stop=self.stop,
            ),
        )


@asynccontextmanager
async def open_axis(
    settings: Settings,
    *,
    only: frozenset[MailboxName] | None,
    observe: Observer,
    stop: asyncio.Event,
    progress: Progress,
) -> AsyncIterator[Axis]:
    """Build everything; on the way out take it down in the reverse order.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
    """
    home = Home(settings.home.absolute())
    async with AsyncExitStack() as stack:
        stack.enter_context(home.in_use())
        directory = DirectoryFile(home.directory)
        routing = Routing(directory.load())
        progress("preparing keys")
        ring = await asyncio.to_thread(_keys, home, routing)
        store = await stack.enter_async_context(open_store(settings.store_url))
        progress("starting the broker")
        address = await stack.enter_async_context(located_broker(settings))
        await _must_impersonate(address)
        progress("preparing mailboxes")
        await provision(address, topology_of(settings, routing))
        broker = await stack.enter_async_context(
            RabbitBroker(address.amqp_url, name="lienthong", impersonates=True)
        )
        await broker.ready(_READY_DEADLINE)
        axis = Axis(
            settings=settings,
            home=home,
            address=address,
            broker=broker,
            store=store,
            attachments=FolderAttachments(home.attachments, now=now()),
            directory=directory,
            observe=observe,
            only=only,
            stop=stop,
            routing=routing,
            ring=ring,
        )
        axis.prepare()
        # Nobody else works on these mailboxes: what a crash left leased is free at once.
        await store.inbox.reclaim(axis.mailboxes)
        stack.enter_context(
            home.announced(
                Running(
                    pid=os.getpid(),
                    amqp_url=address.amqp_url,
                    management_url=address.management_url,
                )
            )
        )
        yield axis


def topology_of(settings: Settings, routing: Routing) -> Topology:
    """What the broker must hold for a directory."""
    return desired(routing.mailboxes, ledger=settings.ledger)


async def provision(address: Located, wanted: Topology) -> None:
    """Make the broker as wanted.

    Raises:
        ConfigurationError: E_TOPOLOGY names the object that cannot be made so.
    """
    async with managed(address) as management:
        provisioning = Provisioning(address.amqp_url, management)
        applied = await provisioning.apply(await provisioning.plan(wanted))
        found = applied.findings or await provisioning.verify(wanted)
    for finding in found:
        # A queue without a leader would hold up every publish that shares its channel.
        if finding.defect in {Defect.LEADERLESS, Defect.SILENT}:
            raise AxisError.of("E_TOPOLOGY", object=finding.name, cause=finding.sentence())


def _keys(home: Home, routing: Routing) -> KeyRing:
    """Every mailbox's key pair, made by the development authority where it is missing."""
    moment = now()
    authority = DevelopmentAuthority.open(home.keys, now=moment)
    authority.ensure(routing.mailboxes, now=moment)
    return load_ring(home.keys)


@asynccontextmanager
async def located_broker(settings: Settings) -> AsyncIterator[Located]:
    """The broker that the settings ask for, or one of our own that ends with this block."""
    async with locate(
        amqp_url=settings.amqp_url,
        management_url=settings.management_url,
        home=settings.home.absolute(),
        may_install=settings.may_install,
    ) as located:
        yield located


@asynccontextmanager
async def reached_broker(settings: Settings) -> AsyncIterator[Located]:
    """The broker of the axis that runs in this home; if none does, as `located_broker`."""
    running = Home(settings.home.absolute()).running()
    given = (
        {}
        if running is None
        else {"amqp_url": running.amqp_url, "management_url": running.management_url}
    )
    async with located_broker(settings.model_copy(update=given)) as located:
        yield located


async def _must_impersonate(located: Located) -> None:
    """One process stands in for many agencies: its account must be allowed to name each.

    Raises:
        ConfigurationError: E_SETTING says which tag the account lacks.
    """
    if located.impersonates:
        return
    async with managed(located) as management:
        tags = await management.tags()
    if "impersonator" not in tags:
        cause = "its account needs the tag impersonator: rabbitmqctl set_user_tags <account> ..."
        raise AxisError.of("E_SETTING", name="LIENTHONG_AMQP_URL", cause=cause)


def managed(located: Located) -> Management:
    """The management interface of a broker, for its virtual host."""
    return Management(located.management_url, vhost=located.vhost)
