"""Moves: the only place where the state of dead letters changes, with history and tallies.

The tallies always equal the result of counting, in the same transaction. No other process writes
meanwhile (`alone`), so all statements of a change see the same letters.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from bus.core.dead_letters.letter import HistoryEntry, state_after, states_before
from bus.core.life_cycle import DeliveryEvent
from bus.store.schema import history, letters, tallies

_LOCK = text("SELECT pg_advisory_xact_lock(7238913312)")


class Kind(NamedTuple):
    """The letters that one row of the tallies counts."""

    cause: int
    state: str
    attempts: int


_KIND = tuple(letters.c[name] for name in Kind._fields)
# Without this hint SQLite finds letters by their state, and then compares a million keys.
_BY_KEY = "NOT INDEXED"
_COUNT = select(*_KIND, func.count()).group_by(*_KIND).with_hint(letters, _BY_KEY, "sqlite")
_BY = bindparam("by", type_=Integer)
_TALLIED = {**{name: bindparam(name) for name in Kind._fields}, "letters": _BY}
_TALLY = {
    "sqlite": sqlite.insert(tallies)
    .values(_TALLIED)
    .on_conflict_do_update(set_={"letters": tallies.c.letters + _BY}),
    "postgresql": postgresql.insert(tallies)
    .values(_TALLIED)
    .on_conflict_do_update(
        constraint=tallies.primary_key, set_={"letters": tallies.c.letters + _BY}
    ),
}


def alone(connection: Connection) -> None:
    """Lock out all other changes of dead letters until the commit.

    SQLite has one writer anyway. On PostgreSQL this excludes all races between processes. It costs
    little, because hundreds of changes share a transaction.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)


def tally(connection: Connection, changes: Mapping[Kind, int]) -> None:
    """Add these numbers, which may be negative, to the tallies of each kind."""
    changed = [{**kind._asdict(), "by": by} for kind, by in sorted(changes.items()) if by]
    if changed:
        connection.execute(_TALLY[connection.dialect.name], changed)


def move(
    connection: Connection,
    keys: Select[tuple[int]],
    entry: HistoryEntry,
    *,
    event: DeliveryEvent,
    whatever_state: bool = False,
    **changes: object,
) -> int:
    """Change the state of letters as the life cycle says, and note it in the history of each.

    Args:
        keys: The letters. Those in whose state the event cannot happen are left alone.
        whatever_state: None is left alone, also no row in which somebody has written a state that
            does not exist.
        changes: Other columns that change with the state.

    Returns:
        How many were moved.
    """
    which: ColumnElement[bool] = letters.c.key.in_(keys)
    if not whatever_state:
        which = and_(which, letters.c.state.in_(sorted(states_before(event))))
    to = state_after(event)
    moved: Counter[Kind] = Counter()
    for *values, number in connection.execute(_COUNT.where(which)):
        kind = Kind(*values)
        moved[kind] -= number
        moved[kind._replace(state=to)] += number
    told = {"at": entry.at, **entry_columns(entry)}
    says = select(
        letters.c.key,
        *(literal(value, history.c[name].type).label(name) for name, value in told.items()),
    ).where(which)
    says = says.with_hint(letters, _BY_KEY, "sqlite")
    connection.execute(insert(history).from_select(["letter", *told], says))
    moves = update(letters).where(which).with_hint(_BY_KEY, dialect_name="sqlite")
    changed = moves.values(state=to, due_at=None, changed_at=entry.at, **changes)
    number = connection.execute(changed).rowcount
    tally(connection, moved)
    return number


def entry_columns(entry: HistoryEntry) -> dict[str, object]:
    """The columns of `history` for an entry, without its moment."""
    return {
        "happening": entry.happening,
        "operator": entry.operator,
        "order_id": entry.order,
        "text": entry.text,
    }


def entry_row(
    letter: int, entry: HistoryEntry, *, attempt_id: str | None = None
) -> dict[str, object]:
    """A row of `history`."""
    moment: datetime = entry.at
    return {"letter": letter, "at": moment, **entry_columns(entry), "attempt_id": attempt_id}
