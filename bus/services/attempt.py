"""Attempt: the state of one attempt to deliver a message."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bus.core.failure import Stage
from bus.core.life_cycle import DeliveryEvent, DeliveryState, after
from bus.core.parties import Judged
from bus.core.sealing.envelope import OpenFile
from bus.ports import ReceivedMessage, Span
from bus.services.ordering import Ticket
from bus.services.retry_wait import RetryWait
from schemas.envelope import Envelope


@dataclass(kw_only=True)
class Attempt:
    """One attempt at a delivery.

    Attributes:
        sealed_files: How the files of a sealed document are read; None: it was not sealed.
        lease: When the lease of the claim expires; also set when the claim could not be released.
        claimed_at: When the delivery was claimed last.
        judged: The documents that the message refers to, with warnings for the recipient.
        looked_again: The directory and the certificates were read again for this delivery.
        unanswered: Offers in a row that the recipient's system did not answer.
        unfetched: Fetches in a row that did not find all attachments.
        answered_after: Of an automatic receipt: the age of the document that it answers.
    """

    received: ReceivedMessage
    leave: asyncio.Event
    ticket: Ticket
    retry_wait: RetryWait
    span: Span
    stage: Stage = Stage.VERIFY
    envelope: Envelope | None = None
    sealed_files: Mapping[str, OpenFile] | None = None
    lease: datetime | None = None
    claimed_at: datetime | None = None
    answered_after: timedelta | None = None
    judged: Judged = field(default_factory=Judged)
    unanswered: int = 0
    unfetched: int = 0
    looked_again: bool = False
    state: DeliveryState = DeliveryState.RECEIVED

    def advance(self, event: DeliveryEvent) -> None:
        """Change the state by an event. Raises `IllegalTransitionError`: a fault of the program."""
        self.state = after(self.state, event)

    @property
    def is_sealed(self) -> bool:
        """Whether the document was sealed. Then its content is told only to its recipient."""
        return self.sealed_files is not None

    @property
    def warned(self) -> tuple[str, ...]:
        """The codes of the warnings for the recipient."""
        return tuple(warned.code for warned in self.judged.warnings)
