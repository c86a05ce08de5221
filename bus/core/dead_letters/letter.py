"""Dead letter: a delivery that failed, as operators see it; how it is told, found and acted upon.

What happens to it next is decided in `retry`; how it is kept is left to `bus.store`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import NewType

from pydantic import AwareDatetime, ValidationError

from bus.core.dead_letters.retry import Disposition
from bus.core.failure import (
    FAILURE_HEADER,
    ORIGINAL_MESSAGE,
    ORIGINAL_USER,
    Failure,
    Stage,
    failure_class,
    fingerprint,
)
from bus.core.message import WireMessage
from bus.core.topology import HANDLER_ACCOUNT, REDELIVERY, recipient_in, rerouted
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName
from schemas.problem import Problem
from schemas.term import flat, foreign, term
from schemas.value import Value

LetterId = NewType("LetterId", str)
"""32 hexadecimal digits that follow from mailbox, signature and body. Operators may type fewer."""

OrderId = NewType("OrderId", str)


class LetterState(StrEnum):
    """Where a dead letter stands."""

    WAITING = "waiting"
    """The axis delivers it again by itself when it is due."""
    PARKED = "parked"
    """No more automatic attempts: work for an operator."""
    QUARANTINED = "quarantined"
    """It came back from replays too often; only `restore` lets it be replayed again."""
    REDELIVERED = "redelivered"
    """Back in its mailbox, confirmed. Should it fail again, this same letter says so."""
    DISCARDED = "discarded"
    """An operator gave it up, with a reason. Its bytes stay."""


_REROUTED_FROM = "rerouted_from"

REPLAYABLE = frozenset({LetterState.WAITING, LetterState.PARKED})


class DeadLetter(Value):
    """One delivery that failed, without its bytes.

    Attributes:
        sender: Mailbox that the routing key names: a hint, unless the signature is good.
        number: Full number of the document; like `document_id` and `envelope_id` read from the
            body without proof, to search by.
        attempts: Failed attempts, automatic ones and replays alike.
        replays: How often operators have replayed it.
        returned: It failed again after its last replay.
        order: The order of an operator that it belongs to now.
        changed_at: When `state` last changed.
    """

    id: LetterId
    state: LetterState
    mailbox: MailboxName
    sender: str
    lane: str
    kind: str
    failure_class: str
    stage: str
    fingerprint: str
    problem: Problem
    number: str | None = None
    document_id: str | None = None
    envelope_id: str | None = None
    attempts: int = 1
    replays: int = 0
    returned: bool = False
    order: OrderId | None = None
    first_failed_at: AwareDatetime
    failed_at: AwareDatetime
    due_at: AwareDatetime | None = None
    changed_at: AwareDatetime


class Happening(StrEnum):
    """What happened to a dead letter, in its history."""

    FAILED = "failed"
    RETRIED = "retried"
    REPLAYED = "replayed"
    PARKED = "parked"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"
    RESTORED = "restored"


class Entry(Value):
    """One line of a dead letter's history, in the order in which they happened."""

    at: AwareDatetime
    happening: Happening
    operator: str | None = None
    order: OrderId | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedAttempt:
    """What one message in `failures` says: the delivery as it was, and why it failed.

    Attributes:
        attempt_id: Two copies of one attempt have the same; it is counted once.
        message: The delivery as the mailbox gave it out, byte for byte.
    """

    letter_id: LetterId
    attempt_id: str
    failure: Failure
    message: WireMessage
    lane: str
    kind: str
    sender: str
    number: str | None
    document_id: str | None
    envelope_id: str | None


Decide = Callable[[FailedAttempt, int, int], Disposition]
"""(attempt, failed attempts so far with this one, replays) → what happens next. Pure."""


