"""Answers: the signed receipts by which a mailbox tells a sender what became of a document."""

from collections.abc import Sequence
from dataclasses import dataclass

from bus.core.message import SignedEnvelope
from bus.core.parcel import arrival, refusal
from bus.core.wire import receipt_envelope
from bus.ports import Clock
from bus.services.dispatch import Dispatch
from bus.services.retry_wait import RetryWait
from schemas.codes import EnvelopeKind, Lane
from schemas.envelope import Envelope, Receipt, Recipient
from schemas.problem import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """One mailbox's word on what it was sent. Receipts themselves are not answered."""

    dispatch: Dispatch
    clock: Clock

    async def arrived(
        self, envelope: Envelope, addressed: Sequence[Recipient]
    ) -> tuple[SignedEnvelope, ...]:
        """Sign a receipt `01` for each addressed agency. Raises as `Dispatch.seal` does."""
        document, now = envelope.document, self.clock()
        if document is None:
            return ()
        mailbox = self.dispatch.mailbox
        return tuple(
            [
                await self._signed(
                    envelope,
                    recipient,
                    arrival(envelope, document, recipient, mailbox=mailbox, now=now),
                )
                for recipient in addressed
            ]
        )

    async def refused(
        self, envelope: Envelope, addressed: Sequence[Recipient], problem: Problem
    ) -> tuple[SignedEnvelope, ...]:
        """Sign a refusal `02` with the problem for each one. Raises as `Dispatch.seal` does."""
        document, now = envelope.document, self.clock()
        if document is None:
            return ()
        mailbox = self.dispatch.mailbox
        return tuple(
            [
                await self._signed(
                    envelope,
                    recipient,
                    refusal(
                        envelope, document, recipient, mailbox=mailbox, problem=problem, now=now
                    ),
                )
                for recipient in addressed
            ]
        )

    async def send(
        self,
        envelope: Envelope,
        receipts: Sequence[SignedEnvelope],
        *,
        retry_wait: RetryWait,
        trace: str = "",
    ) -> None:
        """Send receipts to whoever sent the envelope, confirmed. Raises `Stopping`.

        Args:
            trace: The step that answers, for `traceparent`.
        """
        for receipt in receipts:
            await self.dispatch.send(
                receipt,
                kind=EnvelopeKind.RECEIPT,
                lane=Lane.EXPRESS,
                recipients=(_sender_of(envelope),),
                retry_wait=retry_wait,
                trace=trace,
            )

    async def _signed(
        self, envelope: Envelope, recipient: Recipient, receipt: Receipt
    ) -> SignedEnvelope:
        return await self.dispatch.signed(
            receipt_envelope(
                receipt,
                sender=recipient.agency,
                sender_mailbox=self.dispatch.mailbox,
                recipient=_sender_of(envelope),
                sent_at=self.clock(),
            )
        )


def _sender_of(envelope: Envelope) -> Recipient:
    """Where the answers to an envelope go."""
    return Recipient(agency=envelope.sender, mailbox=envelope.sender_mailbox)
