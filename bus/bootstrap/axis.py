"""Axis: the one parent: has the home, the broker and the directory, and supervises the workers."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from adapters.registry import require_format
from bus.bootstrap.broker import located_broker, must_impersonate, provision, topology_of
from bus.bootstrap.letters import dead_letter_handler
from bus.bootstrap.process import now, processors
from bus.core.events import Event
from bus.core.routing import Routing
from bus.core.share import WorkerName, workers_for
from bus.keys.authority import DevelopmentAuthority
from bus.keys.ring import load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.traces import tracing
from bus.ports import Observer
from bus.processes.launcher import ProcessLauncher
from bus.rabbit.locate import Located
from bus.services.dead_letters import DeadLetterHandler
from bus.services.supervisor import Supervisor
from bus.settings import Settings
from bus.store.home import Home, Running
from bus.store.paused import PausedFile
from bus.store.snapshot import DirectoryFile
from bus.store.sql import Store, open_store
from schemas.identifiers import MailboxName
from schemas.problem import AxisError

Progress = Callable[[str], None]
"""Told in one short sentence what the start is doing."""

_LOOK_AT_DIRECTORY_EVERY = timedelta(seconds=1)
_WORKERS_DEADLINE = timedelta(seconds=15)

_log = structlog.get_logger()


@dataclass(kw_only=True)
class Axis:
    """Everything that the parent of one home runs.

    Attributes:
        store: What the workers have tables in; open as long as they are.
        handler: The dead-letter handler; runs here, because it serves the whole axis.
        only: The mailboxes whose adapters run; None: all of the directory's.
        routing: The directory as it is now; replaced when its file changes.
    """

    settings: Settings
    home: Home
    address: Located
    store: Store
    directory: DirectoryFile
    supervisor: Supervisor
    handler: DeadLetterHandler
    only: frozenset[MailboxName] | None
    stop: asyncio.Event
    routing: Routing

    def __post_init__(self) -> None:
        self._seen = self.directory.stamp()

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The mailboxes whose adapters run."""
        return _served(self.routing, self.only)

    async def run(self) -> None:
        """Run until `stop` is set, or something of the axis cannot go on; then drain.

        Raises:
            ConfigurationError: Why the workers cannot be kept running.
        """
        handling = asyncio.create_task(self.handler.run())
        services = [
            asyncio.create_task(self.supervisor.failed()),
            asyncio.create_task(self._watch()),
        ]
        stopped = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait([stopped, handling, *services], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.stop.set()
            await self.supervisor.drain()
            # Last, for it records what the workers fail on to the end.
            self.handler.stop.set()
            for service in services:
                service.cancel()
        for ended in await asyncio.gather(handling, *services, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AT_DIRECTORY_EVERY.total_seconds())
            try:
                await self._take_up()
            except AxisError as error:
                # A wrong directory, or a broker that is away: the old state goes on serving.
                _log.error("directory_not_taken_up", problem=str(error.problem))

    async def _take_up(self) -> None:
        """Take up a changed directory: mailboxes and keys first, then the workers learn of it."""
        stamp = self.directory.stamp()
        if stamp == self._seen:
            return
        routing = Routing(await asyncio.to_thread(self.directory.load))
        _require_formats(routing, _served(routing, self.only))
        await provision(self.address, topology_of(self.settings, routing))
        await asyncio.to_thread(_ensure_keys, self.home, routing)
        self.routing = routing
        self.supervisor.take_up(routing.directory, self.mailboxes)
        self._seen = stamp
        _log.info("directory_taken_up", version=routing.directory.version)


@asynccontextmanager
async def open_axis(
    settings: Settings,
    *,
    only: frozenset[MailboxName] | None,
    observe: Observer,
    stop: asyncio.Event,
    progress: Progress,
) -> AsyncIterator[Axis]:
    """Build everything, workers included; on the way out take it down in the reverse order.

    Args:
        observe: Hears the events of all workers.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
    """
    home = Home(settings.home.absolute())
    async with AsyncExitStack() as stack:
        stack.enter_context(home.in_use())
        await asyncio.to_thread(home.await_workers, _WORKERS_DEADLINE)
        paused = PausedFile(home.paused)
        paused.save()
        observe = _noting(paused, observe)
        directory = DirectoryFile(home.directory)
        routing = Routing(directory.load())
        mailboxes = _served(routing, only)
        _require_formats(routing, mailboxes)
        progress("preparing keys")
        await asyncio.to_thread(_ensure_keys, home, routing)
        store = await stack.enter_async_context(open_store(settings.store_url))
        progress("starting the broker")
        address = await stack.enter_async_context(located_broker(settings))
        await must_impersonate(address)
        progress("preparing mailboxes")
        await provision(address, topology_of(settings, routing))
        workers = workers_for(settings.workers, processors=processors(), mailboxes=len(mailboxes))
        supervisor = Supervisor(
            launcher=_launcher(settings, home, address),
            workers=workers,
            observe=observe,
            jitter=random.random,
            stop=stop,
        )
        progress(f"starting workers: {len(workers)}")
        handler = await stack.enter_async_context(
            dead_letter_handler(
                settings,
                address,
                routing=lambda: axis.routing,
                observe=observe,
                stop=asyncio.Event(),
                tracer=stack.enter_context(tracing(settings.traces_url, process="axis")),
            )
        )
        axis = Axis(
            settings=settings,
            home=home,
            address=address,
            store=store,
            directory=directory,
            supervisor=supervisor,
            handler=handler,
            only=only,
            stop=stop,
            routing=routing,
        )
        await stack.enter_async_context(supervisor.supervising(routing.directory, mailboxes))
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


def _noting(paused: PausedFile, observe: Observer) -> Observer:
    """Keep an eye on who is away, for operators, while telling whoever else listens."""

    def tell(event: Event) -> None:
        paused.note(event, now=now())
        observe(event)

    return tell


def _served(routing: Routing, only: frozenset[MailboxName] | None) -> tuple[MailboxName, ...]:
    return tuple(m for m in routing.mailboxes if only is None or m in only)


def _require_formats(routing: Routing, mailboxes: Iterable[MailboxName]) -> None:
    """The code of formats is for the workers: it may be a stranger's, and crash."""
    for name in {routing.owner_of(mailbox).format for mailbox in mailboxes}:
        require_format(name)


def _ensure_keys(home: Home, routing: Routing) -> None:
    """Every mailbox's key pairs: those to sign made by the development authority, then to seal."""
    moment = now()
    DevelopmentAuthority.open(home.keys, now=moment).ensure(routing.mailboxes, now=moment)
    SealingFolder(home.keys).ensure(
        routing.mailboxes,
        signing=lambda owner: load_signing_key(home.keys, owner, now=moment),
        now=moment,
    )


def _launcher(settings: Settings, home: Home, address: Located) -> ProcessLauncher:
    """Workers get the settings of this process, and the broker that it has found."""
    found = {
        "home": home.path,
        "amqp_url": address.amqp_url,
        "management_url": address.management_url,
    }

    def arguments(worker: WorkerName) -> tuple[str, ...]:
        return ("worker", "--home", str(home.path), "--part", worker)

    return ProcessLauncher(
        "bus.cli", arguments, environment=settings.model_copy(update=found).environment
    )
