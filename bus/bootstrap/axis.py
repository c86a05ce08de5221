"""Axis: the one parent: has the home, the broker and the directory, and supervises the workers."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from bus.bootstrap.broker import (
    located_broker,
    managed,
    provision,
    suspended_in,
    topology_of,
    url_of,
)
from bus.bootstrap.dead_letters import DeadLetterParts, dead_letter_handler
from bus.bootstrap.directory import directory_of
from bus.bootstrap.gauges import survey
from bus.bootstrap.knowledge import Change, Knowledge
from bus.bootstrap.observability import axis_metrics, heard_by, not_ready, observed_axis, served_at
from bus.bootstrap.pdf import trust_list_of
from bus.bootstrap.process import now, processors
from bus.bootstrap.revocation import revocations_for
from bus.core.dead_letters.order import OrderState
from bus.core.dead_letters.report import Believed
from bus.core.events import Event, ServiceName
from bus.core.logins import WORKER_ACCOUNT
from bus.core.placement import WorkerName, workers_for
from bus.core.routing import Routing
from bus.core.topology import Topology
from bus.home.layout import Home, Running
from bus.home.paused import PausedFile
from bus.home.targets import TargetsFile
from bus.keys.authority import DevelopmentAuthority, lacking
from bus.keys.folder import KeyFolder
from bus.keys.ring import load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.health import Health
from bus.observability.metrics import AxisMetrics
from bus.observability.traces import tracing
from bus.pdf.trust_list import read_trust_list
from bus.ports import Broker, BrokerHealth, Observer
from bus.processes.launcher import ProcessLauncher
from bus.rabbit.alarms import AlarmWatch
from bus.rabbit.locate import Located
from bus.rabbit.tls import without_login
from bus.services.dead_letters import DeadLetterHandler
from bus.services.gauges import Survey
from bus.services.revocations import Revocations
from bus.services.service_runner import ServiceRunner
from bus.services.supervisor import Supervisor
from bus.settings import Settings
from bus.store.sql import Store, open_store
from schemas.identifiers import MailboxName

Progress = Callable[[str], None]
"""Told in one short sentence what the start is doing."""

_LOOK_EVERY = timedelta(seconds=1)
_WORKERS_DEADLINE = timedelta(seconds=15)

_log = structlog.get_logger()


@dataclass(kw_only=True)
class Axis:
    """Everything that the parent of one home runs.

    Attributes:
        store: What the workers have tables in; open as long as they are.
        handler: The dead-letter handler; runs here, because it serves the whole axis.
        revocations: The watch over revoked certificates; for the same reason.
        alarms: The watch over the broker's alarms.
        knowledge: The directory and the certificates as they are now.
        runner: What keeps the services running.
        metrics: None where none are kept; as `survey`.
    """

    settings: Settings
    home: Home
    address: Located
    store: Store
    supervisor: Supervisor
    handler: DeadLetterHandler
    revocations: Revocations
    alarms: AlarmWatch
    knowledge: Knowledge
    stop: asyncio.Event
    runner: ServiceRunner
    metrics: AxisMetrics | None
    survey: Survey | None

    def __post_init__(self) -> None:
        self._show_who_is_served()

    @property
    def routing(self) -> Routing:
        """The directory as it is now."""
        return self.knowledge.routing

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The mailboxes whose adapters run."""
        return self.knowledge.mailboxes

    @property
    def signing_in_development(self) -> int:
        """How many of them were given their certificate by a development authority only."""
        return self.knowledge.signing_in_development

    async def run(self) -> None:
        """Run until `stop` is set, or the workers cannot be kept running; then drain.

        Whatever else dies is started again by itself (`runner`).

        Raises:
            ConfigurationError: Why the workers cannot be kept running.
        """
        keep, watch = self.runner.keep, partial(self.knowledge.watch, self.supervisor, self)
        handling = asyncio.create_task(
            keep(ServiceName.DEAD_LETTERS, self.handler.run, stop=self.handler.stop)
        )
        failed = asyncio.create_task(self.supervisor.failed())
        services = [
            failed,
            asyncio.create_task(keep(ServiceName.DIRECTORY, watch)),
            asyncio.create_task(keep(ServiceName.REVOCATIONS, self.revocations.run)),
            asyncio.create_task(keep(ServiceName.BROKER, self.alarms.run)),
        ]
        if self.survey is not None:
            services.append(asyncio.create_task(keep(ServiceName.SURVEY, self.survey.run)))
        stopped = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait([stopped, failed], return_when=asyncio.FIRST_COMPLETED)
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

    async def prepare(self, change: Change) -> None:
        """Mailboxes and accounts for another directory, and the keys that are missing.

        Whom it suspends or no longer knows is out at once; whom it lets in again waits for
        `complete`, for documents would be refused that come before every worker knows.
        """
        # A broker in trouble must not keep workers from learning that a key was stolen.
        if change.is_of_directory:
            gone = frozenset(change.before.mailboxes) - frozenset(change.after.mailboxes)
            shut_out = suspended_in(change.before) | suspended_in(change.after) | gone
            await self._provision(topology_of(self.settings, change.after, suspended=shut_out))
        served = self.knowledge.served(change.after)
        await asyncio.to_thread(_ensure_keys, self.settings, self.home, change.after, served)

    async def complete(self, change: Change) -> None:
        """Let in again whom the directory no longer suspends."""
        self._show_who_is_served()
        if suspended_in(change.before) - suspended_in(change.after):
            await self._provision(topology_of(self.settings, change.after))

    async def _provision(self, wanted: Topology) -> None:
        await provision(self.settings, self.address, wanted)

    def _show_who_is_served(self) -> None:
        if self.metrics is not None:
            self.metrics.serving(
                self.mailboxes,
                known=self.routing.mailboxes,
                workers=len(self.supervisor.workers),
            )


