"""Intake: records failed attempts as dead letters, and finds and marks the retries that are due."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, insert, select
from sqlalchemy import update as update_of

from bus.core.dead_letters.course import LetterUpdate, failed_again, failed_first
from bus.core.dead_letters.letter import (
    DeadLetter,
    Decide,
    FailedAttempt,
    Happening,
    HistoryEntry,
    LetterId,
    LetterState,
    OrderId,
)
from bus.core.life_cycle import DeliveryEvent
from bus.ports import Recorded, StoredLetter
from bus.store.dead_letters.causes import cause_numbers
from bus.store.dead_letters.letter_row import (
    keys_of,
    letter_columns,
    letter_in,
    letter_query,
    listed,
    original_columns,
    stored_of,
    stored_query,
)
from bus.store.dead_letters.moves import Kind, entry_row, move, tally
from bus.store.dead_letters.orders import dealt_with, load
from bus.store.dead_letters.scope import hinted
from bus.store.schema import history, holds, letters, originals

_KEY = letters.c.key
_UPDATE = update_of(letters).where(_KEY == bindparam("of"))  # noqa: SIM300 (SQL, column first)
_OTHER = holds.alias()
_NOT_HELD = ~exists().where(_OTHER.c.letter == _KEY)


@dataclass(frozen=True, slots=True)
class Failing:
    """An attempt to be recorded."""

    attempt: FailedAttempt
    decide: Decide
    now: datetime


@dataclass(frozen=True, slots=True)
class Retried:
    """Letters that were published again."""

    ids: Sequence[LetterId]
    now: datetime


@dataclass(frozen=True, slots=True)
class Postponed:
    """Letters that shall wait longer."""

    ids: Sequence[LetterId]
    until: datetime


@dataclass(kw_only=True, slots=True)
class _Known:
    """A letter as the batch has changed it so far; `before` is how the tallies count it now."""

    key: int
    letter: DeadLetter
    attempts: set[str]
    before: Kind | None = None
    changed: bool = False


@dataclass(slots=True)
class _Batch:
    """Everything that is written at the end of a batch."""

    known: dict[str, _Known]
    next_key: int
    originals: list[dict[str, object]] = field(default_factory=list)
    history: list[dict[str, object]] = field(default_factory=list)
    dealt_with: defaultdict[tuple[OrderId, datetime], list[int]] = field(
        default_factory=lambda: defaultdict(list)
    )


def record(connection: Connection, asked: Sequence[Failing]) -> list[Recorded]:
    """Record failed attempts in order, each with the decision about it."""
    batch = _Batch(
        known=_load(connection, {each.attempt.letter_id for each in asked}),
        next_key=connection.scalar(select(func.coalesce(func.max(_KEY), 0) + 1)) or 1,
    )
    recorded = [_record(connection, batch, each) for each in asked]
    _write(connection, batch)
    return recorded


def due(connection: Connection, now: datetime, limit: int) -> tuple[StoredLetter, ...]:
    """The waiting letters that are due and not held by an order."""
    # The state is checked too, because somebody may have changed it by hand. A row with a state
    # that does not exist is read as unreadable.
    waits = letters.c.state.not_in(sorted(set(LetterState) - {LetterState.WAITING}))
    query = hinted(stored_query().where(_is_due(now), waits), "letters_due")
    return stored_of(connection, query.order_by(letters.c.due_at, _KEY).limit(limit))


def retried(connection: Connection, asked: Sequence[Retried]) -> list[None]:
    """Mark as redelivered. A letter that is not due has failed again meanwhile: no change."""
    for each in asked:
        move(
            connection,
            keys_of(each.ids, connection.dialect.name).where(_is_due(each.now)),
            HistoryEntry(at=each.now, happening=Happening.RETRIED),
            event=DeliveryEvent.REDELIVER,
        )
    return [None] * len(asked)


def postpone(connection: Connection, asked: Sequence[Postponed]) -> list[None]:
    """Set another due time for waiting letters."""
    for each in asked:
        which = _KEY.in_(keys_of(each.ids, connection.dialect.name))
        waits = letters.c.state == LetterState.WAITING
        connection.execute(update_of(letters).where(which, waits).values(due_at=each.until))
    return [None] * len(asked)


def _is_due(now: datetime) -> ColumnElement[bool]:
    # Only waiting letters have a due time; a condition on the state would read every row.
    return and_(letters.c.due_at <= now, _NOT_HELD)


def _load(connection: Connection, ids: Iterable[LetterId]) -> dict[str, _Known]:
    wanted = listed(sorted(ids), connection.dialect.name)
    known: dict[str, _Known] = {}
    of_key: dict[int, _Known] = {}
    loaded = letter_query().add_columns(letters.c.cause).where(letters.c.id.in_(wanted))
    for row in connection.execute(loaded).mappings():
        letter = letter_in(row)
        before = Kind(row["cause"], letter.state, letter.attempts)
        kept = _Known(key=row["key"], letter=letter, attempts=set(), before=before)
        known[letter.id] = of_key[kept.key] = kept
    if known:
        counted = select(history.c.letter, history.c.attempt_id).where(
            history.c.letter.in_(select(_KEY).where(letters.c.id.in_(wanted))),
            history.c.attempt_id.is_not(None),
        )
        for key, attempt_id in connection.execute(counted):
            of_key[key].attempts.add(attempt_id)
    return known


def _record(connection: Connection, batch: _Batch, asked: Failing) -> Recorded:
    attempt, now = asked.attempt, asked.now
    known = batch.known.get(attempt.letter_id)
    if known is None:
        update = failed_first(attempt, asked.decide, now=now)
        known = _Known(key=batch.next_key, letter=update.letter, attempts=set())
        batch.known[attempt.letter_id] = known
        batch.next_key += 1
        batch.originals.append({"letter": known.key, **original_columns(attempt.message)})
    elif attempt.attempt_id in known.attempts:
        return Recorded(letter=known.letter, fresh=False)
    else:
        update = _again(connection, batch, known, asked)
        known.letter = update.letter
    known.attempts.add(attempt.attempt_id)
    known.changed = True
    batch.history += (
        entry_row(
            known.key,
            entry,
            attempt_id=attempt.attempt_id if entry.happening is Happening.FAILED else None,
        )
        for entry in update.entries
    )
    return Recorded(letter=known.letter, fresh=True)


def _again(connection: Connection, batch: _Batch, known: _Known, asked: Failing) -> LetterUpdate:
    order_id = known.letter.order
    order = load(connection, order_id).order if order_id else None
    update = failed_again(known.letter, asked.attempt, asked.decide, order=order, now=asked.now)
    if order_id and update.letter.order is None:
        batch.dealt_with[order_id, asked.now].append(known.key)
    return update


def _write(connection: Connection, batch: _Batch) -> None:
    touched = [known for known in batch.known.values() if known.changed]
    numbers = cause_numbers(connection, [known.letter for known in touched])
    tallied: Counter[Kind] = Counter()
    added, changed = [], []
    for known, cause in zip(touched, numbers, strict=True):
        tallied[Kind(cause, known.letter.state, known.letter.attempts)] += 1
        columns = letter_columns(known.letter, cause=cause)
        if known.before is None:
            added.append({"key": known.key, **columns})
        else:
            tallied[known.before] -= 1
            changed.append({"of": known.key, **columns})
    for statement, rows in (
        (insert(letters), added),
        (insert(originals), batch.originals),
        (_UPDATE, changed),
        (insert(history), batch.history),
    ):
        if rows:
            connection.execute(statement, rows)
    tally(connection, tallied)
    for (order_id, now), keys in batch.dealt_with.items():
        held = load(connection, order_id)
        dealt_with(connection, held, holds.c.letter.in_(keys), len(keys), now)
