"""Make a signed envelope of a submission, or find out why it must not be sent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from adapters.contract import Submission
from bus.core.failure import MAY_BE_NEWS
from bus.core.identity import document_identity
from bus.core.message import SignedEnvelope
from bus.core.parties import Viewpoint, judge_document, judge_report, judge_reuse, owner_of
from bus.core.receivers import route
from bus.core.record import record_of
from bus.core.routing import Routing
from bus.core.sealing import asks_to_be_sealed
from bus.core.wire import envelope_of
from bus.ports import AttachmentStore, Clock, LookAgain, Records, Spool, nothing_new
from bus.services.dispatch import Dispatch
from bus.services.known_documents import meant_by, referred_to_by, resembling
from bus.services.sealer import Sealer
from bus.services.submission_reader import Read, SubmissionReader
from schemas.document import Document
from schemas.envelope import Envelope, Receipt
from schemas.problem import AxisError, DocumentError, Problem
from schemas.status import StatusReport
from schemas.vietnam import day_in_vietnam


@dataclass(frozen=True, kw_only=True, slots=True)
class Outgoing:
    """An envelope to publish; `refused`: why some receivers cannot be reached."""

    envelope: Envelope
    signed: SignedEnvelope
    refused: tuple[Problem, ...] = ()


class NoRecipientError(DocumentError):
    """No receiver of a document can be reached; `problems` has at least one reason."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems[0])
        self.problems = problems


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionPreparer:
    """Prepares the submissions of a mailbox.

    A document that must be sealed is read into a spool, and only its ciphertext is stored.

    Attributes:
        routing: Returns the current directory.
        look_again: Loads newer agencies and certificates.
    """

    reader: SubmissionReader
    routing: Callable[[], Routing]
    attachments: AttachmentStore
    records: Records
    dispatch: Dispatch
    sealer: Sealer
    clock: Clock
    look_again: LookAgain = nothing_new

    async def prepare(self, submission: Submission) -> Outgoing:
        """Read, check, route, sign and record a submission; seal it if necessary.

        If an agency is unknown or suspended, newer agencies are loaded and it is tried again.

        Raises:
            NoRecipientError: No receiver can be reached.
            DocumentError: It must not be sent.
            FileNotFoundError: The agency has removed it.
            RecipientError, TransportError: The endpoint, the store or the signing key is away.
        """
        outgoing: Outgoing | None = None
        before = self.routing()
        try:
            outgoing = await self._prepare_once(submission)
        except AxisError as error:
            if error.problem.code not in MAY_BE_NEWS:
                raise
        if outgoing and not any(problem.code in MAY_BE_NEWS for problem in outgoing.refused):
            return outgoing
        await self.look_again()
        if outgoing and self.routing() is before:
            return outgoing
        return await self._prepare_once(submission)

    async def _prepare_once(self, submission: Submission) -> Outgoing:
        if not self.sealer.is_due(submission.name, self.routing()):
            read = await self.reader.read(submission, self.attachments)
            return await self._prepare(submission, read, None)
        spool = await asyncio.to_thread(self.sealer.begin_spool)
        try:
            read = await self.reader.read(submission, spool)
            return await self._prepare(submission, read, spool)
        finally:
            await asyncio.to_thread(spool.clear)

    async def _prepare(self, submission: Submission, read: Read, spool: Spool | None) -> Outgoing:
        match read[0].message:
            case Document() as document:
                return await self._prepare_document(document, read, spool)
            case StatusReport() as report:
                if asks_to_be_sealed(submission.name):
                    raise AxisError.of("E_SEAL_STATUS")
                return await self._prepare_report(report, read)

    async def _prepare_document(
        self, document: Document, read: Read, spool: Spool | None
    ) -> Outgoing:
        reading, source = read
        now, routing, mailbox = self.clock(), self.routing(), self.dispatch.mailbox
        today = day_in_vietnam(now)
        sender = routing.may_send(mailbox, document.from_agency.organ_id, today).agency.code
        known = await referred_to_by(document, self.records, owner=sender)
        judged = judge_document(
            document,
            sender=sender,
            known=known,
            at=Viewpoint(routing=routing, on=today),
        )
        reused = judge_reuse(
            document,
            sender=sender,
            identity=document_identity(document, sender),
            known=await resembling(document, self.records, found=known),
        )
        routed = route(routing, document.to_agencies, today)
        if not routed.recipients:
            raise NoRecipientError(routed.problems)
        envelope = envelope_of(
            document,
            sender=sender,
            sender_mailbox=mailbox,
            recipients=routed.recipients,
            sent_at=now,
            source=source,
            source_signature=reading.signature if source else None,
            warnings=(*reading.warnings, *routed.warnings, *judged.warnings, *reused),
        )
        if spool is not None:
            envelope = await self.sealer.seal(envelope, spool)
        signed = await self.dispatch.signed(envelope)
        await self.records.record(record_of(envelope, document, now=now))
        return Outgoing(envelope=envelope, signed=signed, refused=routed.problems)

    async def _prepare_report(self, report: StatusReport, read: Read) -> Outgoing:
        reading, _ = read
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
            at=Viewpoint(routing=routing, on=today),
        )
        envelope = envelope_of(
            Receipt(report=report),
            sender=sender,
            sender_mailbox=mailbox,
            recipients=(addressee,),
            sent_at=now,
            warnings=(*reading.warnings, *judged.warnings),
        )
        return Outgoing(envelope=envelope, signed=await self.dispatch.signed(envelope))