@asynccontextmanager
async def open_axis(
    settings: Settings,
    *,
    only: frozenset[MailboxName] | None,
    observe: Observer,
    stop: asyncio.Event,
    progress: Progress,
    keep_broker: bool = True,
) -> AsyncIterator[Axis]:
    """Build everything, workers included; on the way out take it down in the reverse order.

    Args:
        observe: Hears the events of all workers.
        keep_broker: Whether a broker of our own keeps its data for the next start.

    Raises:
        ConfigurationError: One sentence says what the operator must mend.
        TransportError: A given broker or database does not answer now.
    """
    home = Home(settings.home.absolute())
    async with AsyncExitStack() as stack:
        stack.enter_context(home.in_use())
        await asyncio.to_thread(home.await_workers, _WORKERS_DEADLINE)
        paused = PausedFile(home.paused)
        paused.save()
        metrics = axis_metrics() if settings.metrics else None
        health = None if metrics is None else Health(metrics=metrics)
        observe = heard_by(
            noting(paused), metrics, None if health is None else health.note, observe
        )
        runner = ServiceRunner(observe=observe, jitter=random.random, stop=stop)
        trust_list = trust_list_of(settings)
        if trust_list is not None:
            await asyncio.to_thread(read_trust_list, trust_list)
        progress("preparing keys")

        def served(routing: Routing) -> tuple[MailboxName, ...]:
            return tuple(m for m in routing.mailboxes if only is None or m in only)

        knowledge = await asyncio.to_thread(
            Knowledge.read,
            settings,
            home,
            directory_of(settings),
            served=served,
            observe=observe,
            ensure_keys=lambda routing: _ensure_keys(settings, home, routing, served(routing)),
        )
        routing, mailboxes = knowledge.routing, knowledge.mailboxes
        workers = workers_for(settings.workers, processors=processors(), mailboxes=len(mailboxes))
        if health is not None:
            settings = await stack.enter_async_context(
                observed_axis(settings, health, runner, workers=len(workers))
            )
        store = await stack.enter_async_context(open_store(settings.store_url))
        progress("starting the broker")
        address = await stack.enter_async_context(located_broker(settings, keep=keep_broker))
        progress("preparing mailboxes")
        await provision(settings, address, topology_of(settings, routing))
        supervisor = Supervisor(
            launcher=launcher_of(
                settings,
                home,
                amqp_url=url_of(settings, address, WORKER_ACCOUNT),
                management_url=without_login(address.management_url),
            ),
            workers=workers,
            observe=observe,
            jitter=random.random,
            stop=stop,
        )
        progress(f"starting workers: {len(workers)}")
        office = await stack.enter_async_context(
            dead_letter_handler(
                settings,
                address,
                believed=lambda: Believed(keys=knowledge.ring, routing=knowledge.routing),
                observe=observe,
                published=metrics.published if metrics else None,
                stop=asyncio.Event(),
                tracer=stack.enter_context(tracing(settings.traces_url, process="axis")),
            )
        )
        management = await stack.enter_async_context(managed(address))
        alarms, looks = AlarmWatch(management), None
        if metrics is not None:
            looks = survey(
                metrics,
                home=home,
                store=store,
                letters=office.letters,
                management=management,
                known=lambda: axis.routing.mailboxes,
                served=lambda: axis.mailboxes,
                suspended=lambda: suspended_in(axis.routing),
                observe=observe,
            )
        axis = Axis(
            settings=settings,
            home=home,
            address=address,
            store=store,
            supervisor=supervisor,
            handler=office.handler,
            revocations=revocations_for(settings, knowledge, observe=observe),
            alarms=alarms,
            knowledge=knowledge,
            stop=stop,
            runner=runner,
            metrics=metrics,
            survey=looks,
        )
        if health is not None:
            health.broker = lambda: _health_of(office.broker, alarms)
            health.more = lambda: not_ready(supervisor, knowledge)
            health.ask_store = lambda: _ask_stores(store, office)
            health.write_store = lambda: _write_stores(store, office)
            stack.callback(health.stopping)
        await stack.enter_async_context(
            supervisor.supervising(
                routing.directory, knowledge.active, certificates=tuple(knowledge.ring)
            )
        )
        urls = served_at(settings, workers)
        TargetsFile(home.prometheus_targets).save(axis=urls, broker=address.metrics_url)
        stack.enter_context(
            home.announced(
                Running(
                    pid=os.getpid(),
                    amqp_url=address.amqp_url,
                    management_url=address.management_url,
                    metrics_url=urls[0] if urls else None,
                    worker_metrics_urls=urls[1:],
                )
            )
        )
        yield axis


