"""Processes are watched and started again, each alone; nothing passes but their exit codes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bus.core.events import Event, ProcessEnded
from bus.core.restart import MOST_REFUSALS
from bus.ports.children import Command
from bus.services.supervisor import MISUSED, Supervisor
from schemas.problem import ConfigurationError
from tests.support.children import PlayedChild, PlayedLauncher

FIRST = Command(name="worker 1", arguments=("worker",))
SECOND = Command(name="dead-letters", arguments=("dead-letters",))


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (any condition)
            await asyncio.sleep(0.001)


@dataclass
class Stage:
    """A supervisor, and the processes that it has launched."""

    supervisor: Supervisor
    launcher: PlayedLauncher
    heard: list[Event]
    stop: asyncio.Event
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def newest(self, command: Command) -> PlayedChild:
        return [each for each in self.launcher.launched if each.command == command][-1]

    def of(self, command: Command) -> int:
        return len([each for each in self.launcher.launched if each.command == command])


@asynccontextmanager
async def running() -> AsyncIterator[Stage]:
    """Two processes that run."""
    launcher, heard, stop, settled = (
        PlayedLauncher(),
        list[Event](),
        asyncio.Event(),
        asyncio.Event(),
    )
    supervisor = Supervisor(
        launcher=launcher,
        commands=(FIRST, SECOND),
        observe=heard.append,
        jitter=lambda: 0.0,
        stop=stop,
        settled=settled.is_set,
    )
    supervisor.start()
    await _until(lambda: len(launcher.launched) == 2)
    try:
        yield Stage(supervisor, launcher, heard, stop, settled)
    finally:
        await supervisor.drain()


async def test_a_process_that_was_killed_is_replaced_and_the_other_does_not_notice() -> None:
    async with running() as stage:
        before = stage.newest(FIRST)

        before.kill()
        await _until(lambda: stage.newest(FIRST) is not before)

        assert stage.of(SECOND) == 1
        [ended] = [event for event in stage.heard if isinstance(event, ProcessEnded)]
        assert (ended.process, ended.pid) == ("worker 1", before.pid)
        assert (ended.signal, ended.exit_code) == ("SIGKILL", None)


async def test_while_a_process_is_not_running_it_is_named() -> None:
    async with running() as stage:
        assert stage.supervisor.missing == ()

        stage.newest(SECOND).end(1)

        await _until(lambda: stage.supervisor.missing == ("dead-letters",))
        await _until(lambda: stage.supervisor.missing == ())


async def _end_again_and_again(stage: Stage, code: int) -> None:
    for start in range(1, MOST_REFUSALS + 1):
        await _until(lambda start=start: stage.of(FIRST) == start)  # type: ignore[misc]
        stage.newest(FIRST).end(code)


async def test_a_start_that_only_an_operator_can_mend_ends_with_the_process_named() -> None:
    async with running() as stage:
        ending = asyncio.create_task(_end_again_and_again(stage, MISUSED))

        with pytest.raises(ConfigurationError, match="worker"):
            await stage.supervisor.failed()
        await ending


async def test_what_the_world_prevents_is_waited_for() -> None:
    async with running() as stage:
        await _end_again_and_again(stage, 4)

        await _until(lambda: stage.of(FIRST) == MOST_REFUSALS + 1)


async def test_a_process_that_ran_well_is_started_again_whatever_it_ends_with() -> None:
    async with running() as stage:
        stage.settled.set()

        await _end_again_and_again(stage, MISUSED)

        await _until(lambda: stage.of(FIRST) == MOST_REFUSALS + 1)


async def test_a_stop_ends_every_process_and_starts_none() -> None:
    async with running() as stage:
        stage.stop.set()
        await stage.supervisor.drain()

        assert [await each.ended() for each in stage.launcher.launched] == [-15, -15]
        assert not stage.heard
