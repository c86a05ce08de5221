"""Outbound: what an agency's system drops is read, proven sendable, signed and published.

Read → store attachments → sign → publish to each recipient, confirmed → only then tell the
endpoint. A crash anywhere repeats the work with the same ids. What must be sealed is read into a
spool of its own, and only its ciphertext is stored.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import BinaryIO

from adapters.contract import Endpoint, Format, Limits, Submission
from adapters.formats.origin import marked
from adapters.registry import unrecognised
from bus.core.bounds import refuse_names
from bus.core.events import EnvelopeSent, ItemSkipped, ServiceName, SubmissionRefused
from bus.core.failure import MAY_BE_NEWS, internal
from bus.core.identity import document_identity
from bus.core.parties import Standpoint, judge_document, judge_report, judge_reuse, owner_of
from bus.core.pending_files import PendingFiles
from bus.core.record import record_of
from bus.core.routing import Routing
from bus.core.sealing.request import asks_to_be_sealed
from bus.core.secrecy import refuse_secret
from bus.core.stream import keep
from bus.core.trace import about, trace_id
from bus.core.wire import document_envelope, receipt_envelope
from bus.ports import (
    AttachmentStore,
    Clock,
    Confirmed,
    FormatApart,
    Jitter,
    LookAgain,
    Observer,
    Records,
    Role,
    SignedEnvelope,
    Spool,
    Step,
    nothing_new,
)
from bus.services.dispatch import Dispatch
from bus.services.endpoint_watch import EndpointWatch
from bus.services.known_documents import meant_by, referred_to_by, resembling
from bus.services.ordering import Ordering, Ticket
from bus.services.retry_wait import RetryWait, Stopping
from bus.services.sealer import Sealer
from bus.services.set_aside import SetAside
from schemas.codes import Lane
from schemas.document import Document
from schemas.envelope import Envelope, Receipt, Recipient
from schemas.problem import (
    AxisError,
    DocumentError,
    InternalError,
    Problem,
    RecipientError,
    TransportError,
)
from schemas.reading import Reading, SignatureOutcome, Source
from schemas.status import StatusReport
from schemas.vietnam import day_in_vietnam

_HEAD_BYTES = 4096
MOST_UNANSWERED = 5
"""So often in a row a system may fail over one file, and answer in between."""
_AT_ONCE = 8
"""Submissions of one agency in work; reading overlaps with waiting for confirms."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outgoing:
    """A submission that may be sent."""

    envelope: Envelope
    signed: SignedEnvelope
    lane: Lane
    refused: tuple[Problem, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sent:
    """A submission that was sent.

    Attributes:
        absent: Whose mailbox does not exist on the broker.
        refused: What is to be told of these, and of those that were refused before.
    """

    outgoing: _Outgoing
    absent: tuple[Recipient, ...]
    refused: tuple[Problem, ...]


@dataclass(kw_only=True)
class Outbound:
    """The sending side of one adapter.

    Attributes:
        apart: Formats that work in processes of their own: asked last, for one file of this agency
            at a time.
        routing: The directory as it is now; asked anew for every submission.
        slots: Shared by all adapters of the process: how many files are read at once.
        poll: How long to wait before looking again when the endpoint reports no change; by up to
            twice as long, so that agencies do not all look at once.
    """

    endpoint: Endpoint
    watch: EndpointWatch
    formats: Sequence[Format]
    limits: Limits
    routing: Callable[[], Routing]
    attachments: AttachmentStore
    records: Records
    dispatch: Dispatch
    sealer: Sealer
    clock: Clock
    jitter: Jitter
    observe: Observer
    slots: asyncio.Semaphore
    poll: timedelta
    apart: Sequence[FormatApart] = ()
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    look_again: LookAgain = nothing_new

    def __post_init__(self) -> None:
        self._alone = asyncio.Semaphore()
        self._taking = replace(self.watch, sending=True)
        self._aside = SetAside(
            service=ServiceName.OUTBOUND,
            clock=self.clock,
            jitter=self.jitter,
            observe=self.observe,
        )

    async def run(self) -> None:
        """Send what is dropped until `stop` is set; finish what is under way."""
        retry_wait = self._retry_wait()
        while not self.stop.is_set():
            async with self._changes() as changed:
                try:
                    waiting = await self.endpoint.submissions()
                except RecipientError as error:
                    with suppress(Stopping):
                        await self._outwait(error, retry_wait)
                    continue
                retry_wait = self._retry_wait()
                self._aside.keep_only(map(_sight_of, waiting))
                due = [each for each in waiting if self._aside.is_due(_sight_of(each))]
                await self._send_all(due)
                if not due:
                    await self._idle(changed)

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

    @asynccontextmanager
    async def _changes(self) -> AsyncIterator[asyncio.Task[None]]:
        """A task that ends when something changes from now on; it waits already."""
        changed = asyncio.create_task(self.endpoint.changed())
        try:
            await asyncio.sleep(0)
            yield changed
        finally:
            changed.cancel()
            # How it failed concerns nobody: what matters is found by looking.
            await asyncio.gather(changed, return_exceptions=True)

    async def _idle(self, changed: asyncio.Task[None]) -> None:
        """Wait for a change, the stop, or the time to look anyway."""
        stopped = asyncio.create_task(self.stop.wait())
        tasks = [stopped] if changed.done() and changed.exception() else [stopped, changed]
        pause = self._aside.shorten(self.poll * (1 + self.jitter()))
        try:
            await asyncio.wait(
                tasks, timeout=pause.total_seconds(), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopped.cancel()

    async def _outwait(self, error: RecipientError, retry_wait: RetryWait) -> None:
        """Wait until what the agency's system refused has a chance again.

        A system that is away as a whole pauses its mailbox; one from which only nothing can be
        taken goes on receiving. Raises `Stopping`.
        """
        if not self.watch.gone.is_set() and (trouble := await self.watch.trouble()):
            self.watch.lost(trouble)
        if self.watch.gone.is_set():
            await self.watch.until_back()
            return
        if not self._taking.gone.is_set() and (trouble := await self._taking.trouble()):
            self._taking.lost(trouble)
        if self._taking.gone.is_set():
            await self._taking.until_back()
            return
        # It is well when it is asked, and refuses all the same.
        await retry_wait.wait(error.problem)

    async def _send(self, submission: Submission, ticket: Ticket) -> None:
        """Send one submission, or leave it where it is when the service stops."""
        with self.dispatch.tracer.step("submit", Role.INTERNAL) as step:
            step.note({"lienthong.mailbox": self.dispatch.mailbox})
            await self._send_traced(submission, ticket, step)

    async def _send_traced(self, submission: Submission, ticket: Ticket, step: Step) -> None:
        began, retry_wait, unanswered = self.clock(), self._retry_wait(), 0
        outcome: _Sent | tuple[Problem, ...] | None = None
        while not self.stop.is_set():
            try:
                if outcome is None:
                    outcome = await self._attempt(submission, ticket, retry_wait, step)
                    # The order is kept; what is told of it holds up nobody.
                    ticket.leave()
                await self._conclude(submission, outcome, began, step)
            except (FileNotFoundError, Stopping):
                # Taken back or replaced by the agency: a later look finds the new file.
                return
            except RecipientError as error:
                unanswered += 1
                if unanswered > MOST_UNANSWERED:
                    # Its system answers in between: it is this file, whatever it is.
                    self._set_aside(submission, error)
                    return
                with suppress(Stopping):
                    await self._outwait(error, retry_wait)
            except TransportError as error:
                with suppress(Stopping):
                    await retry_wait.wait(error.problem)
            except Exception as error:  # noqa: BLE001 (a bug sets one file aside, not all)
                self._set_aside(submission, error)
                return
            else:
                return

    def _set_aside(self, submission: Submission, error: Exception) -> None:
        name = f"{self.dispatch.mailbox}/{submission.name}"
        self._aside.put(_sight_of(submission), name, error)

    async def _attempt(
        self, submission: Submission, ticket: Ticket, retry_wait: RetryWait, step: Step
    ) -> _Sent | tuple[Problem, ...]:
        """Send it; or say why it may not be sent."""
        if submission.problem is not None:
            return (submission.problem,)
        try:
            outgoing = await self._prepared(submission)
            step.note(about(outgoing.envelope))
            await ticket.turn()
            # What could not be accepted afterwards would be sent again and again.
            await asyncio.to_thread(self._prove, submission)
        except _NobodyLeftError as refused:
            return refused.problems
        except (TransportError, RecipientError, FileNotFoundError):
            raise
        except AxisError as error:
            return (error.problem,)
        except Exception as error:  # noqa: BLE001 (a format's bug must not stop the others)
            return (internal(error, stage="read"),)
        return await self._publish(outgoing, retry_wait, step)

    def _prove(self, submission: Submission) -> None:
        """Find out whether it is still there, and can be accepted."""
        self.endpoint.open(submission).close()

    async def _publish(
        self, outgoing: _Outgoing, retry_wait: RetryWait, step: Step
    ) -> _Sent | tuple[Problem, ...]:
        """Publish; or the problems, when no receiver has a mailbox on the broker."""
        envelope = outgoing.envelope
        absent = await self.dispatch.send(
            outgoing.signed,
            kind=envelope.kind,
            lane=outgoing.lane,
            recipients=envelope.recipients,
            retry_wait=retry_wait,
            trace=step.traceparent,
        )
        refused = (*outgoing.refused, *(_unroutable(recipient) for recipient in absent))
        if len(absent) == len(envelope.recipients):
            return refused
        return _Sent(outgoing=outgoing, absent=absent, refused=refused)

    async def _conclude(
        self,
        submission: Submission,
        outcome: _Sent | tuple[Problem, ...],
        began: datetime,
        step: Step,
    ) -> None:
        """Record and tell what became of it. What was sent is never sent again for this."""
        if not isinstance(outcome, _Sent):
            if outcome:
                step.failed(outcome[0].code)
                await self._refuse(submission, outcome)
            return
        envelope, absent = outcome.outgoing.envelope, outcome.absent
        if envelope.document is not None:
            await self.records.confirm(_confirmed(envelope, absent, now=self.clock()))
        try:
            await self.endpoint.accept(submission, notices=outcome.refused)
        except DocumentError as error:
            name = f"{self.dispatch.mailbox}/{submission.name}"
            self.observe(
                ItemSkipped(service=ServiceName.OUTBOUND, item=name, problem=error.problem)
            )
        self.observe(
            EnvelopeSent(
                mailbox=self.dispatch.mailbox,
                kind=envelope.kind,
                lane=outcome.outgoing.lane,
                envelope_id=envelope.envelope_id,
                file=submission.name,
                recipients=tuple(r.agency for r in envelope.recipients if r not in absent),
                refused=outcome.refused,
                took=self.clock() - began,
                trace=trace_id(step.traceparent),
            )
        )

    async def _refuse(self, submission: Submission, problems: Sequence[Problem]) -> None:
        await self.endpoint.refuse(submission, problems)
        self.observe(
            SubmissionRefused(
                mailbox=self.dispatch.mailbox, file=submission.name, problems=tuple(problems)
            )
        )

    async def _prepared(self, submission: Submission) -> _Outgoing:
        """As `_prepare`, once more when somebody is unknown or suspended who may no longer be."""
        outgoing: _Outgoing | None = None
        before = self.routing()
        try:
            outgoing = await self._prepare(submission)
        except AxisError as error:
            if error.problem.code not in MAY_BE_NEWS:
                raise
        if outgoing and not any(problem.code in MAY_BE_NEWS for problem in outgoing.refused):
            return outgoing
        await self.look_again()
        if outgoing and self.routing() is before:
            return outgoing
        return await self._prepare(submission)

    async def _prepare(self, submission: Submission) -> _Outgoing:
        """Read, route, judge and sign. Raises `DocumentError` when it may not be sent."""
        if not self.sealer.is_due(submission.name, self.routing()):
            return await self._prepare_from(submission, self.attachments, None)
        spool = await asyncio.to_thread(self.sealer.begin_spool)
        try:
            return await self._prepare_from(submission, spool, spool)
        finally:
            await asyncio.to_thread(spool.clear)

    async def _prepare_from(
        self, submission: Submission, files: AttachmentStore, spool: Spool | None
    ) -> _Outgoing:
        """Prepare, with the files in a store that may be a spool to be sealed from."""
        # Not longer than the reading takes: what follows waits for the store, hundreds at a time.
        async with self.slots:
            taken = await asyncio.to_thread(self._read, submission, files)
        if taken is None:
            # Outside of the slots, which a format that hangs would hold for everybody.
            async with self._alone:
                taken = await asyncio.to_thread(self._read_apart, submission, files)
        reading, source = taken
        match reading.message:
            case Document() as document:
                return await self._prepare_document(document, reading, source, spool)
            case StatusReport() as report:
                if asks_to_be_sealed(submission.name):
                    raise AxisError.of("E_SEAL_STATUS")
                return await self._prepare_report(report, reading)

    async def _prepare_document(
        self, document: Document, reading: Reading, source: Source | None, spool: Spool | None
    ) -> _Outgoing:
        now, routing, mailbox = self.clock(), self.routing(), self.dispatch.mailbox
        today = day_in_vietnam(now)
        sender = routing.may_send(mailbox, document.from_agency.organ_id, today).agency.code
        known = await referred_to_by(document, self.records, owner=sender)
        judged = judge_document(
            document,
            sender=sender,
            known=known,
            at=Standpoint(routing=routing, on=today),
        )
        warned = (
            *judged.warnings,
            *judge_reuse(
                document,
                sender=sender,
                identity=document_identity(document, sender),
                known=await resembling(document, self.records, found=known),
            ),
        )
        routed = routing.route(document.to_agencies, today)
        if not routed.recipients:
            raise _NobodyLeftError(routed.problems)
        source_signature = reading.signature if source else None
        warnings = (*reading.warnings, *routed.warnings, *warned)
        if spool is None:
            envelope = document_envelope(
                document,
                sender=sender,
                sender_mailbox=mailbox,
                recipients=routed.recipients,
                sent_at=now,
                source=source,
                source_signature=source_signature,
                warnings=warnings,
            )
        else:
            prepared = await asyncio.to_thread(
                self.sealer.prepare, document, spool, recipients=routed.recipients, source=source
            )
            key = self.dispatch.key()
            seal = partial(
                self.sealer.seal,
                document,
                prepared,
                signing=key,
                sender=sender,
                recipients=routed.recipients,
                sent_at=now,
                source=source,
                source_signature=source_signature,
                warnings=warnings,
            )
            apart = self.dispatch.sign_elsewhere if key.is_elsewhere else asyncio.to_thread
            envelope = await apart(seal)
        signed = await self.dispatch.signed(envelope)
        await self.records.record(record_of(envelope, document, now=now))
        return _Outgoing(
            envelope=envelope, signed=signed, lane=envelope.lane, refused=routed.problems
        )

    async def _prepare_report(self, report: StatusReport, reading: Reading) -> _Outgoing:
        now, routing, mailbox = self.clock(), self.routing(), self.dispatch.mailbox
        today = day_in_vietnam(now)
        sender = routing.may_report(mailbox, report.from_agency.organ_id, today).agency.code
        addressee = routing.recipient(report.to_organ_id, today)
        owner = owner_of(report, sender=sender, addressee=addressee.agency)
        judged = judge_report(
            report,
            sender=sender,
            addressee=addressee.agency,
            known=await meant_by(report, self.records, owner=owner),
            at=Standpoint(routing=routing, on=today),
        )
        envelope = receipt_envelope(
            Receipt(report=report),
            sender=sender,
            sender_mailbox=mailbox,
            recipient=addressee,
            sent_at=now,
            warnings=(*reading.warnings, *judged.warnings),
        )
        signed = await self.dispatch.signed(envelope)
        return _Outgoing(envelope=envelope, signed=signed, lane=envelope.lane)

    def _read(
        self, submission: Submission, files: AttachmentStore
    ) -> tuple[Reading, Source | None] | None:
        """Read the file; None when none of the formats here is its format."""
        with self.endpoint.open(submission) as file:
            if submission.size > self.limits.max_packet_bytes:
                limit = self.limits.max_packet_bytes
                raise AxisError.of("E_TOO_LARGE", size=submission.size, limit=limit)
            head = _head_of(file)
            for candidate in self.formats:
                if candidate.recognises(head, submission.name):
                    return self._read_as(candidate, file, files)
        if self.apart:
            return None
        raise unrecognised(submission.name, [each.name for each in self.formats])

    def _read_apart(
        self, submission: Submission, files: AttachmentStore
    ) -> tuple[Reading, Source | None]:
        """Read the file in a format that works in another process.

        One that fails when it is asked whether it knows the file does not know it: whoever runs it
        has told so, and a file of another format must not be refused for it. Not so the agency's
        own format, which it most likely is.
        """
        own = self.routing().owner_of(self.dispatch.mailbox).format
        with self.endpoint.open(submission) as file:
            head = _head_of(file)
            for each in self.apart:
                try:
                    candidate = each.introduced()
                    recognised = candidate.recognises(head, submission.name)
                except (TransportError, InternalError):
                    # A format that was ended because we stop would have known it.
                    if each.name == own or self.stop.is_set():
                        raise
                    continue
                if recognised:
                    return self._read_as(candidate, file, files)
        tried = [*(each.name for each in self.formats), *(each.name for each in self.apart)]
        raise unrecognised(submission.name, tried)

    def _read_as(
        self, chosen: Format, file: BinaryIO, files: AttachmentStore
    ) -> tuple[Reading, Source | None]:
        """Read, and keep the exact bytes where they may be needed (wire contract)."""
        reading = marked(self._take(chosen, file, files), chosen.name)
        signed = reading.signature.outcome is not SignatureOutcome.UNVERIFIABLE
        if not (signed or reading.repaired):
            return reading, None
        file.seek(0)
        kept = keep(file, files)
        return reading, Source(format=chosen.name, size=kept.size, sha256=kept.sha256)

    def _take(self, chosen: Format, file: BinaryIO, files: AttachmentStore) -> Reading:
        """Read the message; its files are in the store when it is taken, and none otherwise."""
        held = PendingFiles(files)
        try:
            reading = chosen.read(
                file, sink=held, limits=self.limits, today=day_in_vietnam(self.clock())
            )
            if isinstance(reading.message, Document):
                refuse_secret(reading.message)
                refuse_names(reading.message.attachments)
                held.require(reading.message.attachments)
            held.keep_all()
        finally:
            held.discard_all()
        return reading

    def _retry_wait(self) -> RetryWait:
        return RetryWait(
            mailbox=self.dispatch.mailbox, observe=self.observe, stop=self.stop, jitter=self.jitter
        )


def _head_of(file: BinaryIO) -> bytes:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    return head


def _sight_of(submission: Submission) -> tuple[str, str]:
    """Another one when the agency has put another file in its place."""
    return submission.name, submission.version


class _NobodyLeftError(DocumentError):
    """No receiver is left: all problems of routing at once."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0])
        self.problems = tuple(problems)


def _confirmed(envelope: Envelope, absent: Sequence[Recipient], *, now: datetime) -> Confirmed:
    there = (r.mailbox for r in envelope.recipients if r not in absent)
    return Confirmed(
        envelope_id=envelope.envelope_id,
        mailboxes=tuple(dict.fromkeys(there)),
        confirmed_at=now,
    )


def _unroutable(recipient: Recipient) -> Problem:
    return Problem(code="E_UNROUTABLE", params={"code": recipient.named or recipient.agency})
