"""Parent: builds what starts and watches the processes of one home.

`open_axis` is the hub's: it finds or starts a broker, makes missing keys, provisions mailboxes, and
runs workers and the dead letters. `open_connection` is an agency's on its own machine: it runs one
worker under the agency's own account on the hub's broker, provisions nothing and holds no key but
its own. Either way the children are commands that also run alone.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from bus.bootstrap.broker import located_broker, provision, suspended_in, topology_of, url_of
from bus.bootstrap.directory import directory_of
from bus.bootstrap.header_signature import header_signer
from bus.bootstrap.hub import at_home, must_be_able_to_connect, until_let_in
from bus.bootstrap.observability import (
    ObservedProcess,
    free_ports,
    hindrances_of,
    observed,
    url_at,
)
from bus.bootstrap.participants import participants_of
from bus.bootstrap.pdf import trust_list_of
from bus.bootstrap.process import now, processors
from bus.core.events import ServiceName
from bus.core.logins import WORKER_ACCOUNT
from bus.core.placement import worker_count
from bus.core.routing import Routing
from bus.core.topology import HANDLER_ACCOUNT
from bus.home.layout import Home, Running
from bus.home.slots import DEAD_LETTERS, dead_letters_name, workers_of
from bus.home.targets import TargetsFile
from bus.keys.authority import DevelopmentAuthority, lacking
from bus.keys.folder import KeyFolder
from bus.keys.issuance import DEVELOPMENT
from bus.keys.ring import load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.health import Reason
from bus.pdf.trust_list import read_trust_list
from bus.ports.children import Command
from bus.processes.launcher import ProcessLauncher
from bus.rabbit.locate import Located
from bus.services.participants import Change, Participants
from bus.services.supervisor import Supervisor
from bus.settings import Settings
from bus.store.sql import Store, open_store
from schemas.codes import FormatName
from schemas.identifiers import MailboxName
from schemas.problem import AxisError

Progress = Callable[[str], None]
"""Told in one short sentence what the start is doing."""

_WORKERS_DEADLINE = timedelta(seconds=15)
_LOOK_EVERY = timedelta(milliseconds=50)

_log = structlog.get_logger()


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
async def open_axis(
    settings: Settings,
    *,
    only: frozenset[MailboxName] | None,
    stop: asyncio.Event,
    progress: Progress,
    keep_broker: bool = True,
) -> AsyncIterator[Parent]:
    """Build everything, and start the children; on the way out take it down in reverse order.

    Args:
        keep_broker: Whether a broker of our own keeps its data for the next start.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
        TransportError: A given broker or database does not answer now.
    """
    home = Home(settings.home.absolute())
    async with AsyncExitStack() as stack:
        stack.enter_context(home.in_use())
        await asyncio.to_thread(home.await_workers, _WORKERS_DEADLINE)
        trust_list = trust_list_of(settings)
        if trust_list is not None:
            await asyncio.to_thread(read_trust_list, trust_list)
        progress("preparing keys")
        routing = Routing(await asyncio.to_thread(directory_of(settings).load))
        served = [m for m in routing.mailboxes if only is None or m in only]
        await asyncio.to_thread(ensure_keys, settings, home, routing, served)
        workers = worker_count(settings.workers, processors=processors(), mailboxes=len(served))
        settings = _with_ports(settings, 2 + workers)
        process = await stack.enter_async_context(observed(settings, "up", stop, is_parent=True))
        store = await stack.enter_async_context(open_store(settings.store_url))
        participants = await participants_of(
            settings, home, store, only=only, observe=process.observe
        )
        await asyncio.to_thread(_must_be_able_to_sign, settings, home, participants)
        progress("starting the broker")
        address = await stack.enter_async_context(located_broker(settings, keep=keep_broker))
        progress("preparing mailboxes")
        await provision(settings, address, topology_of(settings, participants.routing))

        async def prepare(change: Change) -> None:
            """Mailboxes, accounts and keys for another directory."""
            if change.is_of_directory:
                # Whom the directory suspends or no longer knows is out at once.
                gone = frozenset(change.before.mailboxes) - frozenset(change.after.mailboxes)
                shut_out = suspended_in(change.after) | gone
                await provision(
                    settings, address, topology_of(settings, change.after, suspended=shut_out)
                )
            await asyncio.to_thread(
                ensure_keys, settings, home, change.after, participants.mailboxes
            )

        participants.changed = prepare
        arguments = _arguments(home, only)
        worker_url = url_of(settings, address, WORKER_ACCOUNT)
        handler = {
            "amqp_url": url_of(settings, address, HANDLER_ACCOUNT),
            "management_url": address.management_url,
        }
        commands = [
            *_worker_commands(settings, home, arguments, worker_url, workers),
            _command(
                DEAD_LETTERS,
                (DEAD_LETTERS, *arguments),
                settings=settings,
                home=home,
                place=1 + workers,
                given=handler,
            ),
        ]
        progress(f"starting workers: {workers}")
        parent = await stack.enter_async_context(
            _started(
                settings=settings,
                home=home,
                address=address,
                store=store,
                process=process,
                participants=participants,
                commands=commands,
                workers=workers,
                stop=stop,
            )
        )
        urls = _urls(settings, 2 + workers)
        TargetsFile(home.prometheus_targets).save(axis=urls, broker=address.metrics_url)
        stack.enter_context(
            home.announced(
                Running(
                    pid=os.getpid(),
                    amqp_url=address.amqp_url,
                    management_url=address.management_url,
                    metrics_url=urls[0] if urls else None,
                    worker_metrics_urls=urls[1 : 1 + workers],
                    dead_letters_metrics_url=urls[-1] if urls else None,
                )
            )
        )
        yield parent


@asynccontextmanager
async def open_connection(
    settings: Settings, agency: str, *, stop: asyncio.Event, progress: Progress
) -> AsyncIterator[Parent]:
    """Build everything, and start the worker; on the way out take it down in reverse order.

    Args:
        agency: Its own code; it must have a mailbox.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
    """
    home, mailbox = Home(settings.home.absolute()), MailboxName(agency)
    settings = at_home(settings, home, agency)
    async with AsyncExitStack() as stack:
        stack.enter_context(home.in_use())
        await asyncio.to_thread(home.await_workers, _WORKERS_DEADLINE)
        url = await asyncio.to_thread(must_be_able_to_connect, settings, home, mailbox)
        directory = await asyncio.to_thread(directory_of(settings).load)
        if mailbox not in Routing(directory).mailboxes:
            raise AxisError.of("E_AGENCY_UNKNOWN", code=agency)
        settings = _with_ports(settings, 2)
        process = await stack.enter_async_context(
            observed(settings, "connect", stop, is_parent=True)
        )
        store = await stack.enter_async_context(open_store(settings.store_url))
        participants = await participants_of(
            settings,
            home,
            store,
            only=frozenset({mailbox}),
            observe=process.observe,
            is_hub=False,
        )
        await asyncio.to_thread(_must_be_able_to_sign, settings, home, participants)
        await until_let_in(url, mailbox, stop=stop, health=process.health, progress=progress)
        arguments = _arguments(home, [mailbox])
        parent = await stack.enter_async_context(
            _started(
                settings=settings,
                home=home,
                address=None,
                store=store,
                process=process,
                participants=participants,
                commands=_worker_commands(settings, home, arguments, url, 1),
                workers=1,
                stop=stop,
            )
        )
        TargetsFile(home.prometheus_targets).save(axis=_urls(settings, 2), broker=None)
        yield parent


@asynccontextmanager
async def _started(
    *,
    settings: Settings,
    home: Home,
    address: Located | None,
    store: Store,
    process: ObservedProcess,
    participants: Participants,
    commands: Sequence[Command],
    workers: int,
    stop: asyncio.Event,
) -> AsyncIterator[Parent]:
    """Start the children and wait until they serve; at the exit they drain and end."""
    up = asyncio.Event()
    supervisor = Supervisor(
        launcher=ProcessLauncher(),
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
        metrics_url=next(iter(_urls(settings, 1)), None),
    )
    # What an earlier parent left when it was killed says nothing about these children.
    for name in (*workers_of(home.slots, workers=workers), dead_letters_name(home.slots)):
        await store.leases.leave(name)
    supervisor.start()
    try:
        await parent.until_up()
        up.set()
        process.is_ready_when(more=parent.hindrances)
        yield parent
    finally:
        await supervisor.drain()


def _arguments(home: Home, only: Collection[MailboxName] | None) -> tuple[str, ...]:
    chosen = () if only is None else ("--agencies", ",".join(sorted(only)))
    return ("--home", str(home.path), *chosen)


def _worker_commands(
    settings: Settings, home: Home, arguments: Sequence[str], url: str, workers: int
) -> list[Command]:
    given = {"amqp_url": url, "management_url": None, "workers": workers}
    return [
        _command(
            f"worker {n}",
            ("worker", *arguments),
            settings=settings,
            home=home,
            place=n,
            given=given,
        )
        for n in range(1, workers + 1)
    ]


def _command(
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


def _with_ports(settings: Settings, count: int) -> Settings:
    """The settings with the first of so many ports in a row."""
    if not settings.metrics or settings.metrics_port is not None:
        return settings
    return settings.model_copy(update={"metrics_port": free_ports(settings.metrics_host, count)})


def _urls(settings: Settings, count: int) -> tuple[str, ...]:
    """Where the processes serve their metrics: the parent, its workers, the dead letters."""
    port = settings.metrics_port
    if not settings.metrics or port is None:
        return ()
    return tuple(url_at(settings, port + n) for n in range(count))


def ensure_keys(
    settings: Settings, home: Home, routing: Routing, served: Collection[MailboxName]
) -> None:
    """Key pairs made by the development authority where there are none at all; sealing keys.

    Whom we do not serve may sign elsewhere, with a private key that is there alone.
    """
    moment, files = now(), KeyFolder(home.keys)
    owners = [m for m in routing.mailboxes if m in served or not files.filed_under(m)]
    if lacking(home.keys, owners, now=moment):
        authority = DevelopmentAuthority.open(home.keys, now=moment, access=settings.key_access)
        authority.ensure(owners, now=moment)
    signing = partial(load_signing_key, home.keys, now=moment, access=settings.key_access)
    SealingFolder(home.keys).ensure(routing.mailboxes, signing=signing, now=moment)


def _must_be_able_to_sign(settings: Settings, home: Home, participants: Participants) -> None:
    """Stop the start if no agency can sign; one that cannot is reported by its worker alone.

    Raises:
        ConfigurationError: E_KEYS: no mailbox has a key to sign with; E_SETTING: one cannot sign
            the packets that it shall sign.
    """
    missing: list[AxisError] = []
    for mailbox in participants.mailboxes:
        try:
            key = load_signing_key(
                home.keys,
                mailbox,
                now=now(),
                access=settings.key_access,
                known=tuple(participants.ring),
            )
        except AxisError as error:
            missing.append(error)
            continue
        is_edxml = participants.routing.owner_of(mailbox).format == FormatName.EDXML
        if settings.sign_edxml and is_edxml:
            header_signer(key, mailbox, keys=home.keys)
    if missing and len(missing) == len(participants.mailboxes):
        raise missing[0]
