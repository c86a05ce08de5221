"""A service that dies is started again by itself, later and later, and the others do not notice."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bus.core.backoff import LONGEST
from bus.core.crash import cause_of, problem_of, steps_to
from bus.core.events import Event, ServiceEnded, ServiceName
from bus.services.service_runner import ServiceRunner
from schemas.problem import AxisError, ConfigurationError
from schemas.term import foreign


class Kept:
    """A keeper of services whose pauses take no time, and what it told."""

    def __init__(self) -> None:
        self.told: list[ServiceEnded] = []
        self.stop = asyncio.Event()
        self.runner = ServiceRunner(observe=self._hear, jitter=lambda: 0.0, stop=self.stop)

    def _hear(self, event: Event) -> None:
        assert isinstance(event, ServiceEnded)
        self.told.append(event)

    def keep(self, run: Callable[[], Awaitable[object]], **options: bool) -> asyncio.Task[None]:
        return asyncio.create_task(
            self.runner.keep(ServiceName.OUTBOUND, run, of="G22", **options)  # type: ignore[arg-type]
        )


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """A fresh one."""

    async def at_once(stop: asyncio.Event, _pause: timedelta) -> bool:
        await asyncio.sleep(0)
        return stop.is_set()

    monkeypatch.setattr("bus.services.service_runner.set_within", at_once)
    return Kept()


async def test_what_dies_is_started_again_with_growing_bounded_pauses(kept: Kept) -> None:
    starts = 0

    async def dying() -> None:
        nonlocal starts
        starts += 1
        if starts <= 12:
            raise KeyError("content")

    async with asyncio.timeout(5):
        await kept.keep(dying)

    pauses = [event.pause for event in kept.told]
    assert starts == 13
    assert pauses == sorted(pauses)
    assert (pauses[0] < pauses[1], pauses[-1]) == (True, LONGEST)


async def test_the_type_and_the_place_are_told_and_the_text_is_not(kept: Kept) -> None:
    async def dying() -> None:
        if not kept.told:
            raise KeyError("content")

    await kept.keep(dying)

    [event] = kept.told
    assert event.problem.code == "E_INTERNAL"
    assert event.problem.params["cause.error"].startswith(f"KeyError ({__name__}:")
    assert (event.problem.detail or "").startswith(f"{__name__}:")
    assert (event.service, event.of) == ("outbound", "G22")
    assert "content" not in str(event)


async def test_another_service_goes_on(kept: Kept) -> None:
    turns = 0

    async def dying() -> None:
        raise RuntimeError

    async def living() -> None:
        nonlocal turns
        while turns < 100 or len(kept.told) < 5:
            turns += 1
            await asyncio.sleep(0)

    other = kept.keep(dying)
    async with asyncio.timeout(5):
        await kept.keep(living)

    assert not other.done()
    other.cancel()


async def test_a_group_of_tasks_and_a_drivers_cancellation_are_deaths_like_any_other(
    kept: Kept,
) -> None:
    async def dying() -> None:
        match len(kept.told):
            case 0:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(failing())
            case 1:
                raise asyncio.CancelledError
            case _:
                return

    async def failing() -> None:
        raise ZeroDivisionError

    await kept.keep(dying)

    causes = [event.problem.params["cause.error"].partition(" ")[0] for event in kept.told]
    assert causes == ["ZeroDivisionError", "CancelledError"]


async def test_who_is_cancelled_ends(kept: Kept) -> None:
    task = kept.keep(asyncio.Event().wait)
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept.told == []


async def test_after_the_stop_nothing_is_started(kept: Kept) -> None:
    async def dying() -> None:
        kept.stop.set()
        raise ValueError

    await kept.keep(dying)

    assert len(kept.told) == 1


async def test_what_only_an_operator_can_mend_is_raised_where_that_was_asked_for(
    kept: Kept,
) -> None:
    async def wrong() -> None:
        if not kept.told:
            raise AxisError.of("E_SETTING", name="x", cause=foreign("y"))

    with pytest.raises(ConfigurationError):
        await kept.keep(wrong, hopeless=True)

    await kept.keep(wrong)
    assert kept.told[0].problem.code == "E_SETTING"


def test_the_place_is_not_inside_the_standard_library() -> None:
    with pytest.raises(ValueError, match="Expecting value") as raised:
        json.loads("no JSON")

    assert cause_of(raised.value).startswith(f"JSONDecodeError ({__name__}:")
    assert problem_of(raised.value, stage="read").params["stage"] == "read"
    assert steps_to(raised.value)[-1].startswith("json.decoder:")
