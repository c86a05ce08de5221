"""Report: what a message in `failures` says, as far as the broker and signatures prove it.

Anybody's account may publish there. Believed is only what somebody proves:

- whose delivery it was and who says so, by the broker: the first word of the key, which an account
  may publish with for itself alone, and `user_id`, which is checked against the login;
- from whom it is, of what kind, and where it may go back to, by the signature and the directory.

What went wrong is the reporter's own word, and concerns nobody's deliveries but its own.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from pydantic import AwareDatetime, ValidationError

from bus.core.admission import addressed, prove
from bus.core.dead_letters.letter import DeadLetter, FailedAttempt, LetterId, unproven
from bus.core.failure import (
    FAILURE_HEADER,
    ORIGINAL_MESSAGE,
    ORIGINAL_USER,
    Failure,
    Stage,
    failure_class,
    fingerprint,
)
from bus.core.keyring import KeyRing
from bus.core.logins import WORKER_ACCOUNT
from bus.core.message import WireMessage
from bus.core.routing import Routing
from bus.core.topology import (
    FAILURES,
    HANDLER_ACCOUNT,
    REDELIVERY,
    account_of,
    routing_key,
)
from bus.core.trace import traced
from bus.core.wire import open_envelope
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName
from schemas.limits import MAX_BODY_BYTES
from schemas.problem import AxisError, Problem
from schemas.value import Value

NOBODYS = MailboxName(FAILURES)
"""In the place of a mailbox: nobody is proven to have reported it."""

BEGINNING = datetime(2019, 3, 12, tzinfo=UTC)
"""Nothing of the axis has failed before its first day."""

_MOST_NAME_CHARS = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Believed:
    """By what proofs are judged now."""

    keys: KeyRing
    routing: Routing


class _Told(Value):
    """What a worker says in the header `failure`; what follows from it is computed here."""

    problem: Problem
    stage: Stage
    routing_key: str = ""
    failed_at: AwareDatetime


@dataclass(frozen=True, kw_only=True, slots=True)
class _Report:
    """Who says what, before anything is proven of the delivery.

    Attributes:
        lane: As its queue or key says; a hint.
        user_id: Who published the delivery, if we know.
    """

    mailbox: MailboxName
    reporter: str
    problem: Problem
    stage: Stage = Stage.MAILBOX
    failed_at: datetime
    sender: str = ""
    lane: str = ""
    kind: str = ""
    user_id: str | None = None


def read_attempt(message: WireMessage, believed: Believed, *, now: datetime) -> FailedAttempt:
    """Understand a message of `failures`, whoever put it there; never fails.

    Args:
        message: As `failures` gave it out.
        believed: Certificates and directory, as they are now.
        now: The moment; what cannot be the time of a failure is replaced with it.
    """
    report = _report(message, believed.routing, now)
    original = _original(message, report)
    envelope: Envelope | None = None
    try:
        if report.mailbox != NOBODYS:
            envelope = _proven(original, report.mailbox, believed, now)
            original = _addressed_back(original, envelope, report.mailbox)
    except AxisError:
        # Evidence: it is kept, and goes nowhere unless it is proven later.
        pass
    letter_id = LetterId(
        _digest(report.mailbox, message.signature, sha256(message.body).hexdigest())[:32]
    )
    shown = envelope or unproven(original.body)
    number, document_id = _named_in(shown)
    return FailedAttempt(
        letter_id=letter_id,
        attempt_id=_digest(letter_id, original.message_id, str(message.attempt)),
        failure=_failure(report.problem, report.stage, report.mailbox, report.failed_at).model_copy(
            update={"attempt": message.attempt}
        ),
        message=original,
        lane=envelope.lane if envelope else report.lane,
        kind=envelope.kind if envelope else report.kind,
        sender=envelope.sender_mailbox if envelope else report.sender,
        reporter=report.reporter,
        number=number,
        document_id=document_id,
        envelope_id=shown.envelope_id if shown else None,
    )


def way_back(
    message: WireMessage, *, mailbox: MailboxName, believed: Believed, now: datetime
) -> WireMessage:
    """The same bytes, addressed to a mailbox that their signed list or the directory names.

    Raises:
        DocumentError: As the mailbox would refuse it; it goes nowhere.
    """
    return _addressed_back(message, _proven(message, mailbox, believed, now), mailbox)


def set_aside(message: WireMessage, problem: Problem, *, now: datetime) -> FailedAttempt:
    """A message of `failures` that could not be dealt with, as little of it as can be kept.

    It is a letter of its own: nobody else's is touched.
    """
    letter_id = LetterId(_digest("aside", message.signature, sha256(message.body).hexdigest())[:32])
    bare = WireMessage(
        exchange="",
        routing_key="",
        body=message.body[: MAX_BODY_BYTES + 1],
        type="",
        message_id="",
        signature=message.signature,
    )
    return FailedAttempt(
        letter_id=letter_id,
        attempt_id=_digest(letter_id, message.message_id),
        failure=_failure(problem, Stage.MAILBOX, NOBODYS, now),
        message=bare,
        lane="",
        kind="",
        sender="",
        reporter="",
        number=None,
        document_id=None,
        envelope_id=None,
    )


def failed_here(
    letter: DeadLetter, delivery: WireMessage, problem: Problem, *, now: datetime
) -> FailedAttempt:
    """An attempt of a known letter that failed before it was published."""
    failure = _failure(problem, Stage.MAILBOX, letter.mailbox, now)
    return FailedAttempt(
        letter_id=letter.id,
        attempt_id=f"{letter.id} {letter.attempts + 1}",
        failure=failure.model_copy(update={"attempt": letter.attempts + 1}),
        message=delivery,
        lane=letter.lane,
        kind=letter.kind,
        sender=letter.sender,
        reporter=HANDLER_ACCOUNT,
        number=letter.number,
        document_id=letter.document_id,
        envelope_id=letter.envelope_id,
    )


def _failure(problem: Problem, stage: Stage, mailbox: MailboxName, at: datetime) -> Failure:
    return Failure(
        problem=problem,
        stage=stage,
        failure_class=failure_class(problem),
        mailbox=mailbox,
        fingerprint=fingerprint(stage, problem, mailbox),
        routing_key="",
        attempt=1,
        failed_at=at,
    )


def knows_its_way(message: WireMessage) -> bool:
    """Whether the way back of a delivery was proven when it was recorded."""
    return message.exchange == REDELIVERY


def _proven(
    message: WireMessage, mailbox: MailboxName, believed: Believed, now: datetime
) -> Envelope:
    envelope = open_envelope(prove(message, keys=believed.keys, now=now))
    if not addressed(envelope, mailbox, believed.routing, now=now):
        raise AxisError.of("E_NOT_ADDRESSED", mailbox=mailbox)
    return envelope


def _addressed_back(message: WireMessage, envelope: Envelope, mailbox: MailboxName) -> WireMessage:
    key = routing_key(envelope.sender_mailbox, mailbox, envelope.lane, envelope.kind)
    return replace(message, exchange=REDELIVERY, routing_key=key, type=envelope.kind)


# --- who reports --------------------------------------------------------------------------------


def _report(message: WireMessage, routing: Routing, now: datetime) -> _Report:
    named = message.routing_key.partition(".")[0]
    # One that has left the directory may have had something to tell.
    mailbox = routing.mailbox_called(named) or MailboxName(named)
    if message.exchange == FAILURES and named:
        if message.user_id == WORKER_ACCOUNT:
            return _by_the_hub(message, mailbox, now)
        if message.user_id == account_of(mailbox):
            return _by_a_mailbox(message, mailbox, message.user_id, now)
    return _forged(message, NOBODYS, "user_id", now)


def _by_the_hub(message: WireMessage, mailbox: MailboxName, now: datetime) -> _Report:
    """Its workers saw the message themselves, and say by whom and how it was published."""
    told = None if message.foreign else _told(message)
    if told is None:
        problem = Problem(
            code="E_FAILURE_UNREADABLE", params={"header": message.foreign or FAILURE_HEADER}
        )
        return _Report(mailbox=mailbox, reporter=WORKER_ACCOUNT, problem=problem, failed_at=now)
    sender, _, lane, kind = (*told.routing_key.split("."), "", "", "", "")[:4]
    return _Report(
        mailbox=mailbox,
        reporter=WORKER_ACCOUNT,
        problem=told.problem,
        stage=told.stage,
        failed_at=_moment(told.failed_at, now),
        sender=sender,
        lane=lane,
        kind=kind,
        user_id=message.headers.get(ORIGINAL_USER) or None,
    )


def _by_a_mailbox(
    message: WireMessage, mailbox: MailboxName, account: str, now: datetime
) -> _Report:
    """Of whom the delivery was is an agency's word about another one: it is not believed."""
    told = None if message.foreign else _told(message)
    if told is None:
        return _forged(message, mailbox, message.foreign or FAILURE_HEADER, now)
    return _Report(
        mailbox=mailbox,
        reporter=account,
        problem=told.problem,
        stage=told.stage,
        failed_at=_moment(told.failed_at, now),
    )


