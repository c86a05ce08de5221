"""The state of an attempt to send a submission."""

from dataclasses import dataclass
from datetime import datetime

from adapters.contract import Submission
from bus.ports import Step
from bus.services.ordering import Ticket
from bus.services.retry_wait import RetryWait
from bus.services.submission_preparer import Outgoing
from schemas.envelope import Recipient
from schemas.problem import Problem


@dataclass(kw_only=True)
class SendAttempt:
    """One attempt to send a submission.

    Attributes:
        ticket: Its turn among the submissions of its agency.
        unanswered: How often the endpoint has failed with this file.
        decided: It was published or refused, but the agency may not know the result yet.
        sent: The published envelope; None: it was refused for all recipients.
        absent: The recipients without a mailbox on the broker.
        refused: Why it was refused, or why some receivers get nothing.
    """

    submission: Submission
    ticket: Ticket
    retry_wait: RetryWait
    step: Step
    began: datetime
    unanswered: int = 0
    decided: bool = False
    sent: Outgoing | None = None
    absent: tuple[Recipient, ...] = ()
    refused: tuple[Problem, ...] = ()