def read_attempt(
    message: WireMessage, mailboxes: Mapping[str, MailboxName], *, now: datetime
) -> FailedAttempt:
    """Understand a message of `failures`, whoever put it there; never fails.

    A worker says what went wrong in a header. The broker, dead-lettering by itself, names the
    queue and the reason (RabbitMQ manual, Dead Letter Exchanges: `x-first-death-…`).

    Args:
        mailboxes: The mailbox for each word of a routing key.
    """
    failure = _told_by_worker(message) or _told_by_broker(message, mailboxes, now)
    headers = dict(message.headers)
    original_id = headers.pop(ORIGINAL_MESSAGE, "") or message.message_id
    user_id = headers.pop(ORIGINAL_USER, "") or message.user_id
    headers.pop(FAILURE_HEADER, None)
    original = replace(
        message,
        exchange="",
        routing_key=failure.routing_key,
        message_id=original_id,
        user_id=user_id,
        headers={k: v for k, v in headers.items() if not k.startswith("x-")},
    )
    sender, _, rest = failure.routing_key.partition(".")
    _, lane, kind = (*rest.split("."), "", "", "")[:3]
    first = MailboxName(headers.get(_REROUTED_FROM, failure.mailbox))
    letter_id = letter_id_of(original, first)
    envelope = unproven(message.body)
    number, document_id = _named_in(envelope)
    return FailedAttempt(
        letter_id=letter_id,
        attempt_id=_digest(letter_id, original_id, str(failure.attempt)),
        failure=failure,
        message=original,
        lane=lane,
        kind=kind,
        sender=mailboxes.get(sender, sender),
        number=number,
        document_id=document_id,
        envelope_id=envelope.envelope_id if envelope else None,
    )


def letter_id_of(message: WireMessage, mailbox: MailboxName) -> LetterId:
    """One delivery's letter, however often it fails."""
    return LetterId(_digest(mailbox, message.signature, sha256(message.body).hexdigest())[:32])


def redelivery(
    message: WireMessage,
    *,
    attempt: int,
    message_id: str,
    now: datetime,
    reroute: tuple[MailboxName, MailboxName] | None = None,
) -> WireMessage:
    """The way back to a mailbox: the same signed bytes, a new attempt.

    Args:
        reroute: From its first mailbox to another one that serves the same recipient. It carries
            the first along, so that a failure there finds this letter again.
    """
    headers, key = dict(message.headers), message.routing_key
    if reroute is not None:
        headers[_REROUTED_FROM], key = reroute[0], rerouted(key, reroute[1])
    return replace(
        message,
        exchange=REDELIVERY,
        routing_key=key,
        message_id=message_id,
        user_id=HANDLER_ACCOUNT,
        timestamp=now,
        attempt=attempt,
        headers=headers,
    )


def _told_by_worker(message: WireMessage) -> Failure | None:
    try:
        return Failure.model_validate_json(message.headers.get(FAILURE_HEADER, ""))
    except ValidationError:
        return None


def _told_by_broker(
    message: WireMessage, mailboxes: Mapping[str, MailboxName], now: datetime
) -> Failure:
    reason = message.headers.get("x-first-death-reason")
    queue = message.headers.get("x-first-death-queue", "")
    code = _CODE_OF_REASON.get(reason or "", "E_FAILURE_UNREADABLE")
    cause = foreign(reason) if reason else term("no_failure_header")
    problem = Problem(code=code, params=flat({"cause": cause}))
    word = recipient_in(queue) or (*message.routing_key.split("."), "")[1]
    mailbox = mailboxes.get(word, MailboxName(word))
    return Failure(
        problem=problem,
        stage=Stage.MAILBOX,
        failure_class=failure_class(problem),
        mailbox=mailbox,
        fingerprint=fingerprint(Stage.MAILBOX, problem, mailbox),
        routing_key=message.routing_key,
        attempt=message.attempt,
        failed_at=now,
    )


_CODE_OF_REASON = {"delivery_limit": "E_DELIVERY_LIMIT", "expired": "E_EXPIRED"}


def unproven(body: bytes) -> Envelope | None:
    """What a body seems to say. To search by, never to act upon: nothing is proven here."""
    try:
        return Envelope.model_validate_json(body)
    except ValidationError:
        return None


def _named_in(envelope: Envelope | None) -> tuple[str | None, str | None]:
    """Full number and id of the document that an envelope is about."""
    if envelope is not None and envelope.document is not None:
        return envelope.document.full_number, envelope.document.document_id
    if envelope is not None and envelope.receipt is not None:
        report = envelope.receipt.report
        return report.document_code, report.document_id
    return None, None


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()
