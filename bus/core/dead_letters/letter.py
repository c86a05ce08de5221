"""Dead letter: a delivery that failed, as operators see it; how it is told, found and acted upon.

What happens to it next is decided in `retry`; how it is kept is left to `bus.store`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NewType

from pydantic import AwareDatetime, ValidationError

from bus.core.dead_letters.retry import Disposition
from bus.core.failure import Failure
from bus.core.life_cycle import TRANSITIONS, DeliveryEvent, DeliveryState
from bus.core.message import MAX_ATTEMPT, WireMessage
from bus.core.topology import HANDLER_ACCOUNT, REDELIVERY, rerouted
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName
from schemas.problem import Problem
from schemas.value import Value

LetterId = NewType("LetterId", str)
"""32 hexadecimal digits that follow from mailbox, signature and body. Operators may type fewer.

The mailbox is whose delivery it was, as the broker proves: nobody else's report finds the letter.
"""

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


def states_before(event: DeliveryEvent) -> frozenset[LetterState]:
    """The states of a dead letter in which an event of the life cycle can happen."""
    return frozenset(
        state for state in LetterState if (DeliveryState(state.value), event) in TRANSITIONS
    )


def state_after(event: DeliveryEvent) -> LetterState:
    """The state in which an event of the life cycle leaves every dead letter."""
    [state] = {then for (_, each), then in TRANSITIONS.items() if each is event}
    return LetterState(state.value)


REPLAYABLE = states_before(DeliveryEvent.REDELIVER)


class DeadLetter(Value):
    """One delivery that failed, without its bytes.

    Attributes:
        mailbox: Whose delivery it was, as the broker proves (`report`).
        sender: Mailbox that signed it; of bytes that prove nothing, who published them, if the
            hub knows; empty: nobody knows.
        reporter: Which account told that it failed, as the broker proves: of the hub's workers or
            of the mailbox; empty: the broker itself, or nobody who is proven.
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
    reporter: str = ""
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


class HistoryEntry(Value):
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
        message: The delivery, its body and signature byte for byte. Exchange and key are those of
            its way back, computed from what is proven; both empty: nothing is proven.
    """

    letter_id: LetterId
    attempt_id: str
    failure: Failure
    message: WireMessage
    lane: str
    kind: str
    sender: str
    reporter: str
    number: str | None
    document_id: str | None
    envelope_id: str | None


Decide = Callable[[FailedAttempt, int, int], Disposition]
"""(attempt, failed attempts so far with this one, replays) → what happens next. Pure."""


def redelivery(
    message: WireMessage,
    *,
    attempt: int,
    message_id: str,
    now: datetime,
    to: MailboxName | None = None,
) -> WireMessage:
    """The way back to a mailbox: the same signed bytes, a new attempt.

    Args:
        message: A delivery whose way back is proven (`report.way_back`).
        to: Another mailbox that serves the same recipient.
    """
    return replace(
        message,
        exchange=REDELIVERY,
        routing_key=message.routing_key if to is None else rerouted(message.routing_key, to),
        message_id=message_id,
        user_id=HANDLER_ACCOUNT,
        timestamp=now,
        attempt=min(attempt, MAX_ATTEMPT),
    )


def unproven(body: bytes) -> Envelope | None:
    """What a body seems to say. To search by, never to act upon: nothing is proven here."""
    try:
        return Envelope.model_validate_json(body)
    except ValidationError:
        return None
