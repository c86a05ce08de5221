"""Import rows of a table into the directory: either all rows, or none with all their problems.

Agencies without a row stay unchanged. A missing column changes nothing. An empty cell removes an
optional value, and leaves a required value unchanged.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from functools import partial

from bus.core.directory_rows import (
    BETWEEN,
    FIELD_OF,
    CellProblem,
    Column,
    NumberedRow,
    Row,
    rows_of,
)
from bus.core.directory_rules import alias_of, clean_name, faults, own_code
from schemas.directory import Agency, AgencyAlias, AgencyKind, Confidence, Directory
from schemas.identifiers import AgencyCode, shown, to_qcvn102
from schemas.problem import AxisError, ConfigurationError, Problem

FIRST_DAY, LAST_DAY = date(1945, 1, 1), date(2100, 12, 31)
"""The first and the last day that can be entered."""

_YES = frozenset({"yes", "true", "1", "x", "có", "co", "đúng"})
_NO = frozenset({"no", "false", "0", "không", "khong", "sai"})
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]00:00(?::00(?:\.0+)?)?)?", re.ASCII)
_VIETNAMESE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: 00:00(?::00)?)?", re.ASCII)
_VALIDITY = re.compile(r"\[([^\[\]]*)\.\.([^\[\]]*)\]")
_PARTS = re.compile(r"(?:\\.|[^|\\])+|\\$", re.DOTALL)
"""The parts of a cell between bars that are not escaped."""
_THUMBPRINT = re.compile(r"[0-9A-Za-z_-]{43}")
_EMPTY: Mapping[Column, object] = {
    **dict.fromkeys((Column.NAME_EN, Column.PARENT, Column.MERGED_INTO)),
    **dict.fromkeys((Column.VALID_FROM, Column.VALID_TO)),
    Column.CERTIFICATES: (),
}
"""What an empty cell means in the columns whose values are optional."""


class ImportRefusedError(Exception):
    """The table has problems, sorted by row, so nothing was changed."""

    def __init__(self, problems: Sequence[CellProblem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = tuple(problems)


def imported(
    directory: Directory,
    rows: Iterable[NumberedRow],
    *,
    formats: Collection[str],
    endpoints: Collection[str],
) -> Directory:
    """The next version with these rows; the same directory when they change nothing.

    Args:
        formats: The installed formats.
        endpoints: The installed endpoints.

    Raises:
        ImportRefusedError: With every problem of every row.
    """
    agencies = {agency.code: agency for agency in directory.agencies}
    aliases: dict[str, list[AgencyAlias]] = {code: [] for code in agencies}
    for alias in directory.aliases:
        aliases.setdefault(alias.agency, []).append(alias)
    told, numbers = rows_of(directory), dict[str, int]()
    problems: list[CellProblem] = []
    for row in rows:
        code = row.cells[Column.CODE]
        if code in numbers:
            first = AxisError.of("E_TABLE_ROW_TWICE", code=shown(code), first=numbers[code])
            problems.append(CellProblem(row=row.number, column=Column.CODE, problem=first.problem))
            continue
        numbers[code] = row.number
        try:
            agency, aliases[code] = _read_row(
                row,
                told=told.get(code, {}),
                before=agencies.get(AgencyCode(code)),
                aliases=aliases.get(code, ()),
                installed={Column.FORMAT: formats, Column.ENDPOINT: endpoints},
            )
            agencies[agency.code] = agency
        except ImportRefusedError as error:
            problems += error.problems
    grown = Directory.model_construct(
        version=directory.version + 1,
        agencies=tuple(agencies.values()),
        aliases=_in_order(directory.aliases, aliases),
    )
    if not problems:
        problems = [_placed(problem, numbers) for problem in faults(grown)]
    if problems:
        raise ImportRefusedError(sorted(problems, key=lambda each: each.row or 0))
    same = (grown.agencies, grown.aliases) == (directory.agencies, directory.aliases)
    return directory if same else grown


def entered_day(text: str) -> date:
    """Read a day, `2025-07-01` or `1/7/2025`. Raises `ValueError`."""
    if found := _ISO.fullmatch(text.strip()):
        year, month, day = map(int, found.groups())
    elif found := _VIETNAMESE.fullmatch(text.strip()):
        day, month, year = map(int, found.groups())
    else:
        raise ValueError("no date")
    entered = date(year, month, day)
    if not FIRST_DAY <= entered <= LAST_DAY:
        raise ValueError("out of range")
    return entered


def _in_order(
    before: Iterable[AgencyAlias], now: Mapping[str, Sequence[AgencyAlias]]
) -> tuple[AgencyAlias, ...]:
    """The aliases that stay, in their old order, then the new ones."""
    left = {alias: None for aliases in now.values() for alias in aliases}
    stays = [alias for alias in before if alias in left]
    for alias in stays:
        left.pop(alias, None)
    return (*stays, *left)


def _placed(problem: Problem, numbers: Mapping[str, int]) -> CellProblem:
    columns = {FIELD_OF.get(column, column.value): column for column in Column}
    return CellProblem(
        row=numbers.get(problem.params.get("code", "")),
        column=columns.get(problem.place.field or ""),
        problem=problem,
    )


def _read_row(
    row: NumberedRow,
    *,
    told: Row,
    before: Agency | None,
    aliases: Sequence[AgencyAlias],
    installed: Mapping[Column, Collection[str]],
) -> tuple[Agency, list[AgencyAlias]]:
    """The agency of a row, and its aliases.

    Args:
        told: The row of the agency before the import; empty for a new agency.
        before: The agency before the import, with its `aliases`; None for a new agency.

    Raises:
        ImportRefusedError: With every problem of the row.
    """
    problems: list[CellProblem] = []
    values: dict[str, object] = {} if before is None else dict(before)
    with _noted(problems, row, Column.CODE):
        code = values["code"] = own_code(row.cells[Column.CODE])
        for column, read in _readers(code, installed).items():
            # Only a new agency needs a name.
            required = column is Column.NAME and not told
            cell = row.cells.get(column, "" if required else None)
            if cell is None or cell == told.get(column):
                continue
            if cell.strip() or required:
                with _noted(problems, row, column):
                    values[FIELD_OF.get(column, column)] = read(cell)
            elif column in _EMPTY:
                values[column] = _EMPTY[column]
        cell = row.cells.get(Column.ALIASES)
        if cell is None:
            derived = to_qcvn102(code) if before is None else None
            aliases = [*aliases, alias_of(code, derived)] if derived else aliases
        elif cell != told.get(Column.ALIASES):
            known = {(a.code, a.valid_from, a.valid_to): a for a in aliases}
            with _noted(problems, row, Column.ALIASES):
                found = [_alias(part, code) for part in _PARTS.findall(cell) if part.strip()]
                aliases = [known.get((a.code, a.valid_from, a.valid_to), a) for a in found]
    if problems:
        raise ImportRefusedError(problems)
    return Agency.model_validate(values), list(aliases)


@contextmanager
def _noted(problems: list[CellProblem], row: NumberedRow, column: Column) -> Iterator[None]:
    """Collect the problem of a cell."""
    try:
        yield
    except ConfigurationError as error:
        problems.append(CellProblem(row=row.number, column=column, problem=error.problem))


def _readers(
    code: str, installed: Mapping[Column, Collection[str]]
) -> Mapping[Column, Callable[[str], object]]:
    """How to read the cells of an agency, in the order of their problems."""
    name = partial(clean_name, code=code)
    return {
        Column.NAME: name,
        Column.NAME_EN: name,
        Column.KIND: partial(_one_of, AgencyKind),
        Column.PARENT: str,
        Column.CONNECTED: _flag,
        Column.FORMAT: partial(_installed, installed[Column.FORMAT]),
        Column.ENDPOINT: partial(_installed, installed[Column.ENDPOINT]),
        Column.SUSPENDED: _flag,
        Column.VALID_FROM: _day,
        Column.VALID_TO: _day,
        Column.MERGED_INTO: str,
        Column.SEALS: _flag,
        Column.CERTIFICATES: _thumbprints,
        Column.CONFIDENCE: partial(_one_of, Confidence),
    }


def _installed(known: Collection[str], text: str) -> str:
    if text.strip() not in known:
        raise AxisError.of("E_TABLE_VALUE", value=text, named=", ".join(sorted(known)))
    return text.strip()


def _one_of(kind: type[StrEnum], text: str) -> StrEnum:
    try:
        return kind(text.strip().lower())
    except ValueError as error:
        raise AxisError.of("E_TABLE_VALUE", value=text, named=", ".join(kind)) from error


def _flag(text: str) -> bool:
    said = text.strip().casefold()
    if said not in _YES | _NO:
        raise AxisError.of("E_TABLE_VALUE", value=text, named="yes, no")
    return said in _YES


def _day(text: str) -> date:
    try:
        return entered_day(text)
    except ValueError as error:
        raise AxisError.of("E_TABLE_DATE", value=text, first=FIRST_DAY, second=LAST_DAY) from error


def _thumbprints(text: str) -> tuple[str, ...]:
    found = tuple(each.strip() for each in text.split(BETWEEN) if each.strip())
    for each in found:
        if not _THUMBPRINT.fullmatch(each):
            raise AxisError.of("E_TABLE_THUMBPRINT", value=each)
    return found


def _alias(part: str, agency: AgencyCode) -> AgencyAlias:
    code, validity = part.strip(), {}
    bare = re.sub(r"\\.", lambda found: "_" * len(found[0]), code, flags=re.DOTALL)
    if (start := bare.find("[")) >= 0:
        found = _VALIDITY.fullmatch(bare[start:])
        if found is None:
            raise AxisError.of("E_TABLE_ALIAS", value=part)
        begin, end = (_day(each) if each.strip() else None for each in found.groups())
        code, validity = code[:start], {"valid_from": begin, "valid_to": end}
    return alias_of(agency, re.sub(r"\\(.)", r"\1", code, flags=re.DOTALL), **validity)
