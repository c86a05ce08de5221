"""Retry wait: the growing pauses between tries; only the end of the service ends them."""

import asyncio
from dataclasses import dataclass, field

from bus.core.backoff import pause_before
from bus.core.events import WorkStalled
from bus.ports import Jitter, Observer
from bus.services.waiting import set_within
from schemas.identifiers import MailboxName
from schemas.problem import Problem


class Stopping(Exception):  # noqa: N818 (a call to leave, not an error)
    """The service stops. Leave the work as it is, and acknowledge nothing."""


@dataclass(kw_only=True)
class RetryWait:
    """The pauses of one piece of work. Each piece of work has its own."""

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
