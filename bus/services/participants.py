"""The directory and the certificates of a home, as a process knows them now.

Processes do not notify each other. Each looks once a second whether the files of the home have
changed, and looks again before it refuses an unknown certificate or agency (decision record 0043).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from adapters.registry import require_format
from bus.core.backoff import pause_before
from bus.core.certificate_expiry import expiry_warnings, next_change
from bus.core.crash import problem_of
from bus.core.directory import vouched
from bus.core.events import ServiceName
from bus.core.key_events import CertificateEndNeared, KeyFileRefused
from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.home.directory_file import DirectoryFile
from bus.home.layout import Home
from bus.keys.folder import KeyFolder
from bus.keys.ring import keys_in_use, read_folder
from bus.ports import Clock, Observer
from bus.services.register_sync import RegisterSync
from schemas.identifiers import MailboxName
from schemas.problem import Problem, TransportError

LOOK_EVERY = timedelta(seconds=1)

LOOK_AT_FILES_EVERY = timedelta(seconds=30)
"""How often every key file is looked at, because one that is written in place does not change its
folder. In between only the folders are, unless something unknown is judged or a file is wrong."""

LOOKS_APART = timedelta(milliseconds=200)
"""The shortest time between two looks, so that forged messages cannot keep the disk busy."""

_MOST_POSTPONED = 3

_log = structlog.get_logger()

Served = Callable[[Routing], tuple[MailboxName, ...]]
"""Returns the mailboxes whose adapters may run here."""


@dataclass(frozen=True, slots=True)
class RoutingChange:
    """The directory before and after a change; the same when only certificates have changed."""

    before: Routing
    after: Routing


class Stamps(NamedTuple):
    """Numbers that change with the directory, with the folders of keys, and with any key file."""

    directory: int
    folders: int
    files: int


async def nothing(_: RoutingChange) -> None:
    """Ignore a change."""


@dataclass(kw_only=True)
class Participants:
    """The directory and the certificates of a home.

    Attributes:
        routing: The directory; replaced when its file has changed and is valid.
        ring: The certificates; replaced when the key folder has changed.
        changed: Called after a replacement; called again at the next look if it raises.
        sync: Copies the files of other homes first, where several homes share a database.
        warns: Whether this process reports wrong files and certificates that expire soon.
        refusal: Why the file of the directory is not used; the directory before stays in use.
        hindrance: Why the last look failed; it is repeated.
    """

    home: Home
    directory: DirectoryFile
    served: Served
    observe: Observer
    clock: Clock
    routing: Routing
    ring: KeyRing
    seen: Stamps
    changed: Callable[[RoutingChange], Awaitable[None]] = nothing
    sync: RegisterSync | None = None
    warns: bool = False
    refusal: Problem | None = None
    hindrance: Problem | None = None
    _told: set[tuple[str, timedelta]] = field(default_factory=set)
    _set_aside: frozenset[str] = frozenset()
    _postponed: int = 0
    _suspected: frozenset[str] = frozenset()
    _unfinished: list[RoutingChange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._until: datetime | None = next_change(self.ring.values(), now=self.clock())
        self._looking = asyncio.Lock()
        self._looked = self._looked_at_files = float("-inf")

    @classmethod
    def read(
        cls,
        home: Home,
        directory: DirectoryFile,
        *,
        served: Served,
        observe: Observer,
        clock: Clock,
        warns: bool = False,
    ) -> "Participants":
        """Read everything for the first time; blocking.

        Raises:
            ConfigurationError: The directory is not valid, or needs a format that is not installed.
        """
        routing, directory_seen = Routing(directory.load()), directory.stamp()
        _require_formats(routing, served(routing))
        # The stamps are older than the ring: the first look finds files that are stored meanwhile.
        keys = KeyFolder(home.keys)
        seen = Stamps(directory_seen, keys.quick_stamp(), keys.stamp())
        believed = read_folder(home.keys)
        participants = cls(
            home=home,
            directory=directory,
            served=served,
            observe=observe,
            clock=clock,
            routing=routing,
            ring=believed.ring.limited_to(vouched(routing.directory)),
            seen=seen,
            warns=warns,
        )
        participants._tell_set_aside(believed.set_aside)
        return participants

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The mailboxes whose adapters may run here."""
        return self.served(self.routing)

    @property
    def active(self) -> tuple[MailboxName, ...]:
        """The mailboxes that are not suspended. Messages from and to suspended ones wait."""
        owner = self.routing.owner_of
        return tuple(mailbox for mailbox in self.mailboxes if not owner(mailbox).suspended)

    async def watch(self) -> None:
        """Look for changes every second, for ever.

        When a file cannot be read (it is being written, a disk is away), the old state stays in
        use, and the next look is later each time. The problem is logged once.
        """
        failures, pause = 0, LOOK_EVERY
        while True:
            await asyncio.sleep(pause.total_seconds())
            try:
                self._warn()
                await self.look()
                failures, pause, self.hindrance = 0, LOOK_EVERY, None
            except Exception as error:  # noqa: BLE001 (the old state stays in use)
                failures += 1
                pause = pause_before(failures, jitter=0, first=LOOK_EVERY)
                problem = problem_of(error, stage=ServiceName.DIRECTORY)
                if problem != self.hindrance:
                    _log.error("directory_not_taken_up", problem=str(problem))
                self.hindrance = problem

    async def look_again(self) -> None:
        """Look before something unknown is refused. A file that cannot be read changes nothing."""
        asked = asyncio.get_running_loop().time()
        try:
            await asyncio.sleep(max(0, self._looked + LOOKS_APART.total_seconds() - asked))
            await self.look(asked)
        except Exception as error:  # noqa: BLE001 (`watch` reports it)
            _log.debug("directory_lookup_failed", problem=str(problem_of(error, stage="look")))

    async def look(self, asked: float | None = None) -> None:
        """Read what has changed.

        Args:
            asked: Do nothing if a look began after this time of the event loop's clock.
        """
        async with self._looking:
            if asked is not None and self._looked > asked:
                return
            self._looked = now = asyncio.get_running_loop().time()
            is_due = now > self._looked_at_files + LOOK_AT_FILES_EVERY.total_seconds()
            at_files = is_due or asked is not None or bool(self._suspected)
            if at_files:
                self._looked_at_files = now
            await self._take_up(at_files=at_files)

    async def _take_up(self, *, at_files: bool) -> None:
        """Read a changed directory or changed keys.

        The keys also change when a certificate becomes valid or expires.

        Args:
            at_files: Whether to look at every key file, or only at their folders.
        """
        if self.sync is not None:
            try:
                await self.sync.look()
            except TransportError as error:
                _log.debug("register_lookup_failed", problem=str(error.problem))
        seen, moment = await asyncio.to_thread(self._stamps, at_files=at_files), self.clock()
        if seen == self.seen and (self._until is None or moment < self._until):
            await self._finish()
            return
        routing, directory_seen = self.routing, seen.directory
        if directory_seen != self.seen.directory:
            routing = await self._read_directory()
        # The stamps are older than the ring: the next look finds files that are stored meanwhile.
        seen = await asyncio.to_thread(self._stamps, at_files=True)
        seen = seen._replace(directory=directory_seen)
        believed = await asyncio.to_thread(read_folder, self.home.keys)
        if self._is_at_work(believed.set_aside):
            return
        change = RoutingChange(self.routing, routing)
        self.ring = believed.ring.limited_to(vouched(routing.directory))
        self._tell_set_aside(believed.set_aside)
        self.routing = routing
        self.seen, self._until = seen, next_change(self.ring.values(), now=moment)
        _log.info(
            "directory_taken_up",
            version=routing.directory.version,
            certificates=len(self.ring),
        )
        self._unfinished.append(change)
        await self._finish()

    async def _finish(self) -> None:
        """Call `changed` for every change; the next look repeats what fails."""
        while self._unfinished:
            await self.changed(self._unfinished[0])
            self._unfinished.pop(0)

    def _warn(self) -> None:
        """Report certificates that expire soon, each once for each limit."""
        if not self.warns:
            return
        for ending in expiry_warnings(keys_in_use(self.ring), now=self.clock(), told=self._told):
            self._told.add((ending.key.thumbprint, ending.ahead))
            self.observe(
                CertificateEndNeared(
                    mailbox=ending.key.owner,
                    thumbprint=ending.key.thumbprint,
                    not_after=ending.key.not_after,
                    ahead=ending.ahead,
                )
            )

    def _is_at_work(self, set_aside: Iterable[Problem]) -> bool:
        """Whether somebody may be writing a file now, because one is wrong for the first time.

        Then the old state stays in use until the next look, but only a few times in a row:
        otherwise new wrong files could keep a revocation from taking effect.
        """
        before, self._suspected = self._suspected, frozenset(map(str, set_aside))
        suspicious = not self._suspected <= before
        self._postponed = self._postponed + 1 if suspicious else 0
        return 0 < self._postponed <= _MOST_POSTPONED

    def _tell_set_aside(self, set_aside: Iterable[Problem]) -> None:
        before, self._suspected = self._set_aside, frozenset(map(str, set_aside))
        self._set_aside = self._suspected
        for problem in set_aside:
            if self.warns and str(problem) not in before:
                self.observe(KeyFileRefused(problem=problem))

    async def _read_directory(self) -> Routing:
        """The directory in the file; the one before, if the file is not valid."""
        try:
            routing = Routing(await asyncio.to_thread(self.directory.load))
            _require_formats(routing, self.served(routing))
        except Exception as error:  # noqa: BLE001 (whatever is wrong with the file)
            problem, version = problem_of(error, stage="read"), self.routing.directory.version
            if problem != self.refusal and self.warns:
                _log.error("directory_refused", problem=str(problem), goes_on_with=version)
            self.refusal = problem
            return self.routing
        self.refusal = None
        return routing

    def _stamps(self, *, at_files: bool) -> Stamps:
        keys = KeyFolder(self.home.keys)
        files = keys.stamp() if at_files else self.seen.files
        return Stamps(self.directory.stamp(), keys.quick_stamp(), files)


def _require_formats(routing: Routing, mailboxes: Iterable[MailboxName]) -> None:
    """Check that formats are installed, without loading their code, which may crash."""
    for name in {routing.owner_of(mailbox).format for mailbox in mailboxes}:
        require_format(name)
