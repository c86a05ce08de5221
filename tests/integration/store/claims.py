"""Claims of independent deliveries, told apart by a name."""

from datetime import UTC, datetime, timedelta

from bus.ports import Claim
from schemas.identifiers import DeliveryId, EnvelopeId, MailboxName

NOW = datetime(2019, 3, 12, 8, tzinfo=UTC)


def claim_of(name: str) -> Claim:
    return Claim(
        delivery_id=DeliveryId(name),
        envelope_id=EnvelopeId(name),
        mailbox=MailboxName("H24"),
        identity=name,
        lease=NOW + timedelta(minutes=5),
    )
