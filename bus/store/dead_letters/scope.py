"""Scope: the letters that a selection means, in SQL that finds them by an index.

A list is in the order of time, but the index of causes is so only within one cause, state and
number of attempts, and that of states within one state and number of attempts. The tallies name
these cells. The heads of the cells say which can be on a page; those are read and merged. So a
page costs the same however many letters there are, and however few match.
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
"""From this row on a list of everything is read along one index instead of merged."""

_OF_THE_CAUSE = ("mailbox", "failure_class", "code", "fingerprint")
_OF_THE_LETTER = ("ids", "sender", "number", "returned", "since", "until")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is meant, and how to get at it.

    Attributes:
        among: The states that letters must be in, beside what the selection says.
    """

    selection: Selection
    dialect: str
    among: Collection[LetterState] = tuple(LetterState)

    @property
    def is_tallied(self) -> bool:
        """Whether the tallies know everything that is asked for."""
        return all(getattr(self.selection, name) in {None, ()} for name in _OF_THE_LETTER)

    def conditions(self, table: FromClause = letters) -> list[ColumnElement[bool]]:
        """Everything that must hold for a letter."""
        return [*self._own_conditions(table), *self._tallied_conditions(table)]

    def kinds(self) -> list[ColumnElement[bool]]:
        """What must hold for the tallies; all that they know of a selection."""
        return [*self._tallied_conditions(tallies), tallies.c.letters > 0]

    def cells(self, *names: str) -> Subquery:
        """The different values that the letters which are meant may have in these columns."""
        columns = (tallies.c[name] for name in names)
        return select(*columns).where(*self.kinds()).distinct().subquery("cells")

    def rows(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Something of every letter that is meant, in any order."""
        query = select(*columns).select_from(letters).where(*self.conditions())
        return hinted(query, self._index or self._index_of_all)

    def rows_in(
        self, cells: FromClause, *columns: ColumnElement[Any], table: FromClause = letters
    ) -> Select[Any]:
        """Something of the letters in one of the `cells`."""
        in_cell = (table.c[name] == cell for name, cell in cells.c.items() if name in _CELL)
        query = select(*columns).select_from(table).where(*in_cell, *self._own_conditions(table))
        index = "letters_by_cause" if "cause" in cells.c else "letters_by_state"
        return hinted(query.correlate(cells), index, table)

    def count(self) -> Select[tuple[int]]:
        """How many letters are meant."""
        if self.is_tallied:
            return select(func.coalesce(func.sum(tallies.c.letters), 0)).where(*self.kinds())
        if self._index is not None:
            return self.rows(func.count())
        cells = self._leading_cells()
        in_cell = self.rows_in(cells, func.count()).scalar_subquery()
        return select(func.coalesce(func.sum(in_cell), 0)).select_from(cells)

    def page(self, sort: Sort, *, limit: int, offset: int) -> Select[tuple[int]]:
        """The keys of one page, in no order."""
        deep = limit + offset > DEEP and sort is not Sort.ATTEMPTS
        if self._index is not None or (deep and not self._causal):
            query = self.rows(letters.c.key)
            return query.order_by(*order_of(sort)).limit(limit).offset(offset)
        return self._merged(sort, limit=limit, offset=offset)

    def _merged(self, sort: Sort, *, limit: int, offset: int) -> Select[tuple[int]]:
        # Of so many cells the first letters are on the page, so no other can have one there.
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
        """What is asked of the cause."""
        values = ((name, getattr(self.selection, name)) for name in _OF_THE_CAUSE)
        return {name: value for name, value in values if value is not None}

    @property
    def _index(self) -> str | None:
        """The index that leads to what is meant in the order of time, if one does.

        SQLite is told, for it keeps no statistics.
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
        """The index to read all that is meant by, where none leads to it."""
        return "letters_by_cause" if self._causal else "letters_by_time"

    def _leading_cells(self) -> Subquery:
        return self.cells(*(_CELL if self._causal else _CELL_OF_ANY_CAUSE))

    def _own_conditions(self, table: FromClause) -> list[ColumnElement[bool]]:
        """What the tallies do not know."""
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
    """Tell SQLite which index to use; PostgreSQL knows."""
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
