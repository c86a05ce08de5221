"""Observability: the metrics and the health of each process, and where they are served."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from importlib.metadata import version

import structlog

from bus.bootstrap.knowledge import Knowledge
from bus.bootstrap.process import now
from bus.core.crash import cause_of
from bus.core.events import Event, ServiceName
from bus.core.placement import WorkerName
from bus.observability.health import Health, Reason, ended
from bus.observability.http import serving
from bus.observability.metrics import AxisMetrics, ProcessMetrics
from bus.ports import Observer
from bus.services.service_runner import ServiceRunner
from bus.services.supervisor import Supervisor
from bus.settings import Settings
from schemas.problem import AxisError
from schemas.term import of_os, term

_TRIES = 50
_EVERYWHERE = "0.0.0.0"  # noqa: S104 (only if an operator says so)

_log = structlog.get_logger()


def axis_metrics() -> AxisMetrics:
    """The metrics of a parent."""
    return AxisMetrics(version=version("lienthong"), clock=now)


def worker_metrics() -> ProcessMetrics:
    """The metrics of a worker."""
    return ProcessMetrics(version=version("lienthong"))


def heard_by(*observers: Observer | None) -> Observer:
    """Let all of them hear what happens. One that fails costs neither the others nor the work."""
    listening = [observer for observer in observers if observer is not None]

    def tell(event: Event) -> None:
        for observer in listening:
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 (to be observed must stop no work)
                with suppress(Exception):
                    kind = type(event).__name__
                    _log.error("observer_failed", kind=kind, cause=cause_of(error))

    return tell


def not_ready(supervisor: Supervisor, knowledge: Knowledge) -> Iterator[Reason]:
    """What of a parent itself keeps it from its work."""
    if idle := supervisor.idle:
        yield Reason(reason="adapters_not_started", detail=f"workers {', '.join(idle)}")
    for reason, problem in (
        ("directory_wrong", knowledge.refusal),
        ("directory_not_taken_up", knowledge.hindrance),
    ):
        if problem is not None:
            yield Reason(reason=reason, detail=f"{problem} {problem.advice()}")


@asynccontextmanager
async def watched(health: Health, runner: ServiceRunner) -> AsyncIterator[None]:
    """Look after the health of this process, as long as the block runs."""
    # Its own stop: it is looked at while the process stops.
    watch = runner.keep(ServiceName.HEALTH, health.watch, stop=asyncio.Event())
    watching = asyncio.create_task(watch, name="health")
    try:
        yield
    finally:
        await ended(watching)


@asynccontextmanager
async def observed_axis(
    settings: Settings, health: Health, runner: ServiceRunner, *, workers: int
) -> AsyncIterator[Settings]:
    """Serve what is known of the parent.

    Yields:
        The settings with the ports that it has, and that its workers are to take.

    Raises:
        ConfigurationError: E_SETTING, the address cannot be had.
    """
    host = settings.metrics_host
    port = settings.metrics_port or _free_ports(host, 1 + workers)
    with serving(health, host=host, port=port):
        async with watched(health, runner):
            yield settings.model_copy(update={"metrics_port": port})


@asynccontextmanager
async def observed_worker(
    settings: Settings, health: Health, runner: ServiceRunner, worker: WorkerName
) -> AsyncIterator[None]:
    """Serve what is known of a worker; it works also when its port is taken by somebody else."""
    async with AsyncExitStack() as stack:
        if settings.metrics_port is not None:
            port = _port_of(worker, settings.metrics_port)
            try:
                stack.enter_context(serving(health, host=settings.metrics_host, port=port))
            except AxisError as error:
                _log.warning("metrics_not_served", problem=str(error.problem))
        await stack.enter_async_context(watched(health, runner))
        yield


def served_at(settings: Settings, workers: Sequence[WorkerName]) -> tuple[str, ...]:
    """Where the axis and its workers are found from this machine; nowhere, if they keep nothing."""
    port, host = settings.metrics_port, settings.metrics_host
    if not settings.metrics or port is None:
        return ()
    ports = (port, *(_port_of(worker, port) for worker in workers))
    found = "127.0.0.1" if host == _EVERYWHERE else host
    return tuple(f"http://{found}:{each}" for each in ports)


def _port_of(worker: WorkerName, port: int) -> int:
    """They follow that of the axis."""
    return port + int(worker.partition("/")[0])


def _free_ports(host: str, count: int) -> int:
    """The first of so many free ports that follow one another."""
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
