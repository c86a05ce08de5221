"""SendAttempt: one submission on its way out, and how far it came."""

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
        unanswered: How often the agency's system has failed over this file.
        decided: It was published or refused; what remains is to tell its agency.
        sent: What was published; None: it was refused as a whole.
        absent: The recipients whose mailbox does not exist on the broker.
        refused: What its agency is told: why it was refused, or why some receivers get nothing.
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
