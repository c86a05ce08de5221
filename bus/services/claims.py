"""Claims: takes the lease of a delivery in the inbox, so that no other worker processes it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

from bus.core.duplicates import Standing
from bus.core.identity import delivery_id
from bus.core.life_cycle import DeliveryEvent
from bus.core.wire import identity_of
from bus.ports import Claim, Claimed, Clock, Inbox, Records
from bus.services.attempt import Attempt
from bus.services.conflict import conflict_with
from schemas.envelope import Envelope
from schemas.identifiers import DeliveryId, MailboxName
from schemas.problem import Problem, TransportError

LEASE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claims:
    """The claims of one mailbox.

    Attributes:
        owner: Names this worker; only the owner of a claim can release it.
    """

    mailbox: MailboxName
    inbox: Inbox
    records: Records
    clock: Clock
    owner: str

    async def take(self, attempt: Attempt, envelope: Envelope) -> tuple[DeliveryId, Claimed]:
        """Claim a delivery. The result is `FRESH` (this worker has the lease), `DONE` or `OFFERED`.

        Waits while another worker has the lease.

        Raises:
            DocumentError: E_CONFLICT: other content of the same document has arrived before.
            Stopping: The service stops.
        """
        claim = self._claim(envelope)
        while True:
            claimed = await self.inbox.claim(claim, now=self.clock())
            match claimed.standing:
                case Standing.FRESH:
                    attempt.lease, attempt.claimed_at = claim.lease, self.clock()
                    attempt.advance(DeliveryEvent.CLAIM)
                    return claim.delivery_id, claimed
                case Standing.DONE:
                    attempt.advance(DeliveryEvent.FIND_COMPLETE)
                    return claim.delivery_id, claimed
                case Standing.OFFERED:
                    attempt.advance(DeliveryEvent.FIND_OFFERED)
                    return claim.delivery_id, claimed
                case Standing.CONFLICT:
                    raise await conflict_with(
                        claimed.rival,
                        None if attempt.is_sealed else attempt.envelope,
                        claim=claim,
                        records=self.records,
                    )
                case Standing.IN_PROGRESS | Standing.REFUSED:
                    if attempt.lease is not None and self.clock() < attempt.lease:
                        attempt.advance(DeliveryEvent.CLAIM)
                        return claim.delivery_id, Claimed(standing=Standing.FRESH)
                    # The same message may have been delivered twice, and its other delivery may
                    # wait for its turn behind this one.
                    attempt.ticket.leave()
                    await attempt.retry_wait.wait(Problem(code="E_IN_PROGRESS"))
                case _ as never:
                    assert_never(never)

    async def release(self, attempt: Attempt, delivery: DeliveryId) -> None:
        """Release the lease. If this fails, the lease stays with this worker until it expires."""
        with suppress(TransportError):
            await self.inbox.release(delivery, owner=self.owner)
            attempt.lease = None

    def _claim(self, envelope: Envelope) -> Claim:
        return Claim(
            delivery_id=delivery_id(envelope.envelope_id, self.mailbox),
            envelope_id=envelope.envelope_id,
            mailbox=self.mailbox,
            identity=identity_of(envelope),
            lease=self.clock() + LEASE,
            owner=self.owner,
        )
