"""A process tells over HTTP whether it lives, whether it can work, and if not, why."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta

import httpx
import pytest

from bus.core.crash import problem_of
from bus.core.events import ServiceEnded, ServiceName
from bus.observability import health as health_module
from bus.observability.health import Health, Reason, ended
from bus.observability.http import AT_ONCE, serving
from bus.observability.process_metrics import ProcessMetrics
from bus.ports import BrokerHealth
from schemas.problem import AxisError, ConfigurationError
from schemas.term import foreign

WRONG = Reason(reason="directory_wrong", detail="no such agency")


@pytest.fixture
def health() -> Health:
    """Of a process that was not looked at yet."""
    return Health(metrics=ProcessMetrics(version="1"))


@pytest.fixture
def url(health: Health) -> Iterator[str]:
    """Where it is served."""
    with serving(health, host="127.0.0.1", port=0) as served:
        yield served


async def told(health: Health) -> list[str]:
    """The reasons after a look or two."""
    watching = asyncio.create_task(health.watch())
    samples = health.metrics.registry.get_sample_value
    async with asyncio.timeout(10):
        while (samples("lienthong_event_loop_lag_seconds_count") or 0) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await ended(watching)
    return [reason.reason for reason in health.reasons]


async def unreachable() -> None:
    raise AxisError.of("E_STORE_AWAY", cause=foreign("gone"))


async def answering() -> None:
    return


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, so that nobody waits."""
    monkeypatch.setattr(health_module, "SAMPLE_EVERY", timedelta(milliseconds=20))


def test_a_process_that_is_being_built_lives_and_is_not_ready(url: str) -> None:
    alive, ready = httpx.get(f"{url}/healthz"), httpx.get(f"{url}/readyz")

    assert (alive.status_code, alive.json()) == (200, {"alive": True})
    assert ready.status_code == 503
    assert [reason["reason"] for reason in ready.json()["reasons"]] == ["starting"]


async def test_a_process_that_lacks_nothing_is_ready(health: Health, url: str) -> None:
    health.broker, health.more = lambda: BrokerHealth.READY, tuple
    health.ask_store = answering

    assert await told(health) == []
    answer = await asyncio.to_thread(httpx.get, f"{url}/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


async def test_everything_that_is_in_the_way_is_named(health: Health, url: str) -> None:
    health.broker = lambda: BrokerHealth.AWAY
    health.more = lambda: (WRONG,)
    health.ask_store = unreachable

    assert await told(health) == ["directory_wrong", "broker_away", "store_away"]
    answer = await asyncio.to_thread(httpx.get, f"{url}/readyz")
    assert answer.status_code == 503
    assert WRONG.model_dump() in answer.json()["reasons"]


async def test_a_store_that_can_only_be_read_is_named(health: Health) -> None:
    health.more, health.ask_store, health.write_store = tuple, answering, unreachable

    assert await told(health) == ["store_locked"]


async def test_a_service_that_died_is_named_with_whose_it_is_and_why(health: Health) -> None:
    health.more = tuple
    problem = problem_of(KeyError(), stage=ServiceName.INBOUND)
    health.note(
        ServiceEnded(service=ServiceName.INBOUND, of="G22", problem=problem, pause=timedelta())
    )

    assert await told(health) == ["service_restarting"]
    assert "inbound of G22" in health.reasons[0].detail
    assert "KeyError" in health.reasons[0].detail


async def test_what_cannot_be_found_out_is_said(health: Health) -> None:
    def broken() -> tuple[Reason, ...]:
        raise ZeroDivisionError

    health.more = broken

    assert await told(health) == ["health_unknown"]


async def test_an_alarm_of_the_broker_is_named(health: Health) -> None:
    health.broker, health.more = lambda: BrokerHealth.BLOCKED, tuple

    assert await told(health) == ["broker_blocked"]


async def test_a_process_that_stops_is_not_ready(health: Health) -> None:
    health.broker = lambda: BrokerHealth.READY
    health.stopping()

    assert await told(health) == ["stopping"]


async def test_an_event_loop_that_stood_still_is_seen(health: Health) -> None:
    value, name = health.metrics.registry.get_sample_value, "lienthong_event_loop_lag_seconds_sum"
    watching = asyncio.create_task(health.watch())
    async with asyncio.timeout(10):
        while not value(name):
            # Asleep in between, the sampler is late by what the loop stood still.
            await asyncio.sleep(0.005)
            time.sleep(0.2)  # noqa: ASYNC251 (that is what is to be seen)
    await ended(watching)

    assert (value(name) or 0) >= 0.1


def test_a_loop_that_does_not_turn_is_not_alive(
    health: Health, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_module, "STUCK_AFTER", timedelta(0))

    alive, ready = httpx.get(f"{url}/healthz"), httpx.get(f"{url}/readyz")

    assert (alive.status_code, alive.json()) == (503, {"alive": False})
    assert "loop_stuck" in [reason["reason"] for reason in ready.json()["reasons"]]


def test_metrics_come_in_the_format_that_is_asked_for(health: Health, url: str) -> None:
    plain = httpx.get(f"{url}/metrics")
    newer = httpx.get(
        f"{url}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )

    assert plain.headers["content-type"].startswith("text/plain")
    assert 'lienthong_build_info{version="1"} 1.0' in plain.text
    assert newer.headers["content-type"].startswith("application/openmetrics-text")
    assert newer.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/metrics/x", 404), ("POST", "/readyz", 405), ("PUT", "/x", 405)],
)
def test_nothing_else_is_served(method: str, path: str, status: int, url: str) -> None:
    assert httpx.request(method, f"{url}{path}").status_code == status


def test_those_who_connect_and_say_nothing_are_few(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    with ExitStack() as silent:
        for _ in range(AT_ONCE):
            silent.enter_context(socket.create_connection((host, int(port))))
        more = silent.enter_context(socket.create_connection((host, int(port)), timeout=5))
        with suppress(ConnectionResetError):
            assert more.recv(1) == b""

    assert _eventually_answers(f"{url}/healthz")


def _eventually_answers(url: str) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            return httpx.get(url).status_code == 200
    return False


def test_a_port_that_somebody_has_is_a_wrong_setting(health: Health, url: str) -> None:
    port = int(url.rpartition(":")[2])

    with pytest.raises(ConfigurationError, match="LIENTHONG_METRICS_PORT"):
        with serving(health, host="127.0.0.1", port=port):
            pass
