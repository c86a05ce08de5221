"""What is looked at for the metrics never stands in the way of work."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.endpoints.folder import FolderEndpoint
from bus.core.events import Event, ItemSkipped
from bus.core.gauges import Offers, Outboxes, Sight
from bus.memory.inbox import MemoryInbox
from bus.ports import Claim
from bus.services.gauges import Look, OutboxLook, Survey, look_at_offers
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName
from schemas.problem import AxisError
from schemas.term import foreign
from tests.support.folders import context_of
from tests.support.offers import offer_of

H24, HANGING = MailboxName("H24"), MailboxName("H25")
NOW = datetime(2019, 3, 12, 2, tzinfo=UTC)
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


class _Asked(FolderEndpoint):
    """Says since when its oldest file waits, once it is let."""

    def __init__(self, root: Path, since: datetime | Exception | None) -> None:
        super().__init__(context_of(root))
        self.since, self.may_answer, self.asked = since, asyncio.Event(), 0

    async def oldest_waiting(self) -> datetime | None:
        self.asked += 1
        await self.may_answer.wait()
        if isinstance(self.since, Exception):
            raise self.since
        return self.since


async def test_outboxes_are_shown_although_one_endpoint_hangs_and_one_fails(tmp_path: Path) -> None:
    waiting = _Asked(tmp_path / H24, NOW - timedelta(seconds=90))
    hanging = _Asked(tmp_path / "hanging", NOW - timedelta(seconds=5))
    broken = _Asked(tmp_path / "broken", ValueError("nonsense"))
    endpoints = {H24: waiting, HANGING: hanging, MailboxName("G98"): broken}
    look = OutboxLook(endpoints=lambda: endpoints, clock=lambda: NOW)
    waiting.may_answer.set()
    broken.may_answer.set()

    first = await look.look()
    second = await look.look()
    asked_while_hanging = hanging.asked
    hanging.may_answer.set()
    third = await look.look()

    assert first == second == Outboxes(oldest={H24: timedelta(seconds=90)})
    assert asked_while_hanging == 1
    assert third.oldest == {H24: timedelta(seconds=90), HANGING: timedelta(seconds=5)}


async def test_offers_that_are_not_answered_are_counted_for_each_agency() -> None:
    inbox = MemoryInbox()
    for number in range(2):
        claim = a_claim(number)
        await inbox.claim(claim, now=NOW)
        await inbox.offer(offer_of(claim, now=NOW + timedelta(minutes=number)))

    assert await look_at_offers(inbox) == Offers(unanswered={H24: 2}, oldest={H24: NOW})


def a_claim(number: int) -> Claim:
    return Claim(
        delivery_id=DeliveryId(f"d{number}"),
        envelope_id=EnvelopeId(f"e{number}"),
        mailbox=H24,
        identity=f"i{number}",
        lease=NOW + timedelta(hours=1),
    )
