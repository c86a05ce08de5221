"""Endpoint watch: notices that an agency's system is away, and when it is back.

It reports once that the system is away and once that it is back. Only this agency's mailbox waits.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.contract import Endpoint
from bus.core.backoff import pause_before_probe
from bus.core.crash import cause_of
from bus.core.events import EndpointPaused, EndpointResumed, SendingPaused, SendingResumed
from bus.ports import Clock, Jitter, Observer
from bus.services.waiting import set_within
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem, RecipientError
from schemas.term import Term, term

PROBE_DEADLINE = timedelta(seconds=30)


@dataclass(kw_only=True)
class EndpointWatch:
    """Watches one agency's system for both directions of its adapter.

    Attributes:
        sending: Watch only what the agency sends; receiving goes on meanwhile.
        gone: Set while the system is away.
    """

    mailbox: MailboxName
    endpoint: Endpoint
    clock: Clock
    jitter: Jitter
    observe: Observer
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    sending: bool = False
    _probing: asyncio.Task[None] | None = field(default=None, init=False)
    _waiting: asyncio.Task[None] | None = field(default=None, init=False)

    async def trouble(self) -> Problem | None:
        """Probe the system once; return what is wrong with it, or None when it answers.

        A probe that hangs may hold a thread, so a second one is never started beside it.
        """
        if self._probing is None:
            self._probing = asyncio.create_task(self._probe())
            self._probing.add_done_callback(self._probed)
        try:
            async with asyncio.timeout(PROBE_DEADLINE.total_seconds()):
                await asyncio.shield(self._probing)
        except TimeoutError:
            return self._down(term("no_answer", seconds=f"{PROBE_DEADLINE.total_seconds():.0f}"))
        except RecipientError as error:
            return error.problem
        except Exception as error:  # noqa: BLE001 (an endpoint may be a stranger's)
            return self._down(term("crash", error=cause_of(error)))
        return None

    async def _probe(self) -> None:
        await self.endpoint.probe(sending=self.sending)

    def _down(self, cause: Term) -> Problem:
        code = "E_OUTBOX_DOWN" if self.sending else "E_ENDPOINT_DOWN"
        return AxisError.of(code, agency=self.mailbox, cause=cause).problem

    def _probed(self, probing: asyncio.Task[None]) -> None:
        self._probing = None
        if not probing.cancelled():
            # Read it, in case nobody waits any more: asyncio reports exceptions that nobody reads.
            probing.exception()

    def lost(self, problem: Problem) -> None:
        """Report that the system is away, and probe it from now on, less and less often."""
        if self._waiting is None:
            self.gone.set()
            self._waiting = asyncio.create_task(self._wait_until_back(problem))
            self._waiting.add_done_callback(self._over)

    async def until_back(self) -> None:
        """Wait until the system answers again, or the service stops."""
        if self._waiting is not None:
            await asyncio.shield(self._waiting)

    async def _wait_until_back(self, problem: Problem) -> None:
        paused = SendingPaused if self.sending else EndpointPaused
        self.observe(paused(mailbox=self.mailbox, problem=problem))
        began, probes, wrong = self.clock(), 0, True
        while wrong:
            probes += 1
            pause = pause_before_probe(probes, jitter=self.jitter())
            if await set_within(self.stop, pause):
                return
            wrong = await self.trouble() is not None
        resumed = SendingResumed if self.sending else EndpointResumed
        self.observe(resumed(mailbox=self.mailbox, away=self.clock() - began))

    def _over(self, _: asyncio.Task[None]) -> None:
        self._waiting = None
        self.gone.clear()
