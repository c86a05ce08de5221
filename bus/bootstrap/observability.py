"""Observability: builds the metrics, the health and the event log of one process."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from importlib.metadata import version

import structlog

from bus.bootstrap.process import now
from bus.core.crash import cause_of
from bus.core.events import Event, ServiceName
from bus.observability.health import Health, Reason, ended
from bus.observability.http import serving
from bus.observability.logs import log_event
from bus.observability.metrics import AxisMetrics
from bus.ports import BrokerHealth, Observer, PublishObserver
from bus.services.participants import Participants
from bus.services.service_runner import ServiceRunner
from bus.settings import Settings
from schemas.problem import AxisError
from schemas.term import of_os, term

_TRIES = 50
_EVERYWHERE = "0.0.0.0"  # noqa: S104 (only if an operator says so)

_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservedProcess:
    """The observability of one process.

    Attributes:
        observe: Takes every event of the process.
        metrics: None if metrics are switched off; then `health` is None too.
    """

    observe: Observer
    runner: ServiceRunner
    metrics: AxisMetrics | None
    health: Health | None

    @property
    def published(self) -> PublishObserver | None:
        """Counts publishes; None without metrics."""
        return None if self.metrics is None else self.metrics.published

    def is_ready_when(
        self,
        *,
        more: Callable[[], Iterable[Reason]],
        broker: Callable[[], BrokerHealth] | None = None,
        ask_store: Callable[[], Awaitable[object]] | None = None,
        write_store: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """Set what the readiness of the process depends on (`Health`)."""
        if self.health is not None:
            self.health.more, self.health.broker = more, broker
            self.health.ask_store, self.health.write_store = ask_store, write_store


@asynccontextmanager
async def observed(
    settings: Settings,
    name: str,
    stop: asyncio.Event,
    *,
    hearers: Sequence[Observer] = (),
    is_parent: bool = False,
) -> AsyncIterator[ObservedProcess]:
    """Keep and serve the metrics and the health of this process as long as the block runs.

    Args:
        name: Of the process, for the log.
        hearers: Further observers of its events.
        is_parent: Whether it only runs other processes: it has no broker, and needs its port. Any
            other process also works when another program has its port.

    Raises:
        ConfigurationError: E_SETTING: the address cannot be used.
    """
    metrics = None
    if settings.metrics:
        metrics = AxisMetrics(version=version("lienthong"), clock=now, has_broker=not is_parent)
    health = None if metrics is None else Health(metrics=metrics)
    observe = heard_by(log_event, metrics, None if health is None else health.note, *hearers)
    runner = ServiceRunner(observe=observe, jitter=random.random, stop=stop)
    async with AsyncExitStack() as stack:
        if health is not None:
            host = settings.metrics_host
            port = settings.metrics_port or free_ports(host, 1)
            try:
                stack.enter_context(serving(health, host=host, port=port))
                if settings.metrics_port is None:
                    _log.info("metrics_served", process=name, url=url_at(settings, port))
            except AxisError as error:
                if is_parent:
                    raise
                _log.warning("metrics_not_served", problem=str(error.problem))
            # With a stop of its own, because health is served while the process stops.
            watch = runner.keep(ServiceName.HEALTH, health.watch, stop=asyncio.Event())
            stack.push_async_callback(ended, asyncio.create_task(watch, name="health"))
            stack.callback(health.stopping)
        yield ObservedProcess(observe=observe, runner=runner, metrics=metrics, health=health)


def heard_by(*observers: Observer | None) -> Observer:
    """Pass each event to all observers; one that fails affects neither the others nor the work."""
    listening = [observer for observer in observers if observer is not None]

    def tell(event: Event) -> None:
        for observer in listening:
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 (an observer must stop no work)
                with suppress(Exception):
                    kind = type(event).__name__
                    _log.error("observer_failed", kind=kind, cause=cause_of(error))

    return tell


def hindrances_of(participants: Participants) -> Iterator[Reason]:
    """Why this process does not use the directory or the keys as they are in their files."""
    for reason, problem in (
        ("directory_wrong", participants.refusal),
        ("directory_not_taken_up", participants.hindrance),
    ):
        if problem is not None:
            yield Reason(reason=reason, detail=f"{problem} {problem.advice()}")


def url_at(settings: Settings, port: int) -> str:
    """The URL of a process of this machine, for this machine."""
    host = settings.metrics_host
    return f"http://{'127.0.0.1' if host == _EVERYWHERE else host}:{port}"


def free_ports(host: str, count: int) -> int:
    """The first of a number of consecutive free ports."""
    for _ in range(_TRIES):
        with closing(socket.socket()) as first:
            try:
                first.bind((host, 0))
            except OSError as error:
                cause = term("setting_at", path=host, why=of_os(error))
                raise AxisError.of(
                    "E_SETTING", name="LIENTHONG_METRICS_HOST", cause=cause
                ) from error
            port: int = first.getsockname()[1]
        if all(_is_free(host, each) for each in range(port + 1, port + count)):
            return port
    cause = term("ports_taken", count=count, host=host)
    raise AxisError.of("E_SETTING", name="LIENTHONG_METRICS_PORT", cause=cause)


def _is_free(host: str, port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            return False
    return True
