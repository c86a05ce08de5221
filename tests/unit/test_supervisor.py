"""Workers are told, watched and started again; what they tell is heard in one place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bus.core.directory import seed_directory
from bus.core.events import DirectoryTakenUp, Event, WorkerEnded, WorkerFailed, WorkerStarted
from bus.core.instructions import Know, Serve
from bus.core.placement import WorkerName
from bus.core.restart import MOST_REFUSALS
from bus.home.directory_file import seed_text
from bus.memory.workers import MemoryLauncher, MemoryWorker
from bus.services.supervisor import Supervisor
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, Problem
from schemas.term import foreign

DIRECTORY = seed_directory(seed_text())
FIRST, SECOND = WorkerName("1/2"), WorkerName("2/2")
G22, H24, H41 = map(MailboxName, ("G22", "H24", "H41"))
WRONG_SETTING = AxisError.of(
    "E_SETTING", name="format", cause=foreign("it is not installed")
).problem


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (any condition)
            await asyncio.sleep(0.001)


@dataclass
class Stage:
    """A supervisor, and the workers it has launched."""

    supervisor: Supervisor
    launcher: MemoryLauncher
    heard: list[Event]
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def newest(self, worker: WorkerName) -> MemoryWorker:
        return [each for each in self.launcher.launched if each.worker == worker][-1]

    async def learn(self, worker: WorkerName, edition: int = 1) -> None:
        """The worker takes up what it was told."""
        played = self.newest(worker)
        await _until(
            lambda: edition in [o.edition for o in played.instructions if isinstance(o, Know)]
        )
        played.tell(DirectoryTakenUp(worker=worker, edition=edition))

    async def serve(self, worker: WorkerName) -> None:
        """The worker serves what it was told."""
        played = self.newest(worker)
        await _until(lambda: served(played))
        played.tell(WorkerStarted(worker=worker, pid=played.pid, mailboxes=len(served(played)[-1])))


def served(worker: MemoryWorker) -> list[tuple[MailboxName, ...]]:
    return [
        instruction.mailboxes
        for instruction in worker.instructions
        if isinstance(instruction, Serve)
    ]


def _stage() -> Stage:
    launcher, heard, stop = MemoryLauncher(), list[Event](), asyncio.Event()
    supervisor = Supervisor(
        launcher=launcher,
        workers=(FIRST, SECOND),
        observe=heard.append,
        jitter=lambda: 0.0,
        stop=stop,
    )
    return Stage(supervisor, launcher, heard, stop)


async def _play(stage: Stage) -> None:
    await _until(lambda: len(stage.launcher.launched) == 2)
    await stage.learn(FIRST)
    await stage.learn(SECOND)
    await stage.serve(FIRST)
    await stage.serve(SECOND)


@asynccontextmanager
async def running() -> AsyncIterator[Stage]:
    """Two workers that serve."""
    stage = _stage()
    playing = asyncio.create_task(_play(stage))
    async with stage.supervisor.supervising(DIRECTORY, (G22, H24)):
        await playing
        yield stage


async def test_the_start_is_done_when_every_worker_serves_its_share() -> None:
    async with running() as stage:
        assert served(stage.newest(FIRST)) == [(G22,)]
        assert served(stage.newest(SECOND)) == [(H24,)]


async def test_a_new_mailbox_is_served_only_when_all_workers_know_it() -> None:
    async with running() as stage:
        stage.supervisor.take_up(DIRECTORY, (G22, H24, H41))
        await stage.learn(FIRST, edition=2)
        await _until(lambda: stage.heard[-1] == DirectoryTakenUp(worker=FIRST, edition=2))
        assert served(stage.newest(FIRST)) == [(G22,)]

        await stage.learn(SECOND, edition=2)

        await _until(lambda: served(stage.newest(FIRST)) == [(G22,), (G22, H41)])


async def test_a_new_certificate_is_used_only_when_all_workers_know_it() -> None:
    async with running() as stage:
        first, second = stage.newest(FIRST), stage.newest(SECOND)
        stage.supervisor.take_up(DIRECTORY, (G22, H24), certificates=("old", "new"))
        await stage.learn(FIRST, edition=2)
        await _until(lambda: stage.heard[-1] == DirectoryTakenUp(worker=FIRST, edition=2))
        assert [known.certificates for known in first.instructions if isinstance(known, Know)] == [
            (),
            ("old", "new"),
        ]
        assert len(served(first)) == len(served(second)) == 1

        await stage.learn(SECOND, edition=2)

        # To be told to serve is to choose the signing keys anew.
        await _until(lambda: len(served(first)) == len(served(second)) == 2)


async def test_a_worker_that_was_killed_is_replaced_and_the_other_does_not_notice() -> None:
    async with running() as stage:
        before, other = stage.newest(FIRST), stage.newest(SECOND)
        instructions = list(other.instructions)

        before.kill()
        await _until(lambda: stage.newest(FIRST) is not before)
        await stage.learn(FIRST)
        await stage.serve(FIRST)

        assert served(stage.newest(FIRST)) == [(G22,)]
        assert other.instructions == instructions
        [ended] = [event for event in stage.heard if isinstance(event, WorkerEnded)]
        assert (ended.pid, ended.signal, ended.exit_code) == (before.pid, "SIGKILL", None)


async def test_a_worker_that_is_away_holds_up_no_change_of_the_directory() -> None:
    async with running() as stage:
        gone = stage.newest(SECOND)
        stage.supervisor.take_up(DIRECTORY, (G22, H24, H41))
        await stage.learn(FIRST, edition=2)

        gone.end(1)

        await _until(lambda: served(stage.newest(FIRST))[-1] == (G22, H41))
        await _until(lambda: stage.newest(SECOND) is not gone)
        await stage.learn(SECOND, edition=2)
        await _until(lambda: served(stage.newest(SECOND)) == [(H24,)])


async def test_a_start_that_only_an_operator_can_mend_ends_with_the_reason() -> None:
    stage = _stage()

    async def refuse() -> None:
        for start in range(MOST_REFUSALS):
            await _until(
                lambda start=start: (
                    len(  # type: ignore[misc]
                        [each for each in stage.launcher.launched if each.worker == FIRST]
                    )
                    > start
                )
            )
            played = stage.newest(FIRST)
            played.tell(WorkerFailed(worker=FIRST, problem=WRONG_SETTING))
            played.end(1)

    refusing = asyncio.create_task(refuse())
    with pytest.raises(ConfigurationError, match="it is not installed"):
        async with stage.supervisor.supervising(DIRECTORY, (G22, H24)):
            pass
    await refusing


async def test_a_store_that_is_away_is_waited_for() -> None:
    async with running() as stage:
        for start in range(MOST_REFUSALS):
            before = stage.newest(FIRST)
            before.tell(WorkerFailed(worker=FIRST, problem=Problem(code="E_STORE_AWAY")))
            before.end(1)

            await _until(lambda before=before: stage.newest(FIRST) is not before)  # type: ignore[misc]
            assert len(stage.launcher.launched) == 3 + start


async def test_a_stop_ends_every_worker_and_starts_none() -> None:
    async with running() as stage:
        stage.stop.set()
        await stage.supervisor.drain()

        assert len(stage.launcher.launched) == 2
        assert [await each.ended() for each in stage.launcher.launched] == [-15, -15]
        assert not [event for event in stage.heard if isinstance(event, WorkerEnded)]
