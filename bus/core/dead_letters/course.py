"""Course: what a failed attempt makes of a dead letter.

What orders do to letters is left to the stores: they move whole sets at once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from bus.core.dead_letters.letter import (
    DeadLetter,
    Decide,
    FailedAttempt,
    Happening,
    HistoryEntry,
    LetterState,
    state_after,
)
from bus.core.dead_letters.order import Action, Order, OrderState
from bus.core.dead_letters.retry import Disposition, Park, Retry
from bus.core.life_cycle import DeliveryEvent
from schemas.identifiers import MailboxName
from schemas.problem import Problem

MAX_TERM_LENGTH = 200
"""Longer values are cut in what letters are found by; the delivery itself keeps them whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterUpdate:
    """A letter after an attempt, and what its history says of it."""

    letter: DeadLetter
    entries: tuple[HistoryEntry, ...]


def failed_first(attempt: FailedAttempt, decide: Decide, *, now: datetime) -> LetterUpdate:
    """A delivery fails for the first time: it becomes a letter."""
    failure = attempt.failure
    state, due_at = _standing(decide(attempt, 1, 0))
    letter = DeadLetter(
        id=attempt.letter_id,
        state=state,
        mailbox=MailboxName(_term(failure.mailbox)),
        sender=_term(attempt.sender),
        reporter=_term(attempt.reporter),
        lane=_term(attempt.lane),
        kind=_term(attempt.kind),
        failure_class=failure.failure_class,
        stage=failure.stage,
        fingerprint=_term(failure.fingerprint),
        problem=_problem(failure.problem),
        number=_optional_term(attempt.number),
        document_id=_optional_term(attempt.document_id),
        envelope_id=_optional_term(attempt.envelope_id),
        first_failed_at=failure.failed_at,
        failed_at=failure.failed_at,
        due_at=due_at,
        changed_at=now,
    )
    return LetterUpdate(letter=letter, entries=(_failed(attempt), *_arrived(state, now)))


def failed_again(
    letter: DeadLetter,
    attempt: FailedAttempt,
    decide: Decide,
    *,
    order: Order | None,
    now: datetime,
) -> LetterUpdate:
    """A known letter takes a new problem.

    Discarded and quarantined letters stay so: only an operator brings them back. What an order
    holds stands where it stood, for the order decides about it.

    A batch is marked only when all of it is published, so a letter may fail again before it is
    known as redelivered. An attempt that counts further than the letter proves that it was.

    Args:
        order: The order under way that holds the letter.
    """
    failure = attempt.failure
    entries: list[HistoryEntry] = []
    if failure.attempt > letter.attempts:
        if order is not None and (order.action, order.state) == (Action.REPLAY, OrderState.RUNNING):
            letter = replayed(letter, now=now)
            entries.append(entry_of(order, Happening.REPLAYED, now=now))
        elif order is None and letter.state is LetterState.WAITING:
            letter = retried(letter, now=now)
            entries.append(HistoryEntry(at=now, happening=Happening.RETRIED))
    entries.append(_failed(attempt))
    attempts, state, due_at = letter.attempts + 1, letter.state, letter.due_at
    if letter.order is None and state not in {LetterState.DISCARDED, LetterState.QUARANTINED}:
        state, due_at = _standing(decide(attempt, attempts, letter.replays))
    if state is not letter.state:
        entries += _arrived(state, now)
    changed = {
        "state": state,
        "due_at": due_at,
        "failure_class": str(failure.failure_class),
        "stage": str(failure.stage),
        "fingerprint": _term(failure.fingerprint),
        "reporter": _term(attempt.reporter),
        "problem": _problem(failure.problem),
        "attempts": attempts,
        # Between a replay and its failure nothing else can happen to a letter.
        "returned": letter.returned
        or (letter.state is LetterState.REDELIVERED and letter.replays > 0),
        "first_failed_at": min(letter.first_failed_at, failure.failed_at),
        "failed_at": max(letter.failed_at, failure.failed_at),
        "changed_at": letter.changed_at if state is letter.state else now,
    }
    return LetterUpdate(letter=letter.model_copy(update=changed), entries=tuple(entries))


def retried(letter: DeadLetter, *, now: datetime) -> DeadLetter:
    """The axis delivered it again by itself."""
    changed = {"state": state_after(DeliveryEvent.REDELIVER), "due_at": None, "changed_at": now}
    return letter.model_copy(update=changed)


def replayed(letter: DeadLetter, *, now: datetime) -> DeadLetter:
    """An order has delivered it again, and is done with it."""
    changed = {"replays": letter.replays + 1, "returned": False, "order": None}
    return retried(letter, now=now).model_copy(update=changed)


def entry_of(order: Order, happening: Happening, *, now: datetime) -> HistoryEntry:
    """What the history of a letter says of an order that dealt with it."""
    return HistoryEntry(
        at=now, happening=happening, operator=order.operator, order=order.id, text=order.reason
    )


def _standing(disposition: Disposition) -> tuple[LetterState, datetime | None]:
    match disposition:
        case Retry(due_at=due_at):
            return state_after(DeliveryEvent.SCHEDULE), due_at
        case Park(quarantined=quarantined):
            event = DeliveryEvent.QUARANTINE if quarantined else DeliveryEvent.PARK
            return state_after(event), None
        case _ as never:
            assert_never(never)


def _failed(attempt: FailedAttempt) -> HistoryEntry:
    failure = attempt.failure
    return HistoryEntry(
        at=failure.failed_at, happening=Happening.FAILED, text=_term(failure.problem.code)
    )


_ARRIVED = {
    LetterState.PARKED: Happening.PARKED,
    LetterState.QUARANTINED: Happening.QUARANTINED,
}


def _arrived(state: LetterState, now: datetime) -> tuple[HistoryEntry, ...]:
    happening = _ARRIVED.get(state)
    return (HistoryEntry(at=now, happening=happening),) if happening else ()


def _term(text: str) -> str:
    """A text that every database can hold and index: whoever wrote it, a failure must be kept.

    PostgreSQL has no NUL in texts, no text that is no UTF-8, and no index on long ones.
    """
    legible = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return legible.encode(errors="replace").decode()[:MAX_TERM_LENGTH]


def _problem(problem: Problem) -> Problem:
    return problem.model_copy(update={"code": _term(problem.code)})


def _optional_term(text: str | None) -> str | None:
    return None if text is None else _term(text)
