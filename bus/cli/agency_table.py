"""`lienthong agency import|export`: the directory as a table, thousands of agencies at once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from adapters.registry import endpoint_names, format_names
from bus.bootstrap.directory import change_directory, directory_of
from bus.cli.directory_change import (
    DryRun,
    Force,
    Yes,
    agreed,
    json_of,
    made_by,
    show_difference,
    tell_version,
)
from bus.cli.legible import legible
from bus.cli.options import AnyHome, Home, exists_or_told, must_exist
from bus.cli.output import AsJson, Exit, note, print_json, write_bytes
from bus.cli.recorded import recorded
from bus.core.directory_csv import read_csv, to_csv
from bus.core.directory_import import ImportRefusedError, imported
from bus.core.directory_rows import CellProblem, Difference, difference
from bus.settings import load_settings
from schemas.directory import Directory
from schemas.problem import AxisError, Language
from schemas.term import of_os

_TOLD_AT_MOST = 50


def export_agencies(
    to: Annotated[
        Path | None,
        typer.Argument(help="File to write; without, or -, standard output.", dir_okay=False),
    ] = None,
    home: Home = None,
) -> None:
    """Write all agencies as CSV, for spreadsheets; importing it changes nothing."""
    table = to_csv(directory_of(load_settings(home=home)).load())
    if to is None or str(to) == "-":
        write_bytes(table)
        return
    try:
        to.write_bytes(table)
    except OSError as error:
        raise AxisError.of("E_OUTPUT", path=to, cause=of_os(error)) from error


def import_agencies(
    table: Annotated[Path, typer.Argument(help="CSV file, or - for standard input.")],
    dry_run: DryRun = False,
    yes: Yes = False,
    force: Force = False,
    as_json: AsJson = False,
    home: AnyHome = None,
) -> None:
    """Add and change agencies by a table: all rows or none, as one signed version.

    Only the column code is needed, and name for new agencies; agencies that no row names stay as
    they are. The difference is shown first. docs/directory.md describes the columns.
    """
    # A dry run must not make a home.
    settings = load_settings(home=must_exist(home) if dry_run else exists_or_told(home))
    directory = directory_of(settings).load()
    try:
        rows = read_csv(_read(table))
        after = imported(directory, rows, formats=format_names(), endpoints=endpoint_names())
    except ImportRefusedError as refused:
        _tell(refused.problems, as_json=as_json)
        raise typer.Exit(Exit.REFUSED) from refused
    found = difference(directory, after)
    if not as_json:
        show_difference(found)
    if dry_run or after is directory or not agreed(yes=yes or as_json):
        _tell_done(directory, directory, found, as_json=as_json)
        return

    def change(now: Directory) -> Directory:
        if now != directory:
            raise AxisError.of("E_DIRECTORY_CHANGED", version=now.version)
        return after

    with recorded(settings, "agency import", table.name):
        before, after = change_directory(
            settings, change, made=made_by(f"import {table.name}"), force=force
        )
    _tell_done(before, after, found, as_json=as_json)


def _read(table: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(table) == "-" else table.read_bytes()
    except OSError as error:
        raise AxisError.of("E_INPUT", path=table, cause=of_os(error)) from error


def _tell_done(before: Directory, after: Directory, found: Difference, *, as_json: bool) -> None:
    if as_json:
        applied = after.version != before.version
        print_json({"version": after.version, "applied": applied, **json_of(found)})
    elif found and after.version == before.version:
        note(f"nothing was changed; the directory stays at version {before.version}")
    else:
        tell_version(before, after)


def _tell(problems: Sequence[CellProblem], *, as_json: bool) -> None:
    if as_json:
        print_json({"applied": False, "errors": [_json_of(each) for each in problems]})
        return
    for each in problems[:_TOLD_AT_MOST]:
        problem = each.problem
        note(f"{problem.code} {_where(each, 'row', 'column')}")
        note(f"  {problem.text()} {problem.advice()}")
        note(
            f"  {_where(each, 'hàng', 'cột')} {problem.text(Language.VIETNAMESE)} "
            f"{problem.advice(Language.VIETNAMESE)}"
        )
    if len(problems) > _TOLD_AT_MOST:
        note(f"… and {len(problems) - _TOLD_AT_MOST} more (all with --json)")
    count = len(problems)
    note(f"{count} error{'s' if count > 1 else ''}; nothing was changed")
    note(f"{count} lỗi; chưa thay đổi gì")


def _where(each: CellProblem, row: str, column: str) -> str:
    parts = [
        f"{word} {value}"
        for word, value in ((row, each.row), (column, each.column))
        if value is not None
    ]
    return f"{', '.join(parts)}:" if parts else ""


def _json_of(each: CellProblem) -> dict[str, object]:
    problem = each.problem
    return {
        "row": each.row,
        "column": each.column,
        "code": problem.code,
        "text": {language.value: legible(problem.text(language)) for language in Language},
        "advice": {language.value: legible(problem.advice(language)) for language in Language},
    }
