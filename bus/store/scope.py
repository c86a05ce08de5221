"""Scope: the letters that a selection means, in SQL that finds them by an index.

A list is in the order of time, but an index is so only within one state and one number of
attempts. The tallies name the few of these that exist; the head of each is read, and the heads
are merged. So a page costs the same however many letters there are, and however few match.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    false,
    func,
    select,
    true,
)

from bus.core.dead_letter import LetterState
from bus.core.selection import Selection, Sort
from bus.store.letter_row import listed
from bus.store.schema import letters, tallies

DEEP = 1_000
"""From this row on a list of everything is read along one index instead of merged."""

_TALLIED = ("mailbox", "failure_class", "code", "fingerprint")
_PLAIN = (*_TALLIED, "sender", "number", "returned")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is meant, and how to get at it.

    Attributes:
        states: What letters must be in, beside what the selection says; None: anything.
    """

    selection: Selection
    dialect: str
    states: frozenset[LetterState] | None = None

    @property
    def is_tallied(self) -> bool:
        """Whether the tallies know everything that is asked for."""
        others = {"ids", "sender", "number", "returned", "since", "until"}
        return not any(getattr(self.selection, name) not in {None, ()} for name in others)

    def conditions(self, table: FromClause = letters) -> list[ColumnElement[bool]]:
        """Everything that must hold for a letter."""
        selection, column = self.selection, table.c
        held = [
            column[name] == getattr(selection, name)
            for name in _PLAIN
            if getattr(selection, name) is not None
        ]
        held += self._in_state(table)
        if selection.ids:
            held.append(column.id.in_(listed(selection.ids, self.dialect)))
        if selection.since is not None:
            held.append(column.failed_at >= selection.since)
        if selection.until is not None:
            held.append(column.failed_at < selection.until)
        if selection.sender is not None and self._tallied_values:
            # What the tallies know of the rest, read from the index of the sender.
            held.append(column.fingerprint.in_(select(tallies.c.fingerprint).where(*self.kinds())))
        return held

    def kinds(self) -> list[ColumnElement[bool]]:
        """What must hold for the tallies; all that they know of a selection."""
        held = [tallies.c[name] == value for name, value in self._tallied_values.items()]
        return [*held, *self._in_state(tallies), tallies.c.letters > 0]

    def rows(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Something of every letter that is meant, in any order."""
        return self.rows_by(self._index, *columns)

    def rows_by(self, index: str, *columns: ColumnElement[Any]) -> Select[Any]:
        """The same, along an index that the caller knows to be the best."""
        return _hinted(select(*columns).where(*self.conditions()), letters, index)

    def count(self) -> Select[tuple[int]]:
        """How many letters are meant."""
        if self.is_tallied:
            return select(func.coalesce(func.sum(tallies.c.letters), 0)).where(*self.kinds())
        if self._is_narrow:
            return self.rows(func.count())
        cells = self._cells()
        some = self._head(cells, letters.alias("some"), func.count())
        return select(func.coalesce(func.sum(some.scalar_subquery()), 0)).select_from(cells)

    def page(self, sort: Sort, *, limit: int, offset: int) -> Select[tuple[int]]:
        """The keys of one page, in no order."""
        deep = limit + offset > DEEP and sort is not Sort.ATTEMPTS
        if self._is_narrow or (deep and self._index == "letters_by_time"):
            query = self.rows(letters.c.key).order_by(*order_of(sort))
            return query.limit(limit).offset(offset)
        cells, some = self._cells(), letters.alias("some")
        head = self._head(cells, some, some.c.key, some.c.failed_at, some.c.attempts)
        head = head.order_by(*order_of(sort, some)).limit(limit + offset)
        merged: FromClause
        if self.dialect == "postgresql":
            merged = head.lateral("heads")
            query = select(merged.c.key).select_from(cells.join(merged, true()))
        else:
            merged = letters.alias("heads")
            keys = head.with_only_columns(some.c.key)
            query = select(merged.c.key).select_from(cells.join(merged, merged.c.key.in_(keys)))
        return query.order_by(*order_of(sort, merged)).limit(limit).offset(offset)

    @property
    def _tallied_values(self) -> dict[str, str]:
        values = ((name, getattr(self.selection, name)) for name in _TALLIED)
        return {name: value for name, value in values if value is not None}

    @property
    def _is_narrow(self) -> bool:
        """Whether one index leads to few letters at once."""
        return self._index in {"letters_by_id", "letters_by_number", "letters_by_return"}

    @property
    def _index(self) -> str:
        """The index that leads to what is meant; SQLite is told, for it keeps no statistics."""
        selection, values = self.selection, self._tallied_values
        if selection.ids:
            return "letters_by_id"
        if selection.number is not None:
            return "letters_by_number"
        if selection.sender is not None:
            return "letters_by_sender"
        if selection.returned:
            return "letters_by_return"
        if len(values) > 1:
            return "letters_by_cause"
        return _INDEX_OF[next(iter(values), None)]

    def _cells(self) -> Subquery:
        """The states and numbers of attempts that exist, for each cause where that leads."""
        names = ["state", "attempts"]
        if self._index == "letters_by_cause":
            names.insert(0, "fingerprint")
        columns = (tallies.c[name] for name in names)
        return select(*columns).where(*self.kinds()).distinct().subquery("cells")

    def _head(self, cells: Subquery, some: FromClause, *columns: ColumnElement[Any]) -> Select[Any]:
        """What is meant and lies in one cell."""
        index = self._index if self._index != "letters_by_time" else "letters_by_state"
        in_cell = (some.c[column.name] == column for column in cells.c)
        query = select(*columns).select_from(some).where(*self.conditions(some), *in_cell)
        return _hinted(query.correlate(cells), some, index)

    def _in_state(self, table: FromClause) -> Iterator[ColumnElement[bool]]:
        states: Collection[LetterState] | None = self.selection.states or None
        if self.states is not None:
            states = self.states.intersection(states or self.states)
        if states is not None:
            yield table.c.state.in_(sorted(states)) if states else false()


_INDEX_OF = {
    None: "letters_by_time",
    "mailbox": "letters_by_mailbox",
    "failure_class": "letters_by_class",
    "code": "letters_by_code",
    "fingerprint": "letters_by_cause",
}


def _hinted(query: Select[Any], table: FromClause, index: str) -> Select[Any]:
    return query.with_hint(table, f"INDEXED BY {index}", "sqlite")


def order_of(sort: Sort, table: FromClause = letters) -> tuple[ColumnElement[Any], ...]:
    """The order of a list; among equals that of the indexes."""
    column = table.c
    match sort:
        case Sort.NEWEST:
            return column.failed_at.desc(), column.key.desc()
        case Sort.OLDEST:
            return column.failed_at, column.key
        case Sort.ATTEMPTS:
            return column.attempts.desc(), column.failed_at.desc(), column.key.desc()
        case _ as never:
            assert_never(never)
