"""A running axis tells over HTTP and in its log what it does, and what keeps it from it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from bus.bootstrap.directory import directory_of
from bus.home.layout import Home, Running
from bus.observability.scrape import Scrape, read
from bus.rabbit.node import PrivateNode
from bus.settings import load_settings
from schemas.directory import Agency, Directory
from schemas.identifiers import AgencyCode
from tests.acceptance.conftest import RunningAxis, eventually, lienthong
from tests.acceptance.packets import a_packet
from tests.support.homes import set_up
from tests.support.mortal import host_on, kill_and_start_again, memory_alarm
from tests.support.packages import program

CODES = ("G22", "H24")


@pytest.fixture
async def axis(mortal: PrivateNode, tmp_path: Path) -> AsyncIterator[RunningAxis]:
    """Two agencies and two workers on a broker that may be killed."""
    agencies = tuple(
        Agency(code=AgencyCode(code), name_vi=f"Cơ quan {code}", connected=True) for code in CODES
    )
    directory_of(load_settings(home=tmp_path)).save(Directory(agencies=agencies))
    async with host_on(mortal) as host:
        up = partial(
            RunningAxis,
            LIENTHONG_AMQP_URL=host.amqp_url,
            LIENTHONG_MANAGEMENT_URL=mortal.management_url,
            LIENTHONG_PUBLISH_DEADLINE="PT2S",
        )
        running = await asyncio.to_thread(up, tmp_path, "--workers", "2")
        yield running
        await asyncio.to_thread(running.stop)


def running_in(axis: RunningAxis) -> Running:
    found = Home(axis.home).running()
    assert found is not None
    return found


def ready(url: str) -> tuple[bool, set[str]]:
    told = httpx.get(f"{url}/readyz").json()
    return told["ready"], {reason["reason"] for reason in told["reasons"]}


def is_ready(urls: tuple[str, ...]) -> bool:
    return all(ready(url) == (True, set()) for url in urls)


def metrics_of(running: Running) -> Scrape:
    return asyncio.run(read(running.metrics_urls))


def drop(axis: RunningAxis, number: str) -> None:
    axis.agency("G22").drop(
        f"{number}.edxml", a_packet(sender="G22", receivers=["H24"], number=number)
    )


def follow(axis: RunningAxis) -> None:
    """One document and its receipt, and what is counted of them."""
    running = running_in(axis)
    drop(axis, "1")
    drop_broken(axis)
    eventually(lambda: axis.agency("G22").inbox("statuses"))
    eventually(lambda: axis.agency("G22").refusal("broken.edxml"))

    def settled() -> Scrape | None:
        seen = metrics_of(running)
        is_counted = seen.value("deliveries_delivered") == 1
        return seen if is_counted and seen.total("receipts_total") else None

    seen = eventually(settled)

    assert seen is not None
    assert seen.value("submissions_total", agency="G22", outcome="accepted") == 1
    assert seen.value("submissions_total", agency="G22", outcome="refused") == 1
    assert seen.total("deliveries_total", agency="H24", outcome="handed_over") == 1
    assert seen.value("receipts_total", agency="G22", status="01") == 1
    assert seen.value("signature_verdicts_total", verdict="verified") == 2
    assert seen.value("first_status_seconds_count") == 1
    assert seen.value("workers_running") == seen.value("workers_wanted") == 2
    assert seen.value("deliveries_accepted") == 1
    assert seen.value("deliveries_unaccounted") == 0
    assert (seen.value("certificate_left_seconds", agency="H24") or 0) > 300 * 86_400
    counts = [sum((each or {}).get("publishes_total", {}).values()) for each in seen.processes]
    assert counts == [0, 1, 1, 0]


def drop_broken(axis: RunningAxis) -> None:
    axis.agency("G22").drop("broken.edxml", b"<edXML")


def look_at_top(axis: RunningAxis) -> None:
    """The command reads the same."""
    as_json = lienthong("top", "--json", "--home", axis.home)
    table = lienthong("top", "--once", "--home", axis.home, COLUMNS="160")

    told = json.loads(as_json.stdout)
    assert told["broker"] == "ready"
    assert [row["agency"] for row in told["agencies"]] == list(CODES)
    assert (told["accepted"], told["delivered"], told["unaccounted"]) == (1, 1, 0)
    assert b"1 accepted = 1 delivered + 0 waiting + 0 stopped + 0 unaccounted" in table.stdout


async def test_a_document_is_counted_and_a_lost_or_blocked_broker_is_named(
    axis: RunningAxis, mortal: PrivateNode
) -> None:
    running = running_in(axis)
    urls = running.metrics_urls
    assert len(urls) == 4
    await asyncio.to_thread(eventually, partial(is_ready, urls))
    await asyncio.to_thread(follow, axis)
    await asyncio.to_thread(look_at_top, axis)
    await asyncio.to_thread(promtool_agrees, urls)

    async with memory_alarm(mortal):
        # The dead letters publish nothing, and are told all the same; nobody waits for a deadline.
        quiet = partial(any_says, "broker_blocked", urls[-1:])
        await asyncio.to_thread(eventually, quiet, within=10)
        assert axis.logged("broker_blocked")
        drop(axis, "2")
        blocked = partial(any_says, "broker_blocked", running.worker_metrics_urls)
        await asyncio.to_thread(eventually, blocked)
    await asyncio.to_thread(eventually, partial(is_ready, urls))

    killing = asyncio.create_task(kill_and_start_again(mortal))
    for url in urls[1:]:
        await asyncio.to_thread(eventually, partial(any_says, "broker_away", (url,)))
        assert (await asyncio.to_thread(httpx.get, f"{url}/healthz")).status_code == 200
    await killing
    await asyncio.to_thread(eventually, partial(is_ready, urls))

    must_be_lines_of_json(axis.said())


def any_says(reason: str, urls: tuple[str, ...]) -> bool:
    return any(reason in ready(url)[1] for url in urls)


def promtool_agrees(urls: tuple[str, ...]) -> None:
    """Prometheus' own tool finds nothing wrong, but days are no unit of its."""
    command = [str(program("promtool")), "check", "metrics"]
    for url in urls:
        text = httpx.get(f"{url}/metrics").content
        told = subprocess.run(command, input=text, capture_output=True, check=False)
        complaints = [
            line
            for line in told.stderr.decode().splitlines()
            if not line.startswith("lienthong_certificate_days_left ")
        ]
        assert complaints == []


def must_be_lines_of_json(said: str) -> None:
    """Every line that is not the greeting on the terminal."""
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in said.splitlines() if line.lstrip().startswith("{")
    ]
    events = {line["event"] for line in lines}
    assert {"broker_lost", "delivery_handed_over", "submission_refused", "worker_started"} <= events
    for line in lines:
        assert {"ts", "level", "event"} <= line.keys()
        if line["event"].startswith("delivery_"):
            assert {"envelope_id", "delivery_id"} <= line.keys()
    assert "amqp://" not in "".join(json.dumps(line) for line in lines)


def test_top_without_an_axis_says_how_to_start_one(tmp_path: Path) -> None:
    home = set_up(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "bus.cli", "top", "--once", "--home", str(home)],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
    assert b"E_AXIS_UNSEEN" in done.stderr
    assert b"lienthong up" in done.stderr
