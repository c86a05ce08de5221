"""Knowledge: the directory and the certificates of a home, read anew when they have changed.

The hub prepares its broker and its keys for a new directory first (`axis`); an agency's own worker
only reads (`connect`).
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from adapters.registry import require_format
from bus.bootstrap.header_signature import header_signer
from bus.bootstrap.process import now
from bus.core.backoff import pause_before
from bus.core.certificate_expiry import endings, next_change
from bus.core.crash import problem_of
from bus.core.directory import vouched
from bus.core.events import CertificateEndNeared, KeyFileRefused, ServiceName
from bus.core.keyring import KeyRing
from bus.core.routing import Routing
from bus.home.directory_file import DirectoryFile
from bus.home.layout import Home
from bus.keys.draft import DEVELOPMENT
from bus.keys.folder import KeyFolder
from bus.keys.ring import keys_in_use, load_signing_key, read_folder
from bus.ports import Observer
from bus.services.supervisor import Supervisor
from bus.settings import Settings
from schemas.codes import FormatName
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem

_LOOK_EVERY = timedelta(seconds=1)
_MOST_POSTPONED = 3

_log = structlog.get_logger()

Served = Callable[[Routing], tuple[MailboxName, ...]]
"""The mailboxes whose adapters run here."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was known before, and what is known from now on; often the same directory."""

    before: Routing
    after: Routing

    @property
    def is_of_directory(self) -> bool:
        """Whether it is another directory, and not only other keys."""
        return self.before is not self.after


class Surroundings(Protocol):
    """What must fit to the directory beside the workers."""

    async def prepare(self, change: Change) -> None:
        """Make ready for it, before any worker goes by it."""

    async def complete(self, change: Change) -> None:
        """Finish, once all workers go by it."""


