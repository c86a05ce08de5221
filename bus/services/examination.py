"""Examination: proves who sent a message, that it may come here, and what it is about."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bus.core.admission import (
    addressed,
    admit,
    judge_seal,
    judge_wrapping,
    prove,
    refuse_other_names,
)
from bus.core.failure import Stage
from bus.core.keyring import KeyRing
from bus.core.life_cycle import DeliveryEvent
from bus.core.parties import Viewpoint
from bus.core.record import answered_after, proven_arrival
from bus.core.routing import Routing
from bus.core.trace import about
from bus.ports import Clock, Inbox, Records
from bus.services.attempt import Attempt
from bus.services.known_documents import judge
from bus.services.sealer import Sealer
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName
from schemas.secrecy import refuse_secret
from schemas.vietnam import day_in_vietnam


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """The examinations of one mailbox's messages."""

    mailbox: MailboxName
    keys: Callable[[], KeyRing]
    routing: Callable[[], Routing]
    sealer: Sealer
    inbox: Inbox
    records: Records
    clock: Clock

    async def admit(self, attempt: Attempt) -> Envelope:
        """Verify the message, check that it may come here, and open its seal.

        Raises:
            DocumentError: It is forged, was not to come here, or is a State secret.
        """
        message, now = attempt.received.message, self.clock()
        judge_wrapping(message, queue=attempt.received.queue)
        verified = prove(message, keys=self.keys(), now=now)
        attempt.advance(DeliveryEvent.PROVE)
        attempt.stage = Stage.OPEN
        envelope = admit(verified, message, mailbox=self.mailbox, routing=self.routing(), now=now)
        attempt.envelope = envelope
        judge_seal(envelope, self.routing())
        if envelope.sealed is not None:
            opened = await asyncio.to_thread(self.sealer.open, envelope, verified)
            attempt.sealed_files = opened.files
            attempt.envelope = envelope = opened.envelope
        if attempt.span.traceparent:
            attempt.span.note(about(envelope))
        if envelope.document is not None:
            refuse_secret(envelope.document)
        attempt.advance(DeliveryEvent.ADMIT)
        return envelope

    async def judge(self, attempt: Attempt, envelope: Envelope) -> None:
        """Find out whose documents the message is about.

        Raises:
            DocumentError: Its sender may not say this of them.
        """
        now = self.clock()
        recipients = addressed(envelope, self.mailbox, self.routing(), now=now)
        at = Viewpoint(
            routing=self.routing(),
            on=day_in_vietnam(now),
            held_by=tuple(recipient.agency for recipient in recipients),
        )
        refuse_other_names(envelope, at.routing, on=at.on)
        attempt.judged, meant = await judge(envelope, self.records, at=at)
        if envelope.receipt is not None:
            attempt.answered_after = answered_after(envelope.receipt, meant, now=now)
            await self._note_arrival(envelope, now)

    async def _note_arrival(self, envelope: Envelope, now: datetime) -> None:
        """Keep what a receipt proves of a delivery that another store knows as done."""
        arrived = proven_arrival(envelope)
        if arrived is not None and not await self.inbox.done([arrived]):
            await self.records.arrive(arrived, now=now)
