"""Failure: the record of one attempt that did not succeed, as it travels.

The message keeps its original body, signature, account and type; what went wrong stands beside
them, so that the same signed bytes can be delivered again.
"""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated

from pydantic import AwareDatetime, Field

from bus.core.crash import problem_of, way_of
from bus.core.message import WireMessage
from bus.core.topology import FAILURES, failure_key
from bus.core.trace import traced
from schemas.errors import ENTRIES
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem
from schemas.term import term
from schemas.value import Value

FAILURE_HEADER = "failure"
ORIGINAL_USER = "original_user_id"
ORIGINAL_MESSAGE = "original_message_id"


class FailureClass(StrEnum):
    """What kind of failure, which decides what the dead-letter handler does."""

    SENDER = "sender"
    CONFLICT = "conflict"
    SECURITY = "security"
    RECIPIENT_DOWN = "recipient_down"
    RECIPIENT_REFUSED = "recipient_refused"
    OURS = "ours"
    DELIVERY_LIMIT = "delivery_limit"
    """The broker gave it out too often without an answer: something crashes on it."""
    EXPIRED = "expired"
    """The broker's own policy ended its wait in the mailbox."""


class Stage(StrEnum):
    """Where in a delivery it failed."""

    VERIFY = "verify"
    OPEN = "open"
    CLAIM = "claim"
    HAND_OVER = "hand_over"
    MAILBOX = "mailbox"
    """It never came back from a worker: the broker itself gave it up."""


_SECURITY_CODES = frozenset(
    {
        "E_SIGNATURE_MISSING",
        "E_SIGNATURE_INVALID",
        "E_SIGNATURE_ALGORITHM",
        "E_CERTIFICATE_UNKNOWN",
        "E_CERTIFICATE_UNTRUSTED",
        "E_CERTIFICATE_EXPIRED",
        "E_CERTIFICATE_REVOKED",
        "E_FORGED",
        "E_HEADER_CONTRADICTS",
        "E_HEADER_FOREIGN",
        "E_REPORT_INVALID",
        "E_NOT_ADDRESSED",
        "E_ATTACHMENT_DIGEST",
        "E_SEAL_NOT_WRAPPED",
        "E_SEAL_BROKEN",
        "E_SEAL_SUITE",
        "E_SEAL_DOWNGRADE",
        "E_SEAL_BINDING",
        "E_SEAL_SIGNATURE",
    }
)

_WITHHELD = frozenset({"E_STATE_SECRET"})
"""Whose content is not kept in a dead letter."""

_CLASS_OF_CODE = {
    "E_CONFLICT": FailureClass.CONFLICT,
    "E_ENDPOINT_DOWN": FailureClass.RECIPIENT_DOWN,
    "E_MAILBOX_REFUSED": FailureClass.RECIPIENT_DOWN,
    "E_ENDPOINT_REFUSED": FailureClass.RECIPIENT_REFUSED,
    "E_INTERNAL": FailureClass.OURS,
    "E_FAILURE_UNREADABLE": FailureClass.OURS,
    "E_DELIVERY_LIMIT": FailureClass.DELIVERY_LIMIT,
    "E_EXPIRED": FailureClass.EXPIRED,
    "E_FORMAT_CRASHED": FailureClass.OURS,
    "E_SEAL_NO_KEY": FailureClass.OURS,
    "E_KEYS": FailureClass.OURS,
} | dict.fromkeys(_SECURITY_CODES, FailureClass.SECURITY)


class Failure(Value):
    """One attempt that failed.

    Attributes:
        mailbox: Whose delivery it was.
        fingerprint: Stage, code, field path and agency: equal causes group across versions.
        routing_key: Where the message came from, for its way back.
    """

    problem: Problem
    stage: Stage
    failure_class: FailureClass
    mailbox: MailboxName
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    routing_key: str
    attempt: int
    failed_at: AwareDatetime


REFUSED_TO_SENDER = frozenset({FailureClass.SENDER, FailureClass.RECIPIENT_REFUSED})
"""Whose sender is told at once by a signed refusal: only the sender can mend it.

Not of conflicts, which a person decides, and not in matters of security, where the sender is not
proven or not to be trusted.
"""


def failure_class(problem: Problem) -> FailureClass:
    """Classify by code: what is not listed is the sender's, what nobody knows is ours."""
    if problem.code not in ENTRIES:
        return FailureClass.OURS
    return _CLASS_OF_CODE.get(problem.code, FailureClass.SENDER)


def fingerprint(stage: Stage, problem: Problem, mailbox: MailboxName) -> str:
    """16 hexadecimal digits, stable across versions."""
    parts = (stage, problem.code, problem.place.field or "", mailbox)
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def internal(error: Exception, *, stage: str) -> Problem:
    """The problem that an unexpected exception is: its type and its place (see `crash`)."""
    return problem_of(error, stage=stage)


def failed_in(format_name: str, cause: str, steps: tuple[str, ...], *, stage: str) -> Problem:
    """The problem that an unexpected exception of a format in another process is.

    Args:
        cause: Its type and its place.
    """
    told = term("crash", error=f"{cause}, {format_name}")
    return AxisError.of("E_INTERNAL", stage=stage, cause=told, detail=way_of(steps)).problem


def fail(
    message: WireMessage,
    *,
    problem: Problem,
    stage: Stage,
    mailbox: MailboxName,
    message_id: str,
    user_id: str | None,
    now: datetime,
) -> WireMessage:
    """The message that reports a failed attempt to the dead-letter handler.

    Of a State secret only the failure is told: its bytes go nowhere from here.

    The account that first published stays readable in the header `original_user_id`; the property
    must be the account that publishes now, or the broker closes the channel.

    Args:
        user_id: The account of the worker that says so: the hub's, or the mailbox's own; by it
            the dead-letter handler knows whom to believe.
    """
    failed = Failure(
        problem=problem,
        stage=stage,
        failure_class=failure_class(problem),
        mailbox=mailbox,
        fingerprint=fingerprint(stage, problem, mailbox),
        routing_key=message.routing_key,
        attempt=message.attempt,
        failed_at=now,
    )
    return replace(
        message,
        body=b"" if problem.code in _WITHHELD else message.body,
        exchange=FAILURES,
        routing_key=failure_key(mailbox, failed.failure_class),
        message_id=message_id,
        user_id=user_id,
        # Other hints of whoever published it are not passed on in our name.
        headers={
            **traced(message),
            ORIGINAL_USER: message.user_id or "",
            ORIGINAL_MESSAGE: message.message_id,
            FAILURE_HEADER: failed.to_json().decode(),
        },
        foreign="",
    )
