"""Health: how late the event loop turns, and what keeps a process from its work.

Looked at on the loop, once a second at most; told by `http` from a thread of its own, which also
answers when the loop does not turn.
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
"""An event loop that has not turned for so long is no longer alive."""
STORE_EVERY = timedelta(seconds=5)


class Reason(Value):
    """Why a process is not ready.

    Attributes:
        reason: One of a few words, which do not change.
        detail: For people.
    """

    reason: str
    detail: str = ""


STARTING = Reason(reason="starting", detail="the process is still being built")
STOPPING = Reason(reason="stopping", detail="what is under way is finished, then it ends")

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
    """One process, as it is seen from inside.

    Attributes:
        broker: How the broker looks; None while there is none.
        more: What else is in the way, quick to find out.
        ask_store: Raises `TransportError` when the store does not answer.
        write_store: Raises `TransportError` when it cannot be written.
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
        """Whether the event loop turns. From any thread."""
        return time.monotonic() - self._turned < STUCK_AFTER.total_seconds()

    @property
    def reasons(self) -> Sequence[Reason]:
        """What kept the process from its work when it was last looked; empty: it is ready."""
        return self._reasons

    def note(self, event: Event) -> None:
        """Remember a service that died: until it has run for a while it may die again."""
        if isinstance(event, ServiceEnded):
            whose = f" of {event.of}" if event.of else ""
            cause = event.problem.because.text()
            reason = Reason(
                reason="service_restarting", detail=f"{event.service}{whose} died: {cause}"
            )
            until = time.monotonic() + (event.pause + HELD).total_seconds()
            self._died[event.service, event.of] = until, reason

    def stopping(self) -> None:
        """What was looked at is taken down now."""
        self.broker, self.more = None, lambda: (STOPPING,)
        self.ask_store = self.write_store = None

    async def watch(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as looking:
            looking.create_task(self._sample())
            looking.create_task(self._ask())

    async def _sample(self) -> None:
        pause = SAMPLE_EVERY.total_seconds()
        while True:
            began = time.monotonic()
            await asyncio.sleep(pause)
            self._turned = time.monotonic()
            self.metrics.lagged(max(0.0, self._turned - began - pause))
            self._look()

    def _look(self) -> None:
        try:
            self._reasons = tuple(self._seen())
        except Exception as error:  # noqa: BLE001 (what cannot be seen is not well)
            self._reasons = (Reason(reason="health_unknown", detail=cause_of(error)),)

    def _seen(self) -> list[Reason]:
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
                trouble = await _trouble_of(self.ask_store, "store_away")
                if trouble is None and self.write_store is not None:
                    trouble = await _trouble_of(self.write_store, "store_locked")
                self._store = trouble
            await asyncio.sleep(STORE_EVERY.total_seconds())


async def _trouble_of(ask: Callable[[], Awaitable[object]], reason: str) -> Reason | None:
    try:
        async with asyncio.timeout(STORE_EVERY.total_seconds()):
            await ask()
    except TimeoutError:
        return Reason(reason=reason, detail="no answer in time")
    except TransportError as error:
        return Reason(reason=reason, detail=str(error.problem))
    except Exception as error:  # noqa: BLE001 (to be observed must stop no work)
        return Reason(reason=reason, detail=cause_of(error))
    return None


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait for its end."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
