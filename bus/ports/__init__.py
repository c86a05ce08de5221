"""Ports: what the services need from the outside, as promises that every implementation must keep.

`bus.memory` and the real drivers pass the same contract tests.
"""

from bus.ports.attachments import AttachmentStore
from bus.ports.attempts import Attempts
from bus.ports.broker import (
    Broker,
    BrokerHealth,
    Handler,
    Publisher,
    PublishObserver,
    PublishOutcome,
    ReceivedMessage,
    Settlement,
    Subscriber,
)
from bus.ports.children import Child, Command, Launcher
from bus.ports.dead_letters import DeadLetters, Recorded, StoredLetter
from bus.ports.formats import FormatApart
from bus.ports.inbox import Claim, Claimed, Inbox, Offered, Unanswered
from bus.ports.journal import Journal
from bus.ports.moment import Clock, Jitter, LookAgain, NewId, Observer, nothing_new
from bus.ports.pdf import PdfChecker
from bus.ports.records import Confirmed, Records
from bus.ports.sealing import SealingKeys, Spool
from bus.ports.signer import Signer
from bus.ports.tracer import Attributes, Role, Step, Tracer, Untraced

__all__ = [
    "AttachmentStore",
    "Attempts",
    "Attributes",
    "Broker",
    "BrokerHealth",
    "Child",
    "Claim",
    "Claimed",
    "Clock",
    "Command",
    "Confirmed",
    "DeadLetters",
    "FormatApart",
    "Handler",
    "Inbox",
    "Jitter",
    "Journal",
    "Launcher",
    "LookAgain",
    "NewId",
    "Observer",
    "Offered",
    "PdfChecker",
    "PublishObserver",
    "PublishOutcome",
    "Publisher",
    "ReceivedMessage",
    "Recorded",
    "Records",
    "Role",
    "SealingKeys",
    "Settlement",
    "Signer",
    "Spool",
    "Step",
    "StoredLetter",
    "Subscriber",
    "Tracer",
    "Unanswered",
    "Untraced",
    "nothing_new",
]
