"""Offered delivery: what is kept of a delivery whose recipient's system answers later.

It is enough to sign the receipts, or to report the failure, without the message, which was
acknowledged, and without opening a seal again.
"""

from datetime import datetime

from pydantic import AwareDatetime

from bus.core.message import WireMessage
from schemas.codes import EnvelopeKind, Lane, StatusCode
from schemas.envelope import Receipt, Recipient
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.value import Value


class UnsignedReceipt(Value):
    """A receipt `01` that one addressed agency will send when its system has taken the delivery."""

    sender: AgencyCode
    receipt: Receipt

    def at(self, now: datetime) -> "UnsignedReceipt":
        """The same receipt, given at another moment, in whole seconds."""
        report = self.receipt.report.model_copy(update={"at": now.replace(microsecond=0)})
        receipt = self.receipt.model_copy(update={"report": report})
        return self.model_copy(update={"receipt": receipt})


class OfferedDelivery(Value):
    """A delivery that was offered to its recipient's system, which has not answered yet.

    Attributes:
        answer_to: Who gets the receipts.
        sent_at: When its sender signed it.
        offered_at: When the offer was recorded.
        file: The name of the file that was offered.
        status: Of a receipt or status: its code.
        warnings: Codes of what its recipient is warned of.
        receipts: One for each addressed agency; none of a delivery that is itself a receipt.
        message: The message as it was received, of its headers only the trace; what a failure
            needs.
    """

    delivery_id: DeliveryId
    envelope_id: EnvelopeId
    mailbox: MailboxName
    kind: EnvelopeKind
    lane: Lane
    answer_to: Recipient
    sent_at: AwareDatetime
    offered_at: AwareDatetime
    file: str
    status: StatusCode | None = None
    warnings: tuple[str, ...] = ()
    receipts: tuple[UnsignedReceipt, ...] = ()
    message: WireMessage
