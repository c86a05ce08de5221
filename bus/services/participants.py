"""Participants: who takes part and with which certificates, as a process knows them now.

The files of the home are read anew when they have changed. Nothing is told between processes: each
looks once a second, and whoever meets a certificate, a mailbox or a recipient that it does not know
looks again before it judges (decision record 0043).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from adapters.registry import require_format
from bus.core.backoff import pause_before
from bus.core.certificate_expiry import endings, next_change
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
"""Looks that unknown certificates cause: whoever forges messages shall not keep the disk busy."""

_MOST_POSTPONED = 3

_log = structlog.get_logger()

Served = Callable[[Routing], tuple[MailboxName, ...]]
"""The mailboxes whose adapters may run here."""


@dataclass(frozen=True, slots=True)
class Change:
    """The directory before and after; often the same, and only certificates have changed."""

    before: Routing
    after: Routing

    @property
    def is_of_directory(self) -> bool:
        """Whether it is another directory."""
        return self.before is not self.after


class Stamps(NamedTuple):
    """Numbers that change with the directory, with the folders of keys, and with any key file."""

    directory: int
    folders: int
    files: int


async def nothing(_: Change) -> None:
    """Do nothing about a change."""


@dataclass(kw_only=True)
class Participants:
    """The directory and the certificates of a home.

    Attributes:
        routing: The directory; replaced when its file has changed and can be believed.
        ring: The certificates; replaced when the key folder has changed.
        changed: Called when either was replaced; what it raises is tried again at the next look.
        sync: Brings the files of other homes here first, where several homes share a database.
        warns: Whether this process tells of certificates that end soon.
    """

    home: Home
    directory: DirectoryFile
    served: Served
    observe: Observer
    clock: Clock
    routing: Routing
    ring: KeyRing
    seen: Stamps
    changed: Callable[[Change], Awaitable[None]] = nothing
    sync: RegisterSync | None = None
    warns: bool = False
    _told: set[tuple[str, timedelta]] = field(default_factory=set)
    _set_aside: frozenset[str] = frozenset()
    _postponed: int = 0
    _suspected: frozenset[str] = frozenset()
    _refusal: Problem | None = None
    _hindrance: Problem | None = None
    _unfinished: list[Change] = field(default_factory=list)

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
        """Read all for the first time; blocking.

        Raises:
            ConfigurationError: The directory must not be believed, or a format of it is not
                installed.
        """
        routing, directory_seen = Routing(directory.load()), directory.stamp()
        _require_formats(routing, served(routing))
        # Before the ring is read: what is filed meanwhile is seen at the first look.
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
        """Of these: those that are not suspended. What a suspended one sends or is sent waits."""
        owner = self.routing.owner_of
        return tuple(mailbox for mailbox in self.mailboxes if not owner(mailbox).suspended)

    @property
    def refusal(self) -> Problem | None:
        """Why the directory is not believed as its file says now; the one before goes on."""
        return self._refusal

    @property
    def hindrance(self) -> Problem | None:
        """Why a change, of the directory or of the keys, is not taken up yet; it is tried again."""
        return self._hindrance

    async def watch(self) -> None:
        """Look each second for what has changed; for ever.

        What cannot be read now (somebody is at work in the folder, a disk is away): the old state
        goes on serving, and it is tried again, later and later. It is said once.
        """
        failures, pause = 0, LOOK_EVERY
        while True:
            await asyncio.sleep(pause.total_seconds())
            try:
                self._warn()
                await self.look()
                failures, pause, self._hindrance = 0, LOOK_EVERY, None
            except Exception as error:  # noqa: BLE001 (the old state goes on serving)
                failures += 1
                pause = pause_before(failures, jitter=0, first=LOOK_EVERY)
                problem = problem_of(error, stage=ServiceName.DIRECTORY)
                if problem != self._hindrance:
                    _log.error("directory_not_taken_up", problem=str(problem))
                self._hindrance = problem

    async def look_again(self) -> None:
        """Look before something unknown is judged. What cannot be read now changes nothing."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        try:
            if asked > self._looked + LOOKS_APART.total_seconds():
                await self.look(asked)
                return
            await asyncio.sleep(self._looked + LOOKS_APART.total_seconds() - asked)
            await self.look(asked)
        except Exception as error:  # noqa: BLE001 (the watch tells it)
            _log.debug("directory_lookup_failed", problem=str(problem_of(error, stage="look")))

    async def look(self, asked: float | None = None) -> None:
        """Take up what has changed.

        Args:
            asked: A look that began later than this moment of the event loop's clock is enough.
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
        """Take up a changed directory, or changed keys.

        The keys have also changed when a certificate begins or has ended.

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
        # Before the ring is read: what is filed meanwhile is seen at the next look.
        seen = await asyncio.to_thread(self._stamps, at_files=True)
        seen = seen._replace(directory=directory_seen)
        believed = await asyncio.to_thread(read_folder, self.home.keys)
        if self._is_at_work(believed.set_aside):
            return
        change = Change(self.routing, routing)
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
        """Let others act on what has changed; what fails is tried again at the next look."""
        while self._unfinished:
            await self.changed(self._unfinished[0])
            self._unfinished.pop(0)

    def _warn(self) -> None:
        """Tell of certificates that end soon, of each once within each of the warnings."""
        if not self.warns:
            return
        for ending in endings(keys_in_use(self.ring), now=self.clock(), told=self._told):
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
        """Whether somebody may be writing a file just now: one is wrong for the first time.

        What was known goes on counting until the next look; but not for long, or who files one
        wrong thing after another would keep out a revocation.
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
        """The directory as its file says; the one before it, when that must not be believed.

        That is said once: it is read again when its file has changed again.
        """
        try:
            routing = Routing(await asyncio.to_thread(self.directory.load))
            _require_formats(routing, self.served(routing))
        except Exception as error:  # noqa: BLE001 (an entry that nobody expected is refused)
            problem, version = problem_of(error, stage="read"), self.routing.directory.version
            if problem != self._refusal and self.warns:
                _log.error("directory_refused", problem=str(problem), goes_on_with=version)
            self._refusal = problem
            return self.routing
        self._refusal = None
        return routing

    def _stamps(self, *, at_files: bool) -> Stamps:
        keys = KeyFolder(self.home.keys)
        files = keys.stamp() if at_files else self.seen.files
        return Stamps(self.directory.stamp(), keys.quick_stamp(), files)


def _require_formats(routing: Routing, mailboxes: Iterable[MailboxName]) -> None:
    """The code of formats is for the workers: it may be a stranger's, and crash."""
    for name in {routing.owner_of(mailbox).format for mailbox in mailboxes}:
        require_format(name)
