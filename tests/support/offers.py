"""What an inbox keeps of a delivery that was offered."""

from datetime import datetime

from bus.core.message import WireMessage
from bus.core.offered import OfferedDelivery
from bus.ports import Claim
from schemas.codes import EnvelopeKind, Lane
from schemas.envelope import Recipient
from schemas.identifiers import AgencyCode, MailboxName


def offer_of(claim: Claim, *, now: datetime) -> OfferedDelivery:
    """The claimed delivery, offered now."""
    return OfferedDelivery(
        delivery_id=claim.delivery_id,
        envelope_id=claim.envelope_id,
        mailbox=claim.mailbox,
        kind=EnvelopeKind.DOCUMENT,
        lane=Lane.STANDARD,
        answer_to=Recipient(agency=AgencyCode("G22"), mailbox=MailboxName("G22")),
        sent_at=now,
        offered_at=now,
        file="a.edxml",
        message=WireMessage(
            exchange="documents",
            routing_key="G22.H24.standard.document",
            body='{"chữ": "ký"}'.encode(),
            type="document",
            message_id="m1",
            signature="e30..c2ln",
            user_id="agency.G22",
            timestamp=now,
            headers={"traceparent": "00-1"},
        ),
    )
