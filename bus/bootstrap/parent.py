"""Parent: starts and watches the processes of one home.

The hub's is built in `axis`, that of an agency on its own machine in `connection`. The children are
commands that also run alone.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from bus.bootstrap.observability import ObservedProcess, free_ports, hindrances_of, url_at
from bus.bootstrap.process import return_memory
from bus.core.events import ServiceName
from bus.core.routing import Routing
from bus.home.layout import Home
from bus.home.slots import DEAD_LETTERS, dead_letters_name, workers_of
from bus.keys.issuance import DEVELOPMENT
from bus.observability.health import Reason
from bus.ports.children import Command
from bus.processes.launcher import ProcessLauncher
from bus.rabbit.locate import Located
from bus.services.participants import Participants
from bus.services.supervisor import Supervisor
from bus.settings import Settings
from bus.store.sql import Store
from schemas.identifiers import MailboxName

Progress = Callable[[str], None]
"""Told in one short sentence what the start is doing."""

WORKERS_DEADLINE = timedelta(seconds=15)
"""How long a start waits for the workers of an earlier parent to end."""
_LOOK_EVERY = timedelta(milliseconds=50)


@dataclass(kw_only=True)
class Parent:
    """The processes of one home.

    Attributes:
        address: The broker, where this parent found or started it.
        metrics_url: Where this process serves its metrics; None: nowhere.
    """

    settings: Settings
    home: Home
    address: Located | None
    store: Store
    process: ObservedProcess
    supervisor: Supervisor
    participants: Participants
    workers: int
    stop: asyncio.Event
    metrics_url: str | None

    @property
    def routing(self) -> Routing:
        """The directory as it is now."""
        return self.participants.routing

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The mailboxes whose adapters run here."""
        return self.participants.mailboxes

    @property
    def signing_in_development(self) -> int:
        """How many of them were given their certificate by a development authority only."""
        keys = self.participants.ring.values()
        real = {key.owner for key in keys if DEVELOPMENT not in key.issuer}
        return sum(mailbox not in real for mailbox in self.mailboxes)

    async def run(self) -> None:
        """Run until `stop` is set, or the children cannot be kept running; then drain.

        Raises:
            ConfigurationError: Why the children cannot be kept running.
        """
        watch = self.process.runner.keep(ServiceName.DIRECTORY, self.participants.watch)
        watching = asyncio.create_task(watch)
        failed = asyncio.create_task(self.supervisor.failed())
        stopped = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait([stopped, failed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.stop.set()
            await self.supervisor.drain()
            for task in (watching, failed, stopped):
                task.cancel()
        for ended in await asyncio.gather(failed, watching, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def until_up(self) -> None:
        """Wait until every process runs and every mailbox is served, or until `stop` is set.

        Raises:
            ConfigurationError: Why a child cannot start.
        """
        failed = asyncio.create_task(self.supervisor.failed())
        stopped = asyncio.create_task(self.stop.wait())
        try:
            while not await self._is_up():
                waits = [failed, stopped]
                await asyncio.wait(
                    waits,
                    timeout=_LOOK_EVERY.total_seconds(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if failed.done():
                    failed.result()
                if stopped.done():
                    return
        finally:
            failed.cancel()
            stopped.cancel()

    async def _is_up(self) -> bool:
        live = await self.store.leases.serving()
        running = {name.rpartition("/")[2] for name in live}
        wanted = {str(n + 1) for n in range(self.workers)}
        if self.address is not None:
            wanted.add(DEAD_LETTERS)
        return wanted <= running and sum(live.values()) >= len(self.participants.active)

    def hindrances(self) -> Sequence[Reason]:
        """The reasons why this home does not work as it should."""
        missing = self.supervisor.missing
        idle = [Reason(reason="adapters_not_started", detail=", ".join(missing))] if missing else []
        if self.process.metrics is not None:
            lost = sum(name.startswith("worker") for name in missing)
            self.process.metrics.running(self.workers - lost, wanted=self.workers)
        return [*idle, *hindrances_of(self.participants)]


@asynccontextmanager
async def started(
    *,
    settings: Settings,
    home: Home,
    address: Located | None,
    store: Store,
    process: ObservedProcess,
    participants: Participants,
    launcher: ProcessLauncher,
    commands: Sequence[Command],
    stop: asyncio.Event,
) -> AsyncIterator[Parent]:
    """Start the children and wait until they serve; at the exit they drain and end."""
    up, workers = asyncio.Event(), len([c for c in commands if c.name != DEAD_LETTERS])
    supervisor = Supervisor(
        launcher=launcher,
        commands=commands,
        observe=process.observe,
        jitter=random.random,
        stop=stop,
        settled=up.is_set,
    )
    parent = Parent(
        settings=settings,
        home=home,
        address=address,
        store=store,
        process=process,
        supervisor=supervisor,
        participants=participants,
        workers=workers,
        stop=stop,
        metrics_url=next(iter(urls_of(settings, 1)), None),
    )
    # What an earlier parent left when it was killed says nothing about these children.
    for name in (*workers_of(home.slots, workers=workers), dead_letters_name(home.slots)):
        await store.leases.leave(name)
    supervisor.start()
    try:
        await parent.until_up()
        up.set()
        launcher.dismiss()
        return_memory()
        process.is_ready_when(more=parent.hindrances)
        yield parent
    finally:
        await supervisor.drain()


def arguments_of(home: Home, only: Collection[MailboxName] | None) -> tuple[str, ...]:
    """The options with which a child finds the home and the mailboxes of its parent."""
    chosen = () if only is None else ("--agencies", ",".join(sorted(only)))
    return ("--home", str(home.path), *chosen)


def worker_commands(
    settings: Settings, home: Home, arguments: Sequence[str], url: str, workers: int
) -> list[Command]:
    """The commands that run so many workers, which log in with the broker's URL that is given."""
    given = {"amqp_url": url, "management_url": None, "workers": workers}
    return [
        command_of(
            f"worker {n}",
            ("worker", *arguments),
            settings=settings,
            home=home,
            place=n,
            given=given,
        )
        for n in range(1, workers + 1)
    ]


def command_of(
    name: str,
    arguments: Sequence[str],
    *,
    settings: Settings,
    home: Home,
    place: int,
    given: Mapping[str, object],
) -> Command:
    """A command with the settings of this process, but for what is its own.

    Args:
        place: Its port comes so many after that of the parent.
    """
    port = None if settings.metrics_port is None else settings.metrics_port + place
    own = {"home": home.path, "metrics_port": port, **given}
    environment = settings.model_copy(update=own).environment
    return Command(name=name, arguments=arguments, environment=environment)


def with_ports(settings: Settings, count: int) -> Settings:
    """The settings with the first of so many ports in a row."""
    if not settings.metrics or settings.metrics_port is not None:
        return settings
    return settings.model_copy(update={"metrics_port": free_ports(settings.metrics_host, count)})


def urls_of(settings: Settings, count: int) -> tuple[str, ...]:
    """Where the processes serve their metrics: the parent, its workers, the dead letters."""
    port = settings.metrics_port
    if not settings.metrics or port is None:
        return ()
    return tuple(url_at(settings, port + n) for n in range(count))
