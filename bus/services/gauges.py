"""Gauges: measures every few seconds what no event reports. No message waits for this."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.contract import Endpoint
from bus.core.backoff import pause_before
from bus.core.crash import problem_of
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.events import ItemSkipped, ServiceName
from bus.core.gauges import FOR_OPERATORS, NOT_BACK, Gauge, Measurement, ages, measured_letters
from bus.ports import Clock, DeadLetters, Inbox, Observer
from schemas.identifiers import MailboxName
from schemas.problem import AxisError

_EVERY = timedelta(seconds=5)
_CERTIFICATES_EVERY = timedelta(minutes=1)

_LONGEST = timedelta(minutes=1)
"""The longest pause after a failure, unless the interval itself is longer."""

_ANSWER_SECONDS = 1.0
"""How long an endpoint may take to say what waits; until it has answered it is not asked again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """Measures some gauges at an interval.

    Attributes:
        measure: Gives their values; None when they are unknown now. A `TransportError` means the
            same: the last values stay.
        name: For the log.
    """

    measure: Callable[[], Awaitable[Measurement | None]]
    every: timedelta = _EVERY
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class GaugeLoop:
    """Measures again and again. Each look runs alone, so one that hangs delays no other."""

    looks: Sequence[Look]
    show: Callable[[Measurement], None]
    observe: Observer

    async def run(self) -> None:
        """Measure until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for look in self.looks:
                tasks.create_task(self._repeat(look))

    async def _repeat(self, look: Look) -> None:
        failures = 0
        while True:
            pause = look.every
            try:
                measured = await look.measure()
                if measured is not None:
                    self.show(measured)
                failures = 0
            except AxisError:
                # The services that do the work meet the same error and log it.
                pass
            except Exception as error:  # noqa: BLE001 (measuring must stop no work)
                failures += 1
                pause = pause_before(
                    failures, jitter=0, first=look.every, longest=max(look.every, _LONGEST)
                )
                self.observe(
                    ItemSkipped(
                        service=ServiceName.GAUGES,
                        item=look.name,
                        problem=problem_of(error, stage=ServiceName.GAUGES),
                        pause=pause,
                    )
                )
            await asyncio.sleep(pause.total_seconds())


def look_at_letters(letters: DeadLetters, *, clock: Clock) -> Look:
    """Measures the dead letters that are not in a mailbox again."""

    async def measure() -> Measurement:
        now = clock()
        causes = await letters.groups(Selection(states=NOT_BACK), now=now)
        waiting = Selection(states=FOR_OPERATORS)
        oldest = await letters.find(waiting, sort=Sort.OLDEST, limit=1)
        return measured_letters(causes, oldest[0].failed_at if oldest else None, now=now)

    return Look(measure=measure, name="letters")


def look_at_offers(inbox: Inbox, *, clock: Clock) -> Look:
    """Measures the deliveries that agencies' systems have not answered."""

    async def measure() -> Measurement:
        offers = await inbox.unanswered()
        return {
            Gauge.OFFERS_PENDING: {(mailbox,): each.count for mailbox, each in offers.items()},
            Gauge.OLDEST_OFFER: ages({m: each.oldest for m, each in offers.items()}, clock()),
        }

    return Look(measure=measure, name="offers")


def look_at_certificates(
    read: Callable[[], Mapping[MailboxName, datetime]], *, clock: Clock
) -> Look:
    """Measures how long each agency can still sign.

    Args:
        read: When the last certificate of each mailbox expires; may block.
    """

    async def measure() -> Measurement:
        ends, now = await asyncio.to_thread(read), clock()
        return {
            Gauge.CERTIFICATE_LEFT: {(m,): (end - now).total_seconds() for m, end in ends.items()}
        }

    return Look(measure=measure, every=_CERTIFICATES_EVERY, name="certificates")


class OutboxAges:
    """How long the oldest file of each agency has waited to be sent, as the endpoints say.

    While an endpoint does not answer, its last answer stays; it is not asked a second time.

    Args:
        endpoints: Those that are served now.
    """

    def __init__(
        self, endpoints: Callable[[], Mapping[MailboxName, Endpoint]], *, clock: Clock
    ) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._asked: dict[MailboxName, asyncio.Task[datetime | None]] = {}
        self._since: dict[MailboxName, datetime | None] = {}

    async def measure(self) -> Measurement:
        """Ask every endpoint. One that raises an error counts as one without files."""
        served = self._endpoints()
        for mailbox, endpoint in served.items():
            if mailbox not in self._asked:
                self._asked[mailbox] = asyncio.create_task(endpoint.oldest_waiting())
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=_ANSWER_SECONDS)
        for mailbox, asked in list(self._asked.items()):
            if asked.done():
                del self._asked[mailbox]
                failed = asked.cancelled() or asked.exception() is not None
                self._since[mailbox] = None if failed else asked.result()
        waiting = {m: since for m in served if (since := self._since.get(m)) is not None}
        return {Gauge.OUTBOX_OLDEST: ages(waiting, self._clock())}
