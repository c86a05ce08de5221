"""Supervisor: keeps the workers of an axis running, and tells them what to serve.

A worker that ends unasked is started again, later and later; the others do not notice. What a
worker does is its own business (`worker`).
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from bus.core.events import (
    DirectoryTakenUp,
    ServiceName,
    WorkerEnded,
    WorkerFailed,
    WorkerStarted,
)
from bus.core.instructions import Know, Serve
from bus.core.placement import WorkerName, share
from bus.core.restart import Restarts
from bus.ports import Jitter, Launcher, Observer, WorkerProcess
from bus.services.service_runner import ServiceRunner
from schemas.directory import Directory
from schemas.errors import Fault
from schemas.identifiers import MailboxName
from schemas.problem import ConfigurationError, Problem

GRACE = timedelta(seconds=45)
"""For draining; what is not done then is not acknowledged, and done after the next start.

A worker ends by itself before, as long as anything of it still answers.
"""

_NAMES = {number.value: number.name for number in signal.Signals}
_LAST_WORDS = timedelta(seconds=1)


@dataclass(kw_only=True)
class _Post:
    """The place of one worker, and who fills it.

    Attributes:
        knows: The edition of the directory that it has taken up.
        serves: The edition whose mailboxes it was told to serve.
        careful: The one before was lost.
        serving: It serves its mailboxes.
        settled: It has served once, or has ended, not for reasons that an operator must mend.
    """

    worker: WorkerName
    process: WorkerProcess | None = None
    knows: int = 0
    serves: int = 0
    problem: Problem | None = None
    careful: bool = False
    serving: bool = False
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def filled(self, process: WorkerProcess) -> None:
        """Somebody new begins."""
        self.process, self.knows, self.serves = process, 0, 0
        self.serving = False
        self.problem = None

    @property
    def refused(self) -> bool:
        """Whether it ended at the start of the axis because of what an operator must mend."""
        return (
            not self.settled.is_set()
            and self.problem is not None
            and self.problem.fault is Fault.OPERATOR
        )


@dataclass(kw_only=True)
class Supervisor:
    """The workers of one axis, which stop when it does."""

    launcher: Launcher
    workers: Sequence[WorkerName]
    observe: Observer
    jitter: Jitter
    stop: asyncio.Event

    def __post_init__(self) -> None:
        self._posts = [_Post(worker=worker) for worker in self.workers]
        self._keepers: list[asyncio.Task[None]] = []
        self._shares: dict[WorkerName, tuple[MailboxName, ...]] = {}
        self._places: Mapping[MailboxName, WorkerName] = {}
        self._known: Know
        self._all_know = asyncio.Event()

    @property
    def idle(self) -> tuple[WorkerName, ...]:
        """The workers that do not serve their mailboxes now."""
        return tuple(post.worker for post in self._posts if not post.serving)

    @asynccontextmanager
    async def supervising(
        self,
        directory: Directory,
        mailboxes: Sequence[MailboxName],
        *,
        certificates: Sequence[str] = (),
    ) -> AsyncIterator[None]:
        """Start the workers, and wait until they serve; at the exit they drain and end.

        Args:
            certificates: Thumbprints of those in the key folder.

        Raises:
            ConfigurationError: Why a worker cannot start.
        """
        self._known = Know(edition=1, directory=directory, certificates=tuple(certificates))
        self._place(mailboxes)
        runner = ServiceRunner(observe=self.observe, jitter=self.jitter, stop=self.stop)
        self._keepers = [
            asyncio.create_task(
                runner.keep(
                    ServiceName.WORKERS,
                    partial(self._keep_anew, post),
                    of=post.worker,
                    hopeless=True,
                )
            )
            for post in self._posts
        ]
        try:
            await self._started()
            yield
        finally:
            await self.drain()

    async def _started(self) -> None:
        tasks = [
            asyncio.create_task(self._all_settled()),
            asyncio.create_task(self.failed()),
            asyncio.create_task(self._told_to_stop()),
        ]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        for task in done:
            task.result()

    async def _all_settled(self) -> None:
        for post in self._posts:
            await post.settled.wait()

    async def _told_to_stop(self) -> None:
        await self.stop.wait()

    async def failed(self) -> None:
        """Return only by raising why a worker cannot be kept running."""
        done, _ = await asyncio.wait(self._keepers, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    def take_up(
        self,
        directory: Directory,
        mailboxes: Sequence[MailboxName],
        *,
        certificates: Sequence[str] = (),
    ) -> None:
        """Make a directory and certificates known, then mailboxes served and the keys used."""
        self._known = Know(
            edition=self._known.edition + 1,
            directory=directory,
            certificates=tuple(certificates),
        )
        self._all_know.clear()
        self._place(mailboxes)
        for post in self._posts:
            if post.process is not None:
                post.process.instruct(self._known)
        self._serve_when_all_know()

    async def known_by_all(self) -> None:
        """Wait until every worker that runs goes by what was made known last."""
        await self._all_know.wait()

    async def drain(self) -> None:
        """Let every worker finish what is under way, and end. Harmless when they have."""
        self.stop.set()
        for post in self._posts:
            if post.process is not None:
                post.process.terminate()
        _, late = await asyncio.wait(self._keepers, timeout=GRACE.total_seconds())
        for post in self._posts:
            if post.process is not None:
                post.process.kill()
        if late:
            await asyncio.wait(late)
        for keeper in self._keepers:
            # Two may have failed for the same reason; `failed` has told one.
            _has_failed(keeper)

    def _place(self, mailboxes: Sequence[MailboxName]) -> None:
        self._places = share(mailboxes, self.workers, placed=self._places)
        self._shares = {
            worker: tuple(m for m in mailboxes if self._places[m] == worker)
            for worker in self.workers
        }

    async def _keep_anew(self, post: _Post) -> None:
        """Keep one post filled. What else goes wrong is no reason for the start to wait for it."""
        try:
            await self._keep(post)
        except ConfigurationError:
            raise
        except Exception:
            post.settled.set()
            raise

    async def _keep(self, post: _Post) -> None:
        """Keep one post filled until the stop. Raises `ConfigurationError` when it is hopeless."""
        loop, restarts = asyncio.get_running_loop(), Restarts()
        while not self.stop.is_set():
            began = loop.time()
            process = await self.launcher.launch(post.worker)
            code = await self._attend(post, process)
            if self.stop.is_set():
                return
            ran = timedelta(seconds=loop.time() - began)
            restarts = restarts.after(ran=ran, refused=post.refused)
            post.careful = code != 0
            if restarts.hopeless and post.problem is not None:
                raise ConfigurationError(post.problem)
            if not post.refused:
                post.settled.set()
            pause = restarts.pause(jitter=self.jitter())
            self.observe(_ended(post.worker, process.pid, code, pause))
            with suppress(TimeoutError):
                async with asyncio.timeout(pause.total_seconds()):
                    await self.stop.wait()

    async def _attend(self, post: _Post, process: WorkerProcess) -> int:
        """Lead one process to its end, however it comes."""
        post.filled(process)
        try:
            process.instruct(self._known)
        except Exception:
            # Nobody would ever end it.
            process.kill()
            raise
        if self.stop.is_set():
            process.terminate()
        hearing = asyncio.create_task(self._hear(post, process))
        # One that is not heard is of no use; why comes out below.
        hearing.add_done_callback(lambda task: process.kill() if _has_failed(task) else None)
        try:
            code = await process.ended()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS.total_seconds()):
                    await hearing
        finally:
            post.process, post.serving = None, False
            hearing.cancel()
        # Who is gone holds up nobody: the next one learns the newest directory first.
        self._serve_when_all_know()
        return code

    async def _hear(self, post: _Post, process: WorkerProcess) -> None:
        async for event in process.events():
            self.observe(event)
            match event:
                case DirectoryTakenUp():
                    post.knows = event.edition
                    self._serve_when_all_know()
                case WorkerStarted():
                    post.serving = True
                    post.settled.set()
                case WorkerFailed():
                    post.problem = event.problem
                case _:
                    pass

    def _serve_when_all_know(self) -> None:
        """No mailbox is served before every worker knows whose it is."""
        running = [(post, post.process) for post in self._posts if post.process is not None]
        edition = self._known.edition
        if all(post.knows == edition for post, _ in running):
            self._all_know.set()
            for post, process in running:
                if post.serves != edition:
                    serve = Serve(mailboxes=self._shares[post.worker], careful=post.careful)
                    process.instruct(serve)
                    post.serves = edition


def _has_failed(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is not None


def _ended(worker: WorkerName, pid: int, code: int, pause: timedelta) -> WorkerEnded:
    return WorkerEnded(
        worker=worker,
        pid=pid,
        exit_code=code if code >= 0 else None,
        signal=_NAMES.get(-code, str(-code)) if code < 0 else None,
        pause=pause,
    )
