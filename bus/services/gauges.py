"""Gauges: looks, every few seconds and off the way of messages, at what no event tells."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.contract import Endpoint
from bus.core.backoff import pause_before
from bus.core.crash import problem_of
from bus.core.events import ItemSkipped, ServiceName
from bus.core.gauges import Outboxes, Sight
from bus.ports import Clock, Observer
from schemas.identifiers import MailboxName
from schemas.problem import AxisError

_LONGEST = timedelta(minutes=1)
"""Between two tries of a look that fails, unless it is made less often anyway."""

_ANSWER_SECONDS = 1.0
"""So long an endpoint may take to say what waits; one that takes longer is asked no second time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One thing to look at.

    Attributes:
        look: What there is to see; None when it cannot be told now. A `TransportError` says the
            same: what was seen last stays.
    """

    look: Callable[[], Awaitable[Sight | None]]
    every: timedelta
    name: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """Looks again and again, at each thing by itself: one that hangs holds up no other."""

    looks: Sequence[Look]
    see: Callable[[Sight], None]
    observe: Observer

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as looking:
            for look in self.looks:
                looking.create_task(self._again_and_again(look))

    async def _again_and_again(self, look: Look) -> None:
        failures = 0
        while True:
            pause = look.every
            try:
                sight = await look.look()
                if sight is not None:
                    self.see(sight)
                failures = 0
            except AxisError:
                # Who works notices it as well, and says so: what was seen last stays.
                pass
            except Exception as error:  # noqa: BLE001 (to be observed must stop no work)
                failures += 1
                pause = pause_before(
                    failures, jitter=0, first=look.every, longest=max(look.every, _LONGEST)
                )
                self.observe(
                    ItemSkipped(
                        service=ServiceName.SURVEY,
                        item=look.name,
                        problem=problem_of(error, stage=ServiceName.SURVEY),
                        pause=pause,
                    )
                )
            await asyncio.sleep(pause.total_seconds())


class OutboxAges:
    """How long the oldest file of each agency waits to be sent, as the endpoints say.

    For an endpoint that hangs, what it said last stays; it is asked again when it has answered.

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

    async def look(self) -> Outboxes:
        """Ask every endpoint. Raises nothing that an endpoint raises: such a one has no file."""
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
        now = self._clock()
        waiting = {mailbox: self._since.get(mailbox) for mailbox in served}
        return Outboxes(
            oldest={
                mailbox: max(now - since, timedelta())
                for mailbox, since in waiting.items()
                if since is not None
            }
        )
