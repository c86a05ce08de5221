"""Outbound: looks for the files that an agency's system gives to be sent, and sends them in order.

Read → store attachments → sign → publish to each recipient, confirmed → only then tell the
endpoint. After a crash anywhere the work is repeated with the same ids.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from adapters.contract import Submission
from bus.core.events import ServiceName
from bus.ports import Jitter, Role
from bus.services.endpoint_changes import noticing, until_noticed
from bus.services.endpoint_watch import EndpointWatch
from bus.services.failed_items import FailedItems
from bus.services.ordering import Ordering, Ticket
from bus.services.retry_wait import RetryWait, Stopping
from bus.services.submission_reader import EndpointFaultError
from bus.services.submission_sender import SendAttempt, SubmissionSender
from bus.services.waiting import Turns
from schemas.problem import RecipientError, TransportError

MOST_UNANSWERED = 5
"""How often in a row a system may fail with one file although it answers its probes."""
_AT_ONCE = 8
"""Submissions of one agency in work; reading overlaps with waiting for confirms."""


@dataclass(kw_only=True)
class Outbound:
    """Sends what one agency's system gives to be sent.

    Attributes:
        poll: How long to wait before the next look when the endpoint reports no change. At random
            up to twice as long, so that agencies do not all look at the same time.
    """

    sender: SubmissionSender
    watch: EndpointWatch
    jitter: Jitter
    poll: timedelta
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._taking = replace(self.watch, sending=True)
        self._failed = FailedItems(
            service=ServiceName.OUTBOUND,
            clock=self.sender.clock,
            jitter=self.jitter,
            observe=self.sender.observe,
        )

    async def run(self) -> None:
        """Send until `stop` is set; then finish what is under way."""
        retry_wait, turns = self._retry_wait(), Turns()
        while not self.stop.is_set():
            await turns.next()
            async with noticing(self.sender.endpoint) as changed:
                try:
                    waiting = await self.sender.endpoint.submissions()
                except RecipientError as error:
                    with suppress(Stopping):
                        await self._wait_for_system(error, retry_wait)
                    continue
                retry_wait = self._retry_wait()
                self._failed.keep_only(map(_version_of, waiting))
                due = [each for each in waiting if self._failed.is_due(_version_of(each))]
                await self._send_all(due)
                if not due:
                    pause = self._failed.shorten(self.poll * (1 + self.jitter()))
                    await until_noticed(changed, self.stop, at_most=pause)

    async def _send_all(self, waiting: Sequence[Submission]) -> None:
        """Send in order of submission, a few in work at a time."""
        ordering, window = Ordering(), asyncio.Semaphore(_AT_ONCE)

        async def send(submission: Submission, ticket: Ticket) -> None:
            try:
                with ticket:
                    await self._send(submission, ticket)
            finally:
                window.release()

        async with asyncio.TaskGroup() as tasks:
            for submission in waiting:
                await window.acquire()
                tasks.create_task(send(submission, ordering.ticket()))

    async def _send(self, submission: Submission, ticket: Ticket) -> None:
        """Send one submission; when the service stops, it stays where it is."""
        dispatch = self.sender.dispatch
        with dispatch.tracer.span("submit", Role.INTERNAL) as span:
            span.note({"lienthong.mailbox": dispatch.mailbox})
            await self._try(
                SendAttempt(
                    submission=submission,
                    ticket=ticket,
                    retry_wait=self._retry_wait(),
                    span=span,
                    began=self.sender.clock(),
                )
            )

    async def _try(self, attempt: SendAttempt) -> None:
        """Try until it is sent or refused and its agency knows; or leave it for a later look."""
        while not self.stop.is_set():
            try:
                if not attempt.decided:
                    await self.sender.decide(attempt)
                    # The next one may be published while the agency is told the result of this one.
                    attempt.ticket.leave()
                await self.sender.conclude(attempt)
            except (FileNotFoundError, Stopping):
                # The agency has withdrawn or replaced the file; a later look finds the new one.
                return
            except RecipientError as error:
                attempt.unanswered += 1
                if attempt.unanswered > MOST_UNANSWERED:
                    # The system answers its probes, so the cause lies in this file.
                    self._try_later(attempt.submission, error)
                    return
                with suppress(Stopping):
                    await self._wait_for_system(error, attempt.retry_wait)
            except TransportError as error:
                with suppress(Stopping):
                    await attempt.retry_wait.wait(error.problem)
            except EndpointFaultError as fault:
                self._try_later(attempt.submission, fault.error)
                return
            except Exception as error:  # noqa: BLE001 (a bug delays one file, not all)
                self._try_later(attempt.submission, error)
                return
            else:
                return

    async def _wait_for_system(self, error: RecipientError, retry_wait: RetryWait) -> None:
        """Wait until the agency's system may answer again. Raises `Stopping`.

        If the whole system is away, receiving pauses too. If only files cannot be taken from it,
        receiving goes on.
        """
        for watch in (self.watch, self._taking):
            if not watch.gone.is_set() and (trouble := await watch.trouble()):
                watch.lost(trouble)
            if watch.gone.is_set():
                await watch.until_back()
                return
        # The system answers its probes, but not for this file.
        await retry_wait.wait(error.problem)

    def _try_later(self, submission: Submission, error: Exception) -> None:
        name = f"{self.sender.dispatch.mailbox}/{submission.name}"
        self._failed.put(_version_of(submission), name, error)

    def _retry_wait(self) -> RetryWait:
        return RetryWait(
            mailbox=self.sender.dispatch.mailbox,
            observe=self.sender.observe,
            stop=self.stop,
            jitter=self.jitter,
        )


def _version_of(submission: Submission) -> tuple[str, str]:
    """Name and version of a file; the version differs when the agency has replaced the file."""
    return submission.name, submission.version
