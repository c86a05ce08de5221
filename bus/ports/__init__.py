"""Interfaces of everything outside the services: broker, databases, files, keys, processes.

All implementations of an interface pass the same contract tests.
"""

from bus.ports.attachments import AttachmentFetcher, AttachmentStore, FetchedFiles
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
from bus.ports.formats import Attempts, FormatApart
from bus.ports.inbox import Claim, Claimed, Inbox, Offered, Unanswered
from bus.ports.journal import Journal
from bus.ports.keys import SealingKeys, Signer, Spool
from bus.ports.moment import Clock, Jitter, LookAgain, NewId, Observer, nothing_new
from bus.ports.pdf import PdfChecker
from bus.ports.records import Confirmed, Records
from bus.ports.tracer import Attributes, Role, Span, Tracer, Untraced