@dataclass(kw_only=True)
class Knowledge:
    """What is known now.

    Attributes:
        routing: The directory; replaced when its file has changed and can be believed.
        ring: The certificates; replaced when the key folder has changed.
        seen: The stamps of both when they were read.
        observe: Hears of certificates that end soon.
    """

    home: Home
    directory: DirectoryFile
    served: Served
    observe: Observer
    routing: Routing
    ring: KeyRing
    seen: tuple[int, int]
    _told: set[tuple[str, timedelta]] = field(default_factory=set)
    _said_anew: bool = False
    _set_aside: frozenset[str] = frozenset()
    _postponed: int = 0
    _suspected: frozenset[str] = frozenset()
    _refusal: Problem | None = None
    _hindrance: Problem | None = None
    _incomplete: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._until: datetime | None = next_change(self.ring.values(), now=now())

    @classmethod
    def read(
        cls,
        settings: Settings,
        home: Home,
        directory: DirectoryFile,
        *,
        served: Served,
        observe: Observer,
        ensure_keys: Callable[[Routing], None] | None = None,
    ) -> "Knowledge":
        """Read all for the first time; blocking.

        Args:
            ensure_keys: Makes the keys that are missing, once it is known whose.

        Raises:
            ConfigurationError: The directory must not be believed, a format of it is not
                installed; E_KEYS: no mailbox has a key to sign with; E_SETTING: it cannot sign the
                packets that it shall sign.
        """
        routing, directory_seen = Routing(directory.load()), directory.stamp()
        mailboxes = served(routing)
        _require_formats(routing, mailboxes)
        if ensure_keys is not None:
            ensure_keys(routing)
        # Before the ring is read: what is filed meanwhile is seen at the first look.
        seen = (directory_seen, KeyFolder(home.keys).stamp())
        believed, access = read_folder(home.keys), settings.key_access
        ring = believed.ring.limited_to(vouched(routing.directory))
        missing: list[AxisError] = []
        for mailbox in mailboxes:
            try:
                key = load_signing_key(
                    home.keys, mailbox, now=now(), access=access, known=tuple(ring)
                )
            except AxisError as error:
                # Its worker tells it, and goes on receiving: it is no reason to stop the others.
                missing.append(error)
                continue
            if settings.sign_edxml and routing.owner_of(mailbox).format == FormatName.EDXML:
                header_signer(key, mailbox, keys=home.keys)
        if missing and len(missing) == len(mailboxes):
            raise missing[0]
        knowledge = cls(
            home=home,
            directory=directory,
            served=served,
            observe=observe,
            routing=routing,
            ring=ring,
            seen=seen,
        )
        knowledge._tell_set_aside(believed.set_aside)
        return knowledge

    @property
    def mailboxes(self) -> tuple[MailboxName, ...]:
        """The mailboxes whose adapters run here."""
        return self.served(self.routing)

    @property
    def active(self) -> tuple[MailboxName, ...]:
        """Of these: those that are served now. What a suspended one sends or is sent waits."""
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

    @property
    def signing_in_development(self) -> int:
        """How many of them were given their certificate by a development authority only."""
        real = {key.owner for key in self.ring.values() if DEVELOPMENT not in key.issuer}
        return sum(mailbox not in real for mailbox in self.mailboxes)

    def read_keys_anew(self) -> None:
        """Let workers know soon what was said against keys, though no file of theirs changed."""
        self._said_anew = True

    async def watch(self, supervisor: Supervisor, surroundings: Surroundings | None = None) -> None:
        """Look each second for what has changed, and let the workers know; for ever.

        A broker that is away, or keys that are being worked on: the old state goes on serving,
        and it is tried again, later and later. It is said once.
        """
        failures, pause = 0, _LOOK_EVERY
        while True:
            await asyncio.sleep(pause.total_seconds())
            try:
                self._warn()
                await self._take_up(supervisor, surroundings)
                failures, pause, self._hindrance = 0, _LOOK_EVERY, None
            except Exception as error:  # noqa: BLE001 (the old state goes on serving)
                failures += 1
                pause = pause_before(failures, jitter=0, first=_LOOK_EVERY)
                problem = problem_of(error, stage=ServiceName.DIRECTORY)
                if problem != self._hindrance:
                    _log.error("directory_not_taken_up", problem=str(problem))
                self._hindrance = problem

    def _warn(self) -> None:
        """Tell of certificates that end soon, of each once within each of the warnings."""
        for ending in endings(keys_in_use(self.ring), now=now(), told=self._told):
            self._told.add((ending.key.thumbprint, ending.ahead))
            self.observe(
                CertificateEndNeared(
                    mailbox=ending.key.owner,
                    thumbprint=ending.key.thumbprint,
                    not_after=ending.key.not_after,
                    ahead=ending.ahead,
                )
            )

    async def _take_up(self, supervisor: Supervisor, surroundings: Surroundings | None) -> None:
        """Take up a changed directory, or changed keys: prepared first, then told to the workers.

        The keys have also changed when a certificate begins or has ended.
        """
        seen, moment = await asyncio.to_thread(self._stamps), now()
        unchanged = seen == self.seen and not self._said_anew
        if unchanged and (self._until is None or moment < self._until):
            if surroundings is not None:
                await self._complete(surroundings)
            return
        routing, said_anew, self._said_anew = self.routing, self._said_anew, False
        if seen[0] != self.seen[0]:
            routing = await self._read_directory()
        change = Change(self.routing, routing)
        try:
            if surroundings is not None:
                await surroundings.prepare(change)
            # Before the ring is read: what is filed meanwhile is seen at the next look.
            seen = (seen[0], await asyncio.to_thread(KeyFolder(self.home.keys).stamp))
            believed = await asyncio.to_thread(read_folder, self.home.keys)
        except Exception:
            self._said_anew |= said_anew
            raise
        if self._is_at_work(believed.set_aside):
            self._said_anew |= said_anew
            return
        self.ring = believed.ring.limited_to(vouched(routing.directory))
        self._tell_set_aside(believed.set_aside)
        self.routing = routing
        supervisor.take_up(routing.directory, self.active, certificates=tuple(self.ring))
        self.seen, self._until = seen, next_change(self.ring.values(), now=moment)
        _log.info(
            "directory_taken_up",
            version=routing.directory.version,
            certificates=len(self.ring),
        )
        if surroundings is not None:
            self._incomplete.append(change)
            await supervisor.known_by_all()
            await self._complete(surroundings)

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
            if str(problem) not in before:
                self.observe(KeyFileRefused(problem=problem))

    async def _complete(self, surroundings: Surroundings) -> None:
        """Finish what changes began; what fails is tried again at the next look."""
        while self._incomplete:
            await surroundings.complete(self._incomplete[0])
            self._incomplete.pop(0)

    async def _read_directory(self) -> Routing:
        """The directory as its file says; the one before it, when that must not be believed.

        That is said once: it is read again when its file has changed again.
        """
        try:
            routing = Routing(await asyncio.to_thread(self.directory.load))
            _require_formats(routing, self.served(routing))
        except Exception as error:  # noqa: BLE001 (an entry that nobody expected is refused)
            problem, version = problem_of(error, stage="read"), self.routing.directory.version
            if problem != self._refusal:
                _log.error("directory_refused", problem=str(problem), goes_on_with=version)
            self._refusal = problem
            return self.routing
        self._refusal = None
        return routing

    def _stamps(self) -> tuple[int, int]:
        """Change whenever the directory or the key folder does."""
        return self.directory.stamp(), KeyFolder(self.home.keys).stamp()


def _require_formats(routing: Routing, mailboxes: Iterable[MailboxName]) -> None:
    """The code of formats is for the workers: it may be a stranger's, and crash."""
    for name in {routing.owner_of(mailbox).format for mailbox in mailboxes}:
        require_format(name)
