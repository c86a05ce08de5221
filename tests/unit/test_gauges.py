"""What is looked at for the metrics never stands in the way of work."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.endpoints.folder import FolderEndpoint
from bus.core.events import Event, ItemSkipped
from bus.core.gauges import Gauge, Measurement
from bus.services.gauges import GaugeLoop, Look, OutboxAges, look_at_certificates
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.term import foreign
from tests.support.folders import Folders, context_of

H24 = MailboxName("H24")
SOON = timedelta(milliseconds=5)
SEEN: Measurement = {Gauge.OUTBOX_OLDEST: {("H24",): 5.0}}


async def test_a_look_that_fails_or_hangs_holds_up_no_other() -> None:
    seen: list[Measurement] = []
    told: list[Event] = []
    tried: list[str] = []

    async def away() -> Measurement:
        tried.append("away")
        raise AxisError.of("E_STORE_AWAY", cause=foreign("gone"))

    async def broken() -> Measurement:
        tried.append("broken")
        raise ZeroDivisionError

    async def hanging() -> Measurement:
        await asyncio.Event().wait()
        raise AssertionError

    async def well() -> Measurement | None:
        return SEEN if len(seen) < 2 else None

    looks = [
        Look(measure=each, every=SOON, name=each.__name__) for each in (away, broken, hanging, well)
    ]
    loop = GaugeLoop(looks=looks, show=seen.append, observe=told.append)
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(10):
        while len(seen) < 2 or min(tried.count("away"), tried.count("broken")) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    still_running = not running.done()
    running.cancel()

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
    assert seen == [SEEN] * 2


class _Hanging(FolderEndpoint):
    """Answers once, then hangs."""

    hangs = False

    async def oldest_waiting(self) -> datetime | None:
        if self.hangs:
            await asyncio.Event().wait()
        return await super().oldest_waiting()


class _Broken(FolderEndpoint):
    async def oldest_waiting(self) -> datetime | None:
        raise ZeroDivisionError


async def test_the_oldest_file_is_told_by_the_endpoint_whatever_others_do(tmp_path: Path) -> None:
    kinds: Mapping[str, type[FolderEndpoint]] = {
        "A01": FolderEndpoint,
        "A02": _Hanging,
        "A03": _Broken,
        "A04": FolderEndpoint,
    }
    endpoints = {
        MailboxName(code): kind(context_of(tmp_path / code)) for code, kind in kinds.items()
    }
    for code in ("A01", "A02", "A03"):
        Folders(tmp_path).drop(code, "a.edxml", b"x")
    later = datetime.now(UTC) + timedelta(seconds=60)
    ages = OutboxAges(lambda: endpoints, clock=lambda: later)

    first = (await ages.measure())[Gauge.OUTBOX_OLDEST]
    _Hanging.hangs = True
    again = (await ages.measure())[Gauge.OUTBOX_OLDEST]

    assert set(first) == {("A01",), ("A02",)}
    assert min(first.values()) >= 60
    assert again == first


async def test_certificates_are_measured_in_seconds_until_they_expire() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    ends = {H24: now + timedelta(days=1), MailboxName("H41"): now - timedelta(seconds=5)}
    certificates = look_at_certificates(lambda: ends, clock=lambda: now)

    assert await certificates.measure() == {
        Gauge.CERTIFICATE_LEFT: {("H24",): 86_400.0, ("H41",): -5.0}
    }
