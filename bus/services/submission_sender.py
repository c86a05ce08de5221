"""Publish a submission, and tell its agency the result."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from adapters.contract import Endpoint, Submission
from bus.core.events import EnvelopeSent, ItemSkipped, ServiceName, SubmissionRefused
from bus.core.failure import internal
from bus.core.trace import about, trace_id
from bus.ports import Clock, Confirmed, Observer, Records, Span
from bus.services.dispatch import Dispatch
from bus.services.ordering import Ticket
from bus.services.retry_wait import RetryWait
from bus.services.submission_preparer import NoRecipientError, Outgoing, SubmissionPreparer
from bus.services.submission_reader import EndpointFaultError, open_submission
from schemas.envelope import Envelope, Recipient
from schemas.problem import AxisError, DocumentError, Problem, RecipientError, TransportError


@dataclass(kw_only=True)
class SendAttempt:
    """One attempt to send a submission.

    Attributes:
        ticket: Its turn among the submissions of its agency.
        unanswered: How often the endpoint has failed with this file.
        decided: It was published or refused, but the agency may not know the result yet.
        sent: The published envelope; None: it was refused for all recipients.
        absent: The recipients without a mailbox on the broker.
        refused: Why it was refused, or why some receivers get nothing.
    """

    submission: Submission
    ticket: Ticket
    retry_wait: RetryWait
    span: Span
    began: datetime
    unanswered: int = 0
    decided: bool = False
    sent: Outgoing | None = None
    absent: tuple[Recipient, ...] = ()
    refused: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionSender:
    """Sends the submissions of one agency."""

    endpoint: Endpoint
    preparer: SubmissionPreparer
    dispatch: Dispatch
    records: Records
    clock: Clock
    observe: Observer

    async def decide(self, attempt: SendAttempt) -> None:
        """Publish the submission, or find out why it must not be sent.

        Raises:
            FileNotFoundError: The agency has removed it.
            RecipientError, TransportError: Nothing is decided; try again later.
            Stopping: Nothing is decided, because the service stops.
        """
        try:
            outgoing = await self._prepare(attempt)
        except NoRecipientError as error:
            attempt.refused = error.problems
        except (TransportError, RecipientError, FileNotFoundError, EndpointFaultError):
            raise
        except AxisError as error:
            attempt.refused = (error.problem,)
        except Exception as error:  # noqa: BLE001 (a format's bug must not stop the others)
            attempt.refused = (internal(error, stage="read"),)
        else:
            await self._publish(attempt, outgoing)
        attempt.decided = True

    async def conclude(self, attempt: SendAttempt) -> None:
        """Record the result and tell the agency; may be repeated, and never publishes.

        Raises:
            FileNotFoundError, RecipientError, TransportError: As `decide`.
        """
        if attempt.sent is None:
            await self._refuse(attempt)
        else:
            await self._accept(attempt, attempt.sent.envelope)

    async def _prepare(self, attempt: SendAttempt) -> Outgoing:
        submission = attempt.submission
        if submission.problem is not None:
            raise AxisError(submission.problem)
        outgoing = await self.preparer.prepare(submission)
        attempt.span.note(about(outgoing.envelope))
        await attempt.ticket.turn()
        # A file that cannot be opened now could not be accepted later, and would be sent again.
        file = await asyncio.to_thread(open_submission, self.endpoint, submission)
        await asyncio.to_thread(file.close)
        return outgoing

    async def _publish(self, attempt: SendAttempt, outgoing: Outgoing) -> None:
        """Publish the envelope; it is refused when no recipient has a mailbox on the broker."""
        envelope = outgoing.envelope
        absent = await self.dispatch.send(
            outgoing.signed,
            kind=envelope.kind,
            lane=envelope.lane,
            recipients=envelope.recipients,
            retry_wait=attempt.retry_wait,
            trace=attempt.span.traceparent,
        )
        unroutable = [
            Problem(code="E_UNROUTABLE", params={"code": each.named or each.agency})
            for each in absent
        ]
        attempt.refused = (*outgoing.refused, *unroutable)
        if len(absent) < len(envelope.recipients):
            attempt.sent, attempt.absent = outgoing, absent

    async def _refuse(self, attempt: SendAttempt) -> None:
        attempt.span.failed(attempt.refused[0].code)
        await self.endpoint.refuse(attempt.submission, attempt.refused)
        self.observe(
            SubmissionRefused(
                mailbox=self.dispatch.mailbox,
                file=attempt.submission.name,
                problems=attempt.refused,
            )
        )

    async def _accept(self, attempt: SendAttempt, envelope: Envelope) -> None:
        mailbox, file = self.dispatch.mailbox, attempt.submission.name
        there = [each for each in envelope.recipients if each not in attempt.absent]
        if envelope.document is not None:
            confirmed = Confirmed(
                envelope_id=envelope.envelope_id,
                mailboxes=tuple(dict.fromkeys(each.mailbox for each in there)),
                confirmed_at=self.clock(),
            )
            await self.records.confirm(confirmed)
        try:
            await self.endpoint.accept(attempt.submission, notices=attempt.refused)
        except DocumentError as error:
            self.observe(
                ItemSkipped(
                    service=ServiceName.OUTBOUND, item=f"{mailbox}/{file}", problem=error.problem
                )
            )
        self.observe(
            EnvelopeSent(
                mailbox=mailbox,
                kind=envelope.kind,
                lane=envelope.lane,
                envelope_id=envelope.envelope_id,
                file=file,
                recipients=tuple(each.agency for each in there),
                refused=attempt.refused,
                took=self.clock() - attempt.began,
                trace=trace_id(attempt.span.traceparent),
            )
        )
