"""Health: whether the event loop of a process runs, and why the process is not ready.

Health is checked on the event loop, twice a second. `http` answers from threads of its own, so it
also answers when the loop is blocked.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from bus.core.crash import cause_of
from bus.core.events import Event, ServiceEnded, ServiceName
from bus.core.restart import HELD
from bus.observability.process_metrics import ProcessMetrics
from bus.ports import BrokerHealth
from schemas.problem import TransportError
from schemas.value import Value

SAMPLE_EVERY = timedelta(milliseconds=500)
STUCK_AFTER = timedelta(seconds=10)
"""After this time without a turn of its event loop, a process is not alive."""
STORE_EVERY = timedelta(seconds=5)


class Reason(Value):
    """Why a process is not ready.

    Attributes:
        reason: A fixed word, listed in docs/metrics.md.
        detail: An explanation for people.
    """

    reason: str
    detail: str = ""


STARTING = Reason(reason="starting", detail="the process is still being built")
STOPPING = Reason(reason="stopping", detail="it finishes its work and ends")

_OF_BROKER = {
    BrokerHealth.AWAY: Reason(
        reason="broker_away", detail="a connection to the broker is missing; nothing is lost"
    ),
    BrokerHealth.BLOCKED: Reason(
        reason="broker_blocked",
        detail="the broker takes no messages (memory or disk alarm); nothing is lost",
    ),
}


@dataclass(kw_only=True)
class Health:
    """The health of this process.

    Attributes:
        broker: The state of the connections to the broker; None: the process has none.
        more: Further reasons; must be quick.
        ask_store: Raises `TransportError` when the store does not answer.
        write_store: Raises `TransportError` when the store cannot be written.
    """

    metrics: ProcessMetrics
    broker: Callable[[], BrokerHealth] | None = None
    more: Callable[[], Iterable[Reason]] = lambda: (STARTING,)
    ask_store: Callable[[], Awaitable[object]] | None = None
    write_store: Callable[[], Awaitable[object]] | None = None
    _turned: float = field(default_factory=time.monotonic, init=False)
    _reasons: tuple[Reason, ...] = field(default=(STARTING,), init=False)
    _store: Reason | None = field(default=None, init=False)
    _died: dict[tuple[ServiceName, str], tuple[float, Reason]] = field(
        default_factory=dict, init=False
    )

    @property
    def is_alive(self) -> bool:
        """Whether the event loop runs. Any thread may ask."""
        return time.monotonic() - self._turned < STUCK_AFTER.total_seconds()

    @property
    def reasons(self) -> Sequence[Reason]:
        """Why the process was not ready at the last check; empty: it is ready."""
        return self._reasons

    def note(self, event: Event) -> None:
        """Remember a service that ended: it is a reason until it has run for a while again."""
        if isinstance(event, ServiceEnded):
            whose = f" of {event.of}" if event.of else ""
            cause = event.problem.because.text()
            reason = Reason(
                reason="service_restarting", detail=f"{event.service}{whose} died: {cause}"
            )
            until = time.monotonic() + (event.pause + HELD).total_seconds()
            self._died[event.service, event.of] = until, reason

    def stopping(self) -> None:
        """Check nothing any more: the process is being taken down."""
        self.broker, self.more = None, lambda: (STOPPING,)
        self.ask_store = self.write_store = None

    async def watch(self) -> None:
        """Check until cancelled."""
        async with asyncio.TaskGroup() as checks:
            checks.create_task(self._sample())
            checks.create_task(self._ask())

    async def _sample(self) -> None:
        pause = SAMPLE_EVERY.total_seconds()
        while True:
            began = time.monotonic()
            await asyncio.sleep(pause)
            self._turned = time.monotonic()
            self.metrics.lagged(max(0.0, self._turned - began - pause))
            self._check()

    def _check(self) -> None:
        try:
            self._reasons = tuple(self._found())
        except Exception as error:  # noqa: BLE001 (unknown health is not good health)
            self._reasons = (Reason(reason="health_unknown", detail=cause_of(error)),)

    def _found(self) -> list[Reason]:
        reasons = list(self.more())
        if self.broker is not None:
            health = self.broker()
            self.metrics.broker_is(health)
            reasons += [_OF_BROKER[health]] if health in _OF_BROKER else []
        if self._store is not None:
            reasons.append(self._store)
        now = time.monotonic()
        self._died = {who: died for who, died in self._died.items() if died[0] > now}
        return reasons + [reason for _, reason in self._died.values()]

    async def _ask(self) -> None:
        while True:
            if self.ask_store is not None:
                found = await _reason_of(self.ask_store, "store_away")
                if found is None and self.write_store is not None:
                    found = await _reason_of(self.write_store, "store_locked")
                self._store = found
            await asyncio.sleep(STORE_EVERY.total_seconds())


async def _reason_of(ask: Callable[[], Awaitable[object]], reason: str) -> Reason | None:
    try:
        async with asyncio.timeout(STORE_EVERY.total_seconds()):
            await ask()
    except TimeoutError:
        return Reason(reason=reason, detail="no answer in time")
    except TransportError as error:
        return Reason(reason=reason, detail=str(error.problem))
    except Exception as error:  # noqa: BLE001 (a check must stop no work)
        return Reason(reason=reason, detail=cause_of(error))
    return None


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
