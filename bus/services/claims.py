"""Claims: takes a delivery into work in the inbox, so that nobody else works on it."""

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
        owner: Whose claims they are; only its owner gives a claim back.
    """

    mailbox: MailboxName
    inbox: Inbox
    records: Records
    clock: Clock
    owner: str

    async def take(self, attempt: Attempt, envelope: Envelope) -> tuple[DeliveryId, Claimed]:
        """Claim the delivery. It is fresh, and ours; or it is done or offered already.

        While another process has it, this waits.

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
                    # Whoever has it may stand behind us, when it was given out twice.
                    attempt.ticket.leave()
                    await attempt.retry_wait.wait(Problem(code="E_IN_PROGRESS"))
                case _ as never:
                    assert_never(never)

    async def release(self, attempt: Attempt, delivery: DeliveryId) -> None:
        """Give the claim back. If even this fails, the lease stays ours until it ends."""
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
