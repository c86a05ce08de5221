"""Import rows of a table into the directory: either all rows, or none with all their problems.

Agencies without a row stay unchanged. A missing column changes nothing. An empty cell removes an
optional value, and leaves a required value unchanged.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TypeVar

from bus.core.directory_rows import BETWEEN, CellProblem, Column, NumberedRow, Row, rows_of
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
_THUMBPRINT = re.compile(r"[0-9A-Za-z_-]{43}")
_COLUMN_OF = {"name_vi": Column.NAME, **{column.value: column for column in Column}}

Choice = TypeVar("Choice", bound=StrEnum)


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
        reading = _RowReading(
            row=row, told=told.get(code, {}), formats=formats, endpoints=endpoints
        )
        agency, named = reading.read(agencies.get(AgencyCode(code)), aliases.get(code, ()))
        problems += reading.problems
        if agency is not None:
            agencies[agency.code], aliases[agency.code] = agency, named
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
    column = _COLUMN_OF.get(problem.place.field or "")
    return CellProblem(
        row=numbers.get(problem.params.get("code", "")), column=column, problem=problem
    )


@dataclass(kw_only=True, slots=True)
class _RowReading:
    """Reads one row cell by cell and collects the problems; `told`: the row as it is now."""

    row: NumberedRow
    told: Row
    formats: Collection[str]
    endpoints: Collection[str]
    problems: list[CellProblem] = field(default_factory=list)

    def read(
        self, before: Agency | None, aliases: Sequence[AgencyAlias]
    ) -> tuple[Agency | None, list[AgencyAlias]]:
        """The agency and its aliases; None when the row has a problem."""
        code = self._cell(Column.CODE, own_code)
        if code is None:
            return None, []
        base = before or Agency.model_construct(code=code, name_vi="")
        changes = {
            "name_vi": self._name(code, base.name_vi),
            "name_en": self._optional(
                Column.NAME_EN, base.name_en, lambda text: clean_name(text, code=code)
            ),
            "kind": self._choice(Column.KIND, AgencyKind, base.kind),
            "parent": self._optional(Column.PARENT, base.parent, AgencyCode),
            "connected": self._flag(Column.CONNECTED, base.connected),
            "format": self._installed(Column.FORMAT, self.formats, base.format),
            "endpoint": self._installed(Column.ENDPOINT, self.endpoints, base.endpoint),
            "suspended": self._flag(Column.SUSPENDED, base.suspended),
            "valid_from": self._optional(Column.VALID_FROM, base.valid_from, _day),
            "valid_to": self._optional(Column.VALID_TO, base.valid_to, _day),
            "merged_into": self._optional(Column.MERGED_INTO, base.merged_into, AgencyCode),
            "seals": self._flag(Column.SEALS, base.seals),
            "certificates": self._optional(Column.CERTIFICATES, base.certificates, _thumbprints)
            or (),
            "confidence": self._choice(Column.CONFIDENCE, Confidence, base.confidence),
        }
        named = self._aliases(code, aliases, new=before is None)
        if self.problems:
            return None, []
        changed = Agency.model_validate({"code": code, **changes})
        return (before if changed == before else changed), named

    def _name(self, code: AgencyCode, before: str) -> str:
        name = self._cell(Column.NAME, lambda text: clean_name(text, code=code), required=True)
        if name is None and not before and not self.problems:
            # The column is missing, and the agency is new.
            self._tell(Column.NAME, lambda: clean_name("", code=code))
        return name or before

    def _aliases(
        self, code: AgencyCode, before: Sequence[AgencyAlias], *, new: bool
    ) -> list[AgencyAlias]:
        if self._unchanged(Column.ALIASES):
            derived = to_qcvn102(code) if new and Column.ALIASES not in self.row.cells else None
            return [*before, alias_of(code, derived)] if derived else list(before)
        found = self._cell(Column.ALIASES, lambda text: _aliases_in(text, code), required=False)
        known = {(a.code, a.valid_from, a.valid_to): a for a in before}
        return [known.get((a.code, a.valid_from, a.valid_to), a) for a in found or ()]

    def _optional(self, column: Column, before: object, read: Callable[[str], object]) -> object:
        """The value of an optional cell; an empty cell removes the value."""
        if self._unchanged(column):
            return before
        return self._cell(column, read)

    def _choice(self, column: Column, kind: type[Choice], before: Choice) -> Choice:
        named = ", ".join(kind)
        found = self._cell(column, lambda text: _one_of(text, kind, named))
        return before if found is None else found

    def _flag(self, column: Column, before: bool) -> bool:
        found = self._cell(column, _flag)
        return before if found is None else found

    def _installed(self, column: Column, installed: Collection[str], before: str) -> str:
        named = ", ".join(sorted(installed))
        return self._cell(column, lambda text: _installed(text, installed, named)) or before

    def _unchanged(self, column: Column) -> bool:
        """Whether a cell is missing, or equal to the text of the current value."""
        cell = self.row.cells.get(column)
        return cell is None or cell == self.told.get(column)

    _Read = TypeVar("_Read")

    def _cell(
        self, column: Column, read: Callable[[str], _Read], *, required: bool = False
    ) -> _Read | None:
        """The value of a cell; None when it is empty, missing, unchanged or wrong."""
        cell = self.row.cells.get(column, "")
        if column is not Column.CODE and self._unchanged(column):
            return None
        if not cell.strip() and column is not Column.CODE and not (required and not self.told):
            return None
        return self._tell(column, lambda: read(cell))

    def _tell(self, column: Column, read: Callable[[], _Read]) -> _Read | None:
        try:
            return read()
        except ConfigurationError as error:
            self.problems.append(
                CellProblem(row=self.row.number, column=column, problem=error.problem)
            )
            return None


def _installed(text: str, installed: Collection[str], named: str) -> str:
    if text.strip() not in installed:
        raise AxisError.of("E_TABLE_VALUE", value=text, named=named)
    return text.strip()


def _one_of(text: str, kind: type[Choice], named: str) -> Choice:
    try:
        return kind(text.strip().lower())
    except ValueError as error:
        raise AxisError.of("E_TABLE_VALUE", value=text, named=named) from error


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


def _aliases_in(text: str, agency: AgencyCode) -> tuple[AgencyAlias, ...]:
    return tuple(_alias(part, agency) for part in _parts(text) if part.strip())


def _parts(text: str) -> list[str]:
    """Split at the bars that are not escaped."""
    return re.findall(r"(?:\\.|[^|\\])+|\\$", text, re.DOTALL)


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
