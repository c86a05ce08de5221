"""Axis: the one parent: has the home, the broker and the directory, and supervises the workers."""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from adapters.registry import require_format
from bus.bootstrap.broker import located_broker, must_impersonate, provision, topology_of
from bus.bootstrap.directory import directory_of
from bus.bootstrap.letters import dead_letter_handler
from bus.bootstrap.process import now, processors
from bus.core.directory import vouched
from bus.core.ending import endings, next_change
from bus.core.events import CertificateEnding, Event
from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.core.share import WorkerName, workers_for
from bus.keys.authority import DEVELOPMENT, DevelopmentAuthority, lacking
from bus.keys.folder import KeyFolder
from bus.keys.revocation_fetch import HttpRevocationFetcher
from bus.keys.revocation_shelf import FolderRevocationShelf
from bus.keys.ring import counting, load_ring, load_signing_key
from bus.keys.sealing import SealingFolder
from bus.observability.traces import tracing
from bus.ports import Observer
from bus.processes.launcher import ProcessLauncher
from bus.rabbit.locate import Located
from bus.services.dead_letters import DeadLetterHandler
from bus.services.revocations import Revocations
from bus.services.supervisor import Supervisor
from bus.settings import Settings
from bus.store.home import Home, Running
from bus.store.paused import PausedFile
from bus.store.snapshot import DirectoryFile
from bus.store.sql import Store, open_store
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem

Progress = Callable[[str], None]
"""Told in one short sentence what the start is doing."""

_LOOK_EVERY = timedelta(seconds=1)
_WORKERS_DEADLINE = timedelta(seconds=15)
_NONCE_BYTES = 32
"""RFC 9654, 2.1."""

_log = structlog.get_logger()


