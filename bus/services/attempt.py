"""Attempt: one delivery that is being worked on, and how far it has come."""

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
        lease: Until when the claim holds, also if the store could not be told of its end.
        claimed_at: When it was claimed last.
        judged: Whose documents it is about.
        looked_again: The directory and the certificates were read again for it.
        unanswered: Offers in a row that the recipient's system did not answer.
        unfetched: Fetches in a row that did not find all attachments.
        answered_after: Of an automatic receipt: how old the document is that it answers.
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
