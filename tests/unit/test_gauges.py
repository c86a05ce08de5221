"""What is looked at for the metrics never stands in the way of work."""

import asyncio
from datetime import timedelta

from bus.core.events import Event, ItemSkipped
from bus.core.gauges import Outboxes, Sight
from bus.services.gauges import Look, Survey
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import foreign

H24 = MailboxName("H24")
SOON = timedelta(milliseconds=5)


async def test_a_look_that_fails_or_hangs_holds_up_no_other() -> None:
    seen: list[Sight] = []
    told: list[Event] = []
    tried: list[str] = []

    async def away() -> Sight:
        tried.append("away")
        raise AxisError.of("E_STORE_AWAY", cause=foreign("gone"))

    async def broken() -> Sight:
        tried.append("broken")
        raise ZeroDivisionError

    async def hanging() -> Sight:
        await asyncio.Event().wait()
        raise AssertionError

    async def well() -> Sight | None:
        return Outboxes(oldest={H24: SOON}) if len(seen) < 2 else None

    looks = [
        Look(look=each, every=SOON, name=each.__name__) for each in (away, broken, hanging, well)
    ]
    survey = asyncio.create_task(Survey(looks=looks, see=seen.append, observe=told.append).run())
    async with asyncio.timeout(10):
        while len(seen) < 2 or min(tried.count("away"), tried.count("broken")) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    still_running = not survey.done()
    survey.cancel()

    assert still_running
    skipped = [event for event in told if isinstance(event, ItemSkipped)]
    assert {event.item for event in skipped} == {"broken"}
    assert (
        skipped[0]
        .problem.params["cause.error"]
        .startswith("ZeroDivisionError (tests.unit.test_gauges")
    )
    pauses = [event.pause for event in skipped if event.pause is not None]
    assert pauses == sorted(set(pauses))
    assert seen == [Outboxes(oldest={H24: SOON})] * 2
