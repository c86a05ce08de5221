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
from schemas.errors import ENTRIES, FailureClass
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem
from schemas.term import term
from schemas.value import Value

FAILURE_HEADER = "failure"
ORIGINAL_USER = "original_user_id"
ORIGINAL_MESSAGE = "original_message_id"


class Stage(StrEnum):
    """Where in a delivery it failed."""

    VERIFY = "verify"
    OPEN = "open"
    CLAIM = "claim"
    FETCH = "fetch"
    HAND_OVER = "hand_over"
    MAILBOX = "mailbox"
    """It never came back from a worker: the broker itself gave it up."""


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
    """As the catalogue says; a code that nobody knows is ours."""
    entry = ENTRIES.get(problem.code)
    return FailureClass.OURS if entry is None else entry.failure_class


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
        body=b"" if problem.entry.withheld else message.body,
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


MAY_BE_NEWS = frozenset(
    {
        "E_AGENCY_UNKNOWN",
        "E_CERTIFICATE_UNKNOWN",
        "E_NOT_ADDRESSED",
        "E_RECEIVER_SUSPENDED",
        "E_RECEIVER_UNCONNECTED",
        "E_SENDER_SUSPENDED",
        "E_SENDER_UNKNOWN",
        "E_UNKNOWN_RECEIVER",
    }
)
"""What may only say that the directory or the certificates here are older than the message: they
are looked at again before anybody is refused."""
