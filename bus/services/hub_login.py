"""Hub login: waits until the hub's broker accepts the login of an agency's own worker."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count

import structlog

from bus.core.backoff import pause_before
from bus.ports import Jitter
from bus.services.waiting import set_within
from schemas.identifiers import MailboxName
from schemas.problem import Problem, TransportError

_FIRST_PAUSE = timedelta(seconds=0.5)
_LONGEST_PAUSE = timedelta(minutes=1)

_log = structlog.get_logger()


async def until_let_in(
    log_in: Callable[[], Awaitable[None]],
    mailbox: MailboxName,
    *,
    stop: asyncio.Event,
    jitter: Jitter,
    failed: Callable[[Problem], None],
) -> None:
    """Try to log in, with growing pauses, until it succeeds or `stop` is set.

    Args:
        log_in: Raises `TransportError` when another try may succeed.
        failed: Called with the problem of each failed try.

    Raises:
        ConfigurationError: Only an operator can help; as `log_in` says.
    """
    for attempt in count(1):
        try:
            await log_in()
        except TransportError as error:
            _log.warning("broker_not_reached", mailbox=mailbox, problem=str(error.problem))
            failed(error.problem)
        else:
            return
        pause = pause_before(attempt, jitter=jitter(), first=_FIRST_PAUSE, longest=_LONGEST_PAUSE)
        if await set_within(stop, pause):
            return