def _forged(message: WireMessage, mailbox: MailboxName, part: str, now: datetime) -> _Report:
    account = message.user_id or ""
    problem = Problem(code="E_REPORT_INVALID", params={"header": part, "account": account or "?"})
    reporter = "" if mailbox == NOBODYS else account
    return _Report(mailbox=mailbox, reporter=reporter, problem=problem, failed_at=now)


def _told(message: WireMessage) -> _Told | None:
    try:
        return _Told.model_validate_json(message.headers.get(FAILURE_HEADER, ""))
    except ValidationError:
        return None


def _moment(said: datetime, now: datetime) -> datetime:
    """When it failed, if it can be so; else now."""
    try:
        moment = said.astimezone(UTC)
    except OverflowError:
        return now
    return moment if BEGINNING <= moment <= now else now


# --- what is kept -------------------------------------------------------------------------------


def _original(message: WireMessage, report: _Report) -> WireMessage:
    """The delivery as far as it is kept: no header of it, save the name of its trace.

    Of a body that is too long for a delivery one byte too many is kept: that proves it so.
    """
    original_id = message.headers.get(ORIGINAL_MESSAGE) or message.message_id
    return replace(
        message,
        exchange="",
        routing_key="",
        body=message.body[: MAX_BODY_BYTES + 1],
        message_id=original_id[:_MOST_NAME_CHARS],
        user_id=report.user_id and report.user_id[:_MOST_NAME_CHARS],
        headers=traced(message),
        foreign="",
    )


def _named_in(envelope: Envelope | None) -> tuple[str | None, str | None]:
    """Full number and id of the document that an envelope is about."""
    if envelope is not None and envelope.document is not None:
        return envelope.document.full_number, envelope.document.document_id
    if envelope is not None and envelope.receipt is not None:
        report = envelope.receipt.report
        return report.document_code, report.document_id
    return None, None


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()
