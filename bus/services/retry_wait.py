"""RetryWait: waits out what the world prevents, and gives up only when the service stops."""

import asyncio
from dataclasses import dataclass, field

from bus.core.backoff import pause_before
from bus.core.events import WorkStalled
from bus.ports import Jitter, Observer
from bus.services.waiting import set_within
from schemas.identifiers import MailboxName
from schemas.problem import Problem


class Stopping(Exception):  # noqa: N818 (a call to leave, not an error)
    """The service stops: leave the work where it is, nothing acknowledged."""


@dataclass(kw_only=True)
class RetryWait:
    """One piece of work's waits. Make a fresh one for each."""

    mailbox: MailboxName
    observe: Observer
    stop: asyncio.Event
    jitter: Jitter
    _failures: int = field(default=0, init=False)

    async def wait(self, problem: Problem) -> None:
        """Wait before the next try. Raises `Stopping` as soon as the service stops."""
        self._failures += 1
        pause = pause_before(self._failures, jitter=self.jitter())
        self.observe(WorkStalled(mailbox=self.mailbox, problem=problem, pause=pause))
        if await set_within(self.stop, pause):
            raise Stopping