@dataclass(kw_only=True)
class Axis:
    """Everything that the parent of one home runs.

    Attributes:
        store: What the workers have tables in; open as long as they are.
        handler: The dead-letter handler; runs here, because it serves the whole axis.
        revocations: The watch over revoked certificates; for the same reason.
        only: The mailboxes whose adapters run; None: all of the directory's.
        routing: The directory as it is now; replaced when its file changes.
        ring: The certificates as they are now; replaced when the key folder changes.
        seen: The stamps of directory and key folder when these were read.
        observe: Hears what the axis itself has to tell.
    """

    settings: Settings
    home: Home
    address: Located
    store: Store
    directory: DirectoryFile
    supervisor: Supervisor
    handler: DeadLetterHandler
    revocations: Revocations
    only: frozenset[MailboxName] | None
    stop: asyncio.Event
    routing: Routing
    ring: KeyRing
    seen: tuple[int, int]
    observe: Observer

    def __post_init__(self) -> None:
        self._until = next_change(self.ring.values(), now=now())
        self._told: set[tuple[str, timedelta]] = set()
        self._said_anew = False
        self._refusal: Problem | None = None

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The mailboxes whose adapters run."""
        return _served(self.routing, self.only)

    def read_keys_anew(self) -> None:
        """Let workers know soon what was said against keys, though no file of theirs changed."""
        self._said_anew = True

    @property
    def signing_in_development(self) -> int:
        """How many of them were given their certificate by a development authority only."""
        real = {key.owner for key in self.ring.values() if DEVELOPMENT not in key.issuer}
        return sum(mailbox not in real for mailbox in self.mailboxes)

    async def run(self) -> None:
        """Run until `stop` is set, or something of the axis cannot go on; then drain.

        Raises:
            ConfigurationError: Why the workers cannot be kept running.
        """
        handling = asyncio.create_task(self.handler.run())
        services = [
            asyncio.create_task(self.supervisor.failed()),
            asyncio.create_task(self._watch()),
            asyncio.create_task(self.revocations.run()),
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
        told = ""
        while True:
            self._warn()
            await asyncio.sleep(_LOOK_EVERY.total_seconds())
            try:
                await self._take_up()
                told = ""
            except AxisError as error:
                # A broker that is away, or keys that are being worked on: the old state goes on
                # serving, and it is tried again. It is said once.
                if (problem := str(error.problem)) != told:
                    _log.error("directory_not_taken_up", problem=problem)
                told = problem

    def _warn(self) -> None:
        """Tell of certificates that end soon, of each once within each of the warnings."""
        for ending in endings(counting(self.ring), now=now(), told=self._told):
            self._told.add((ending.key.thumbprint, ending.ahead))
            self.observe(
                CertificateEnding(
                    mailbox=ending.key.owner,
                    thumbprint=ending.key.thumbprint,
                    not_after=ending.key.not_after,
                    ahead=ending.ahead,
                )
            )

    async def _take_up(self) -> None:
        """Take up a changed directory, or changed keys.

        Mailboxes and keys come first, then the workers learn of them. The keys have also changed
        when a certificate begins or has ended.
        """
        seen, moment = await asyncio.to_thread(_stamp, self.directory, self.home), now()
        unchanged = seen == self.seen and not self._said_anew
        if unchanged and (self._until is None or moment < self._until):
            return
        routing, said_anew, self._said_anew = self.routing, self._said_anew, False
        if seen[0] != self.seen[0]:
            routing = await self._read_directory()
        try:
            # A broker in trouble must not keep workers from learning that a key was stolen.
            if routing is not self.routing:
                await provision(self.address, topology_of(self.settings, routing))
            await asyncio.to_thread(_ensure_keys, self.settings, self.home, routing)
            # Before the ring is read: what is filed meanwhile is seen at the next look.
            seen = (seen[0], await asyncio.to_thread(KeyFolder(self.home.keys).stamp))
            ring = await asyncio.to_thread(load_ring, self.home.keys)
            self.ring = ring.limited_to(vouched(routing.directory))
        except AxisError:
            self._said_anew |= said_anew
            raise
        self.routing = routing
        self.supervisor.take_up(routing.directory, self.mailboxes, certificates=tuple(self.ring))
        self.seen, self._until = seen, next_change(self.ring.values(), now=moment)
        _log.info(
            "directory_taken_up",
            version=routing.directory.version,
            certificates=len(self.ring),
        )

    async def _read_directory(self) -> Routing:
        """The directory as its file says; the one before it, when that must not be believed.

        That is said once: it is read again when its file has changed again.
        """
        try:
            routing = Routing(await asyncio.to_thread(self.directory.load))
            _require_formats(routing, _served(routing, self.only))
        except AxisError as error:
            version = self.routing.directory.version
            if error.problem != self._refusal:
                _log.error("directory_refused", problem=str(error.problem), goes_on_with=version)
            self._refusal = error.problem
            return self.routing
        self._refusal = None
        return routing


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
        directory = directory_of(settings)
        routing, directory_seen = Routing(directory.load()), directory.stamp()
        mailboxes = _served(routing, only)
        _require_formats(routing, mailboxes)
        progress("preparing keys")
        await asyncio.to_thread(_ensure_keys, settings, home, routing)
        # Before the ring is read: what is filed meanwhile is seen at the first look.
        seen = (directory_seen, KeyFolder(home.keys).stamp())
        ring = await asyncio.to_thread(_prove_keys, settings, home, routing, mailboxes)
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
            revocations=Revocations(
                fetcher=HttpRevocationFetcher(),
                shelf=FolderRevocationShelf(home.keys),
                every=settings.revocation_every,
                grace=settings.revocation_grace,
                nonce=partial(secrets.token_bytes, _NONCE_BYTES),
                clock=now,
                observe=observe,
                taken_up=lambda: axis.read_keys_anew(),  # noqa: PLW0108 (not bound yet)
            ),
            only=only,
            stop=stop,
            routing=routing,
            ring=ring,
            seen=seen,
            observe=observe,
        )
        await stack.enter_async_context(
            supervisor.supervising(routing.directory, mailboxes, certificates=tuple(ring))
        )
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


def _stamp(directory: DirectoryFile, home: Home) -> tuple[int, int]:
    """Changes whenever the directory or the key folder does."""
    return directory.stamp(), KeyFolder(home.keys).stamp()


def _ensure_keys(settings: Settings, home: Home, routing: Routing) -> None:
    """Every mailbox's key pairs, to sign and to be sealed to, made where there are none at all."""
    moment = now()
    if lacking(home.keys, routing.mailboxes, now=moment):
        authority = DevelopmentAuthority.open(home.keys, now=moment, access=settings.key_access)
        authority.ensure(routing.mailboxes, now=moment)
    SealingFolder(home.keys).ensure(
        routing.mailboxes,
        signing=lambda owner: load_signing_key(
            home.keys, owner, now=moment, access=settings.key_access
        ),
        now=moment,
    )


def _prove_keys(
    settings: Settings, home: Home, routing: Routing, mailboxes: Iterable[MailboxName]
) -> KeyRing:
    """The ring; and that every mailbox has something to sign with.

    Raises:
        ConfigurationError: E_KEYS says which has not, and why.
    """
    ring, moment = load_ring(home.keys).limited_to(vouched(routing.directory)), now()
    for mailbox in mailboxes:
        load_signing_key(
            home.keys, mailbox, now=moment, access=settings.key_access, known=tuple(ring)
        )
    return ring


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