def _health_of(broker: Broker, alarms: AlarmWatch) -> BrokerHealth:
    """How the broker looks; the handler, which publishes seldom, is told of no alarm."""
    health = broker.health
    return BrokerHealth.BLOCKED if alarms.active and health is BrokerHealth.READY else health


def noting(paused: PausedFile) -> Observer:
    """Keep an eye on who is away, for operators."""

    def note(event: Event) -> None:
        paused.note(event, now=now())

    return note


async def _ask_stores(store: Store, office: DeadLetterParts) -> None:
    """Read nothing from each. Raises `TransportError`."""
    await store.records.find(document_id="", limit=1)
    await office.letters.orders([OrderState.PENDING])


async def _write_stores(store: Store, office: DeadLetterParts) -> None:
    """Write nothing into each. Raises `TransportError`."""
    await store.prove_writable()
    await office.letters.prove_writable()


def _ensure_keys(
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
    SealingFolder(home.keys).ensure(
        routing.mailboxes,
        signing=lambda owner: load_signing_key(
            home.keys, owner, now=moment, access=settings.key_access
        ),
        now=moment,
    )


def launcher_of(
    settings: Settings, home: Home, *, amqp_url: str, management_url: str | None
) -> ProcessLauncher:
    """Workers get the settings of this process, and an account of their own at its broker.

    Args:
        management_url: None: an agency's own worker knows no management.
    """
    found = {"home": home.path, "amqp_url": amqp_url, "management_url": management_url}

    def arguments(worker: WorkerName) -> tuple[str, ...]:
        return ("worker", "--home", str(home.path), "--part", worker)

    return ProcessLauncher(
        "bus.cli", arguments, environment=settings.model_copy(update=found).environment
    )
