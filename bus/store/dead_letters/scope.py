"""Scope: finds the letters of a selection by an index.

A list is sorted by time. The index of causes is sorted by time only within one cell, that is one
cause, state and number of attempts; the index of states only within one state and number of
attempts. The tallies contain all cells. A page is merged from the first letters of the cells. So a
page costs the same for any number of letters, and for any number of matches.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, assert_never

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    func,
    select,
    true,
)

from bus.core.dead_letters.letter import LetterState
from bus.core.dead_letters.selection import Selection, Sort
from bus.store.dead_letters.letter_row import listed
from bus.store.schema import causes, letters, tallies

DEEP = 1_000
"""From this row on, a list of all letters is read from one index and not merged."""

_OF_THE_CAUSE = ("mailbox", "failure_class", "code", "fingerprint")
_OF_THE_LETTER = ("ids", "sender", "number", "returned", "since", "until")


@dataclass(frozen=True, slots=True)
class Scope:
    """A selection in SQL.

    Attributes:
        among: The states in which letters must be, in addition to the selection.
    """

    selection: Selection
    dialect: str
    among: Collection[LetterState] = tuple(LetterState)

    @property
    def is_tallied(self) -> bool:
        """Whether the tallies contain every column that the selection uses."""
        return all(getattr(self.selection, name) in {None, ()} for name in _OF_THE_LETTER)

    def conditions(self, table: FromClause = letters) -> list[ColumnElement[bool]]:
        """All conditions of the selection on a letter."""
        return [*self._own_conditions(table), *self._tallied_conditions(table)]

    def kinds(self) -> list[ColumnElement[bool]]:
        """The conditions of the selection that apply to the tallies."""
        return [*self._tallied_conditions(tallies), tallies.c.letters > 0]

    def cells(self, *names: str) -> Subquery:
        """The different values of the selected letters in these columns."""
        columns = (tallies.c[name] for name in names)
        return select(*columns).where(*self.kinds()).distinct().subquery("cells")

    def rows(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """These columns of every selected letter, in any order."""
        query = select(*columns).select_from(letters).where(*self.conditions())
        return hinted(query, self._index or self._index_of_all)

    def rows_in(
        self, cells: FromClause, *columns: ColumnElement[Any], table: FromClause = letters
    ) -> Select[Any]:
        """These columns of the letters in one of the `cells`."""
        in_cell = (table.c[name] == cell for name, cell in cells.c.items() if name in _CELL)
        query = select(*columns).select_from(table).where(*in_cell, *self._own_conditions(table))
        index = "letters_by_cause" if "cause" in cells.c else "letters_by_state"
        return hinted(query.correlate(cells), index, table)

    def count(self) -> Select[tuple[int]]:
        """The number of selected letters."""
        if self.is_tallied:
            return select(func.coalesce(func.sum(tallies.c.letters), 0)).where(*self.kinds())
        if self._index is not None:
            return self.rows(func.count())
        cells = self._leading_cells()
        in_cell = self.rows_in(cells, func.count()).scalar_subquery()
        return select(func.coalesce(func.sum(in_cell), 0)).select_from(cells)

    def page(self, sort: Sort, *, limit: int, offset: int) -> Select[tuple[int]]:
        """The keys of the letters on one page, in any order."""
        deep = limit + offset > DEEP and sort is not Sort.ATTEMPTS
        if self._index is not None or (deep and not self._causal):
            query = self.rows(letters.c.key)
            return query.order_by(*order_of(sort)).limit(limit).offset(offset)
        return self._merged(sort, limit=limit, offset=offset)

    def _merged(self, sort: Sort, *, limit: int, offset: int) -> Select[tuple[int]]:
        # The first letters of so many cells fill the page, so it needs no other cell.
        most = limit + offset
        cells = self._leading_cells()
        first = func.min if sort is Sort.OLDEST else func.max
        heads = self.rows_in(cells, first(letters.c.failed_at)).scalar_subquery().label("head")
        head = select(*cells.c, heads).select_from(cells).subquery("heads")
        leading = (
            select(head)
            .where(head.c.head.is_not(None))
            .order_by(*_order_of_heads(sort, head))
            .limit(most)
            .subquery("leading")
        )
        some = letters.alias("some")
        keys = self.rows_in(leading, some.c.key, table=some)
        keys = keys.order_by(*order_of(sort, some)).limit(most)
        found = letters.alias("found")
        if self.dialect == "postgresql":
            each = keys.lateral("each")
            source = leading.join(each, true()).join(found, found.c.key == each.c.key)
        else:
            source = leading.join(found, found.c.key.in_(keys))
        query = select(found.c.key).select_from(source).order_by(*order_of(sort, found))
        return query.limit(limit).offset(offset)

    @property
    def _causal(self) -> dict[str, str]:
        """The conditions on the cause."""
        values = ((name, getattr(self.selection, name)) for name in _OF_THE_CAUSE)
        return {name: value for name, value in values if value is not None}

    @property
    def _index(self) -> str | None:
        """The index that gives the selected letters in the order of time; None: there is none.

        SQLite needs this hint, because it has no statistics.
        """
        selection = self.selection
        if selection.ids:
            return "letters_by_id"
        if selection.number is not None:
            return "letters_by_number"
        if selection.returned:
            return "letters_returned"
        if selection.sender is not None:
            return "letters_by_sender"
        return None

    @property
    def _index_of_all(self) -> str:
        """The index by which all selected letters are read, where no index is sorted by time."""
        return "letters_by_cause" if self._causal else "letters_by_time"

    def _leading_cells(self) -> Subquery:
        return self.cells(*(_CELL if self._causal else _CELL_OF_ANY_CAUSE))

    def _own_conditions(self, table: FromClause) -> list[ColumnElement[bool]]:
        """The conditions on columns that the tallies do not contain."""
        selection, column = self.selection, table.c
        held: list[ColumnElement[bool]] = []
        if selection.ids:
            held.append(column.id.in_(listed(selection.ids, self.dialect)))
        if selection.sender is not None:
            held.append(column.sender == selection.sender)
        if selection.number is not None:
            held.append(column.number == selection.number)
        if selection.returned is not None:
            held.append(column.returned.is_(selection.returned))
        if selection.since is not None:
            held.append(column.failed_at >= selection.since)
        if selection.until is not None:
            held.append(column.failed_at < selection.until)
        return held

    def _tallied_conditions(self, table: FromClause) -> list[ColumnElement[bool]]:
        held: list[ColumnElement[bool]] = []
        if self._causal:
            meant = (causes.c[name] == value for name, value in self._causal.items())
            held.append(table.c.cause.in_(select(causes.c.number).where(*meant)))
        states = set(self.selection.states or LetterState).intersection(self.among)
        if states != set(LetterState):
            held.append(table.c.state.in_(sorted(states)))
        return held


_CELL = ("cause", "state", "attempts")
_CELL_OF_ANY_CAUSE = ("state", "attempts")


def hinted(query: Select[Any], index: str, table: FromClause = letters) -> Select[Any]:
    """Tell SQLite which index to use; PostgreSQL decides by its statistics."""
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


def _order_of_heads(sort: Sort, cells: FromClause) -> tuple[ColumnElement[Any], ...]:
    match sort:
        case Sort.NEWEST:
            return (cells.c.head.desc(),)
        case Sort.OLDEST:
            return (cells.c.head,)
        case Sort.ATTEMPTS:
            return cells.c.attempts.desc(), cells.c.head.desc()
        case _ as never:
            assert_never(never)
