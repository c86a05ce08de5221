"""Answers: signed receipts, by which a mailbox tells a sender what became of its document."""

from collections.abc import Sequence
from dataclasses import dataclass

from bus.core.message import SignedEnvelope
from bus.core.offered import UnsignedReceipt
from bus.core.parcel import arrival, refusal
from bus.core.wire import envelope_of
from bus.ports import Clock
from bus.services.dispatch import Dispatch
from bus.services.retry_wait import RetryWait
from schemas.codes import EnvelopeKind, Lane
from schemas.envelope import Envelope, Recipient
from schemas.problem import Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """Builds, signs and sends the receipts of one mailbox. Receipts themselves get no receipt."""

    dispatch: Dispatch
    clock: Clock

    def unsigned(
        self, envelope: Envelope, addressed: Sequence[Recipient]
    ) -> tuple[UnsignedReceipt, ...]:
        """A receipt `01` of each addressed agency."""
        document, mailbox = envelope.document, self.dispatch.mailbox
        if document is None:
            return ()
        return tuple(
            UnsignedReceipt(
                sender=recipient.agency,
                receipt=arrival(envelope, document, recipient, mailbox=mailbox, now=self.clock()),
            )
            for recipient in addressed
        )

    async def signed(
        self,
        receipts: Sequence[UnsignedReceipt],
        *,
        to: Recipient,
        problem: Problem | None = None,
    ) -> tuple[SignedEnvelope, ...]:
        """Sign receipts as of now. Raises as `Dispatch.signed` does.

        Args:
            problem: Why the documents are refused: each receipt becomes a refusal `02`.
        """
        now = self.clock()
        given = [(each.sender, each.at(now).receipt) for each in receipts]
        return tuple(
            [
                await self.dispatch.signed(
                    envelope_of(
                        refusal(receipt, problem) if problem else receipt,
                        sender=sender,
                        sender_mailbox=self.dispatch.mailbox,
                        recipients=(to,),
                        sent_at=now,
                    )
                )
                for sender, receipt in given
            ]
        )

    async def send(
        self,
        receipts: Sequence[SignedEnvelope],
        *,
        to: Recipient,
        retry_wait: RetryWait,
        trace: str = "",
    ) -> None:
        """Send receipts, confirmed. Raises as `Dispatch.send` does.

        Args:
            trace: The `traceparent` of the step that answers.
        """
        for receipt in receipts:
            await self.dispatch.send(
                receipt,
                kind=EnvelopeKind.RECEIPT,
                lane=Lane.EXPRESS,
                recipients=(to,),
                retry_wait=retry_wait,
                trace=trace,
            )


def sender_of(envelope: Envelope) -> Recipient:
    """The recipient of the receipts for an envelope: its sender."""
    return Recipient(agency=envelope.sender, mailbox=envelope.sender_mailbox)
