"""Dispatch: signs an envelope once, and publishes it to every recipient's mailbox.

Documents, statuses and receipts are all sent by it.
"""

from asyncio import gather
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bus.core.message import SignedEnvelope, WireMessage
from bus.core.topology import DOCUMENTS, account_of, routing_key
from bus.core.trace import TRACEPARENT, sending
from bus.core.wire import body_of
from bus.ports import (
    Clock,
    NewId,
    Publisher,
    PublishOutcome,
    Role,
    Signer,
    Tracer,
    Untraced,
)
from bus.services.retry_wait import RetryWait
from schemas.codes import EnvelopeKind, Lane
from schemas.envelope import Envelope, Recipient
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem

MOST_RETURNS = 8
"""How often in a row the broker may not know a mailbox: within 25 seconds the mailbox of an agency
that was just added to the directory is provisioned."""

MOST_REFUSALS = 8
"""How often in a row the broker may refuse a message to one mailbox: about half a minute. A queue
that has lost its leader is back sooner."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dispatch:
    """Sends the messages of one mailbox.

    Attributes:
        deadline: How long one publish may take before its outcome is unknown.
        most_returns: After so many tries a mailbox that the broker does not know is absent.
        full: The mailboxes for which the broker has refused all messages of late.
        reports_as: The account that reports failures; None: the mailbox's own.
    """

    mailbox: MailboxName
    signer: Signer
    publisher: Publisher
    clock: Clock
    new_id: NewId
    deadline: timedelta
    reports_as: str | None = None
    tracer: Tracer = field(default_factory=Untraced)
    full: set[MailboxName] = field(default_factory=set)
    most_returns: int = MOST_RETURNS

    async def signed(self, envelope: Envelope) -> SignedEnvelope:
        """Sign the envelope's bytes.

        Raises:
            DocumentError: E_TOO_LARGE.
            TransportError: E_SIGNING_KEY_AWAY: there is no usable key now.
        """
        body = body_of(envelope)
        return SignedEnvelope(body=body, signature=await self.signer.sign(body, now=self.clock()))

    async def send(
        self,
        signed: SignedEnvelope,
        *,
        kind: EnvelopeKind,
        lane: Lane,
        recipients: Sequence[Recipient],
        retry_wait: RetryWait,
        trace: str = "",
    ) -> tuple[Recipient, ...]:
        """Publish to every distinct mailbox until the broker has answered for each.

        Messages that are not confirmed are published again; recipients drop duplicates.

        Returns:
            The recipients whose mailbox does not exist on the broker.

        Args:
            trace: The `traceparent` of the span that sends.

        Raises:
            Stopping: The service stops before every mailbox has confirmed.
            ConfigurationError: E_MAILBOX_REFUSED: the broker refuses every message to one mailbox.
        """
        absent: set[MailboxName] = set()
        refusals: Counter[MailboxName] = Counter()
        returns: Counter[MailboxName] = Counter()
        waiting = list(dict.fromkeys(recipient.mailbox for recipient in recipients))
        while True:
            publishes = [self._publish(signed, kind, lane, mailbox, trace) for mailbox in waiting]
            # A single message, such as a receipt, needs no task of its own.
            outcomes = [await publishes[0]] if len(publishes) == 1 else await gather(*publishes)
            told = list(zip(waiting, outcomes, strict=True))
            returned = [box for box, outcome in told if outcome is PublishOutcome.RETURNED]
            returns.update(returned)
            absent |= {box for box in returned if returns[box] >= self.most_returns}
            waiting = [
                box
                for box, outcome in told
                if outcome is not PublishOutcome.CONFIRMED and box not in absent
            ]
            self._note_full(told, refusals)
            if waiting and self.full.issuperset(waiting):
                raise AxisError.of("E_MAILBOX_REFUSED", mailbox=waiting[0])
            if not waiting:
                return tuple(r for r in recipients if r.mailbox in absent)
            await retry_wait.wait(Problem(code="E_PUBLISH_UNKNOWN", detail=", ".join(waiting)))

    def _note_full(
        self,
        told: Iterable[tuple[MailboxName, PublishOutcome]],
        refusals: Counter[MailboxName],
    ) -> None:
        """Note which mailboxes are full. Nothing waits for them until they accept a message."""
        for box, outcome in told:
            if outcome is PublishOutcome.REFUSED:
                refusals[box] += 1
                if refusals[box] >= MOST_REFUSALS:
                    self.full.add(box)
            elif outcome is PublishOutcome.CONFIRMED:
                self.full.discard(box)

    async def _publish(
        self,
        signed: SignedEnvelope,
        kind: EnvelopeKind,
        lane: Lane,
        mailbox: MailboxName,
        trace: str,
    ) -> PublishOutcome:
        key, message_id = routing_key(self.mailbox, mailbox, lane, kind), self.new_id()
        with self.tracer.span(f"send {DOCUMENTS}", Role.PRODUCER, parent=trace) as span:
            message = WireMessage(
                exchange=DOCUMENTS,
                routing_key=key,
                body=signed.body,
                type=kind,
                message_id=message_id,
                signature=signed.signature,
                user_id=account_of(self.mailbox),
                timestamp=self.clock(),
                headers=_traced(span.traceparent),
            )
            if span.traceparent:
                span.note(sending(message))
            outcome = await self.publisher.publish(message, deadline=self.deadline)
            if outcome is not PublishOutcome.CONFIRMED:
                span.failed(outcome)
            return outcome


def _traced(traceparent: str) -> dict[str, str]:
    return {TRACEPARENT: traceparent} if traceparent else {}
