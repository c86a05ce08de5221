"""Gauges: looks, every few seconds and off the way of messages, at what no event tells."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.contract import Endpoint
from bus.core.backoff import pause_before
from bus.core.crash import problem_of
from bus.core.events import ItemSkipped, ServiceName
from bus.core.gauges import Offers, Outboxes, Sight
from bus.ports import Clock, Inbox, Observer
from schemas.identifiers import MailboxName
from schemas.problem import AxisError

_LONGEST = timedelta(minutes=1)
"""Between two tries of a look that fails, unless it is made less often anyway."""

_ENDPOINT_MAY_TAKE = timedelta(seconds=1)
"""An endpoint that takes longer is shown by a later look."""


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


@dataclass(kw_only=True)
class OutboxLook:
    """Asks each endpoint since when its oldest complete file waits to be sent.

    An endpoint that does not answer is not asked a second time meanwhile; what it said last stays.

    Attributes:
        endpoints: Those of the mailboxes that are served now.
    """

    endpoints: Callable[[], Mapping[MailboxName, Endpoint]]
    clock: Clock
    _asking: dict[MailboxName, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _since: dict[MailboxName, datetime | None] = field(default_factory=dict, init=False)

    async def look(self) -> Outboxes:
        """Ask all endpoints, and wait a second at most."""
        served = self.endpoints()
        for mailbox in served.keys() - self._asking.keys():
            self._asking[mailbox] = asyncio.create_task(self._ask(mailbox, served[mailbox]))
        if self._asking:
            await asyncio.wait(self._asking.values(), timeout=_ENDPOINT_MAY_TAKE.total_seconds())
        now = self.clock()
        return Outboxes(
            oldest={
                mailbox: max(now - since, timedelta())
                for mailbox in served
                if (since := self._since.get(mailbox)) is not None
            }
        )

    async def _ask(self, mailbox: MailboxName, endpoint: Endpoint) -> None:
        try:
            self._since[mailbox] = await endpoint.oldest_waiting()
        except Exception:  # noqa: BLE001 (an endpoint may be a stranger's)
            # Whoever sends its files fails as well, and says so.
            self._since[mailbox] = None
        finally:
            del self._asking[mailbox]


async def look_at_offers(inbox: Inbox) -> Offers:
    """Count the deliveries that agencies' systems have not answered."""
    unanswered = await inbox.unanswered()
    return Offers(
        unanswered={mailbox: each.count for mailbox, each in unanswered.items()},
        oldest={mailbox: each.oldest for mailbox, each in unanswered.items()},
    )
