"""Agencies as rows of text for tables, and the difference of two directories.

A row contains everything about its agency, so importing it gives an equal agency.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schemas.directory import Agency, AgencyAlias, Directory
from schemas.problem import Problem


class Column(StrEnum):
    """The columns of a row, in this order."""

    CODE = "code"
    NAME = "name"
    NAME_EN = "name_en"
    KIND = "kind"
    PARENT = "parent"
    CONNECTED = "connected"
    FORMAT = "format"
    ENDPOINT = "endpoint"
    SUSPENDED = "suspended"
    VALID_FROM = "valid_from"
    VALID_TO = "valid_to"
    MERGED_INTO = "merged_into"
    SEALS = "seals"
    CERTIFICATES = "certificates"
    CONFIDENCE = "confidence"
    ALIASES = "aliases"


Row = Mapping[Column, str]

FIELD_OF = {Column.NAME: "name_vi"}
"""The columns that have another name than their field of `Agency`."""

BETWEEN = "|"
"""The separator of aliases, and of certificates, in one cell."""
ESCAPE = "\\"
_SPECIAL = (ESCAPE, BETWEEN, "[")


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberedRow:
    """The cells of a row; `number` is that of a spreadsheet, where the header is row 1."""

    number: int
    cells: Row


@dataclass(frozen=True, kw_only=True, slots=True)
class CellProblem:
    """A problem and its place; row None: outside of all rows, column None: the whole row."""

    row: int | None
    column: str | None
    problem: Problem


@dataclass(frozen=True, kw_only=True, slots=True)
class CellChange:
    """One cell that differs between two directories."""

    code: str
    column: Column
    before: str
    after: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """How one directory differs from another."""

    added: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()
    changed: tuple[CellChange, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is a difference."""
        return bool(self.added or self.removed or self.changed)

    @property
    def agencies_changed(self) -> int:
        """How many agencies are in both directories, with different values."""
        return len({change.code for change in self.changed})


def rows_of(directory: Directory) -> dict[str, Row]:
    """The row of each agency, by its code, in the order of the directory."""
    aliases: defaultdict[str, list[AgencyAlias]] = defaultdict(list)
    for alias in directory.aliases:
        aliases[alias.agency].append(alias)
    return {each.code: _row(each, aliases[each.code]) for each in directory.agencies}


def difference(before: Directory, after: Directory) -> Difference:
    """Compare two directories; the order of agencies and the versions do not count."""
    old, new = rows_of(before), rows_of(after)
    return Difference(
        added=tuple(row for code, row in new.items() if code not in old),
        removed=tuple(row for code, row in old.items() if code not in new),
        changed=tuple(
            CellChange(code=code, column=column, before=old[code][column], after=row[column])
            for code, row in new.items()
            if code in old
            for column in Column
            if old[code][column] != row[column]
        ),
    )


def _row(agency: Agency, aliases: Iterable[AgencyAlias]) -> Row:
    row = {each: _text(getattr(agency, FIELD_OF.get(each, each), ())) for each in Column}
    return row | {Column.ALIASES: BETWEEN.join(map(alias_text, aliases))}


def alias_text(alias: AgencyAlias) -> str:
    """`000.05.00.H24`, or with its validity `H53.05[2020-09-15..2025-06-30]`."""
    code = "".join(ESCAPE + char if char in _SPECIAL else char for char in alias.code)
    if alias.valid_from is None and alias.valid_to is None:
        return code
    return f"{code}[{_text(alias.valid_from)}..{_text(alias.valid_to)}]"


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case date():
            return value.isoformat()
        case tuple():
            return BETWEEN.join(value)
        case _:
            return str(value)
