"""Events: what happened, in the past tense, for logs, counters and the demo's table.

Services emit them to an observer; what is done with them is not their business. `trace` names the
trace that the work was part of, where the axis is traced.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bus.core.dead_letters.letter import LetterId, LetterState, OrderId
from bus.core.failure import Stage
from bus.core.placement import WorkerName
from bus.core.revocation.statement import RevocationReason
from schemas.codes import EnvelopeKind, Lane
from schemas.errors import FailureClass
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from schemas.problem import Problem


class ServiceName(StrEnum):
    """The services of an axis: loops that serve one item after another."""

    BROKER = "broker"
    COMPLETION = "completion"
    DEAD_LETTERS = "dead_letters"
    DIRECTORY = "directory"
    HEALTH = "health"
    INBOUND = "inbound"
    KEYS = "keys"
    OUTBOUND = "outbound"
    REVOCATIONS = "revocations"
    SURVEY = "survey"
    WORKERS = "workers"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvelopeSent:
    """Every recipient's mailbox has confirmed it, and the sender's system was told."""

    mailbox: MailboxName
    kind: EnvelopeKind
    lane: Lane
    envelope_id: EnvelopeId
    file: str
    recipients: tuple[AgencyCode, ...]
    refused: tuple[Problem, ...] = ()
    took: timedelta
    trace: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmissionRefused:
    """A file went back to the sender's system."""

    mailbox: MailboxName
    file: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryHandedOver:
    """A delivery is in the recipient's hands, and its receipts are on their way.

    Attributes:
        status: Of a receipt: its code.
        age: Since it was signed.
        took: Since it was claimed.
        answered_after: Of an automatic receipt: since the document it answers was recorded.
        warnings: Codes of what its recipient is warned of.
    """

    mailbox: MailboxName
    kind: EnvelopeKind
    lane: Lane
    envelope_id: EnvelopeId
    delivery_id: DeliveryId
    sender: AgencyCode
    file: str
    status: str | None
    age: timedelta
    took: timedelta
    answered_after: timedelta | None = None
    warnings: tuple[str, ...] = ()
    trace: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DuplicateAbsorbed:
    """A delivery that was done before came again; its first receipts were sent again."""

    mailbox: MailboxName
    kind: EnvelopeKind
    lane: Lane
    envelope_id: EnvelopeId
    delivery_id: DeliveryId
    trace: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryFailed:
    """A delivery could not be handed over; it lies in `failures` with its original bytes.

    Attributes:
        envelope_id: Absent, as what follows, when nothing could be proven of it.
    """

    mailbox: MailboxName
    stage: Stage
    problem: Problem
    message_id: str
    kind: EnvelopeKind | None = None
    lane: Lane | None = None
    envelope_id: EnvelopeId | None = None
    delivery_id: DeliveryId | None = None
    trace: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgeryRefused:
    """A matter of security: a delivery was not what it said it was, and nothing was handed over.

    Attributes:
        account: The broker account that published it, if one was named: whom to ask first.
        routing_key: As published.
    """

    mailbox: MailboxName
    problem: Problem
    account: str | None
    routing_key: str
    message_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkStalled:
    """The world is away; nothing is acknowledged, and the work is tried again after `pause`."""

    mailbox: MailboxName
    problem: Problem
    pause: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointPaused:
    """An agency's system is away: its mailbox waits, and only its mailbox."""

    mailbox: MailboxName
    problem: Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class EndpointResumed:
    """The system answers again, and its mailbox goes on where it was."""

    mailbox: MailboxName
    away: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class SendingPaused:
    """What an agency sends cannot be taken out of its hands; it goes on receiving."""

    mailbox: MailboxName
    problem: Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class SendingResumed:
    """What an agency sends is taken again."""

    mailbox: MailboxName
    away: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class FailureRecorded:
    """A failed attempt is a row now: waiting for its retry, or parked for an operator."""

    mailbox: MailboxName
    letter: LetterId
    stage: Stage
    failure_class: FailureClass
    code: str
    fingerprint: str
    state: LetterState
    attempts: int
    returned: bool
    trace: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LettersRedelivered:
    """Dead letters are back in their mailboxes, confirmed.

    Attributes:
        order: The operator's order; None for retries that were due.
    """

    count: int
    order: OrderId | None
    operator: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateEndNeared:
    """A certificate ends within 30, 7 or 1 days; told once for each by a running axis.

    Attributes:
        ahead: Within which of these.
    """

    mailbox: MailboxName
    thumbprint: str
    not_after: datetime
    ahead: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyFileRefused:
    """A file of the key folder or of the trust list does not count; told once while it is so.

    Attributes:
        problem: E_KEYS or E_TRUST_LIST, with the name of the file and the reason.
    """

    problem: Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKeyChanged:
    """A mailbox signs with another certificate from now on; or with none, for a reason.

    Attributes:
        thumbprint: None: it cannot sign, and what it would send waits.
    """

    mailbox: MailboxName
    thumbprint: str | None
    problem: Problem | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerStarted:
    """A worker has started to serve mailboxes.

    Attributes:
        mailboxes: How many it serves now.
    """

    worker: WorkerName
    pid: int
    mailboxes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessEnded:
    """A process that the parent runs ended unasked; it is started again after `pause`.

    Attributes:
        process: Its command, for example `worker 1`.
        signal: What killed it, for example `SIGKILL`; then there is no exit code.
    """

    process: str
    pid: int
    exit_code: int | None
    signal: str | None
    pause: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class FormatLost:
    """A format of another house ended its process, did not finish in time, or raised.

    Attributes:
        work: `start`, `recognise`, `read` or `write`.
        cause: A signal, an exit code, the type of an exception, or what it had of time or space.
        steps: The way to the place in its code, as far as it is known.
    """

    format: str
    work: str
    cause: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceEnded:
    """A service died of what nobody expected; it alone is started again after `pause`.

    Attributes:
        of: Whose: a mailbox or a worker; empty: there is one for the process.
    """

    service: ServiceName
    of: str
    problem: Problem
    pause: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemSkipped:
    """One item of a service failed in a way that nobody expected; the others went on without it.

    Attributes:
        item: Its name: a file, a certificate, a list, a mailbox.
        pause: When it is tried again; None: when it has changed.
    """

    service: ServiceName
    item: str
    problem: Problem
    pause: timedelta | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateRevoked:
    """A certificate counts no more, as a source proved; every worker will know at once.

    Attributes:
        thumbprint: Of an agency's certificate, or of one above some.
        evidence: Which list or responder, and of when.
    """

    thumbprint: str
    subject: str
    at: datetime
    reason: RevocationReason
    evidence: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationSourceAsked:
    """A CRL or an OCSP responder was asked; what a gauge of its age is made of.

    Attributes:
        answered: Whether the answer counts.
        answered_at: When one last did; None: never.
    """

    source: str
    answered: bool
    answered_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationSourceLost:
    """A source began to give no answer that counts. Traffic goes on with the last one."""

    source: str
    problem: Problem
    answered_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationGraceEnded:
    """A source has been away for longer than the declared grace. Traffic goes on."""

    source: str
    problem: Problem
    answered_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RevocationSourceReturned:
    """A source that was lost answers again."""

    source: str
    away: timedelta


Event = (
    EnvelopeSent
    | SubmissionRefused
    | DeliveryHandedOver
    | DuplicateAbsorbed
    | DeliveryFailed
    | ForgeryRefused
    | WorkStalled
    | EndpointPaused
    | EndpointResumed
    | SendingPaused
    | SendingResumed
    | FailureRecorded
    | LettersRedelivered
    | CertificateEndNeared
    | KeyFileRefused
    | SigningKeyChanged
    | WorkerStarted
    | ProcessEnded
    | FormatLost
    | ServiceEnded
    | ItemSkipped
    | CertificateRevoked
    | RevocationSourceAsked
    | RevocationSourceLost
    | RevocationGraceEnded
    | RevocationSourceReturned
)
