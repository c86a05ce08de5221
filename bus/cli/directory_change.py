"""The steps that all commands share which change the directory."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bus.bootstrap.directory import change_directory
from bus.cli.legible import legible
from bus.cli.output import note, screen, show_table
from bus.cli.recorded import operator_here, recorded
from bus.core.directory import Author
from bus.core.directory_rows import CellChange, Difference, Row
from bus.settings import load_settings
from schemas.directory import Directory

Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Also when a mailbox is no longer served: what it holds stays at the broker.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and stop.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask on a terminal.")]

_SHOWN_AT_MOST = 40


def made_by(deed: str) -> Author:
    """The description of a command in the history."""
    return Author(operator=operator_here()[:80], deed=legible(deed)[:200])


def change(
    home: Path | None,
    deed: str,
    change: Callable[[Directory], Directory],
    *,
    force: bool = False,
) -> Directory:
    """Sign the next version, print its number, and return the new directory."""
    settings = load_settings(home=home)
    verb, _, about = deed.partition(" ")
    with recorded(settings, f"agency {verb}", about):
        before, after = change_directory(settings, change, made=made_by(deed), force=force)
    tell_version(before, after)
    return after


def tell_version(before: Directory | None, after: Directory) -> None:
    """Print the version of the directory."""
    if before is not None and after.version == before.version:
        note(f"nothing to change; the directory stays at version {before.version}")
        return
    note(f"directory version {after.version}")


def agreed(*, yes: bool) -> bool:
    """Ask on a terminal whether to sign the next version; a script has agreed by calling."""
    if yes or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return True
    return typer.confirm("sign this as the next version of the directory?", err=True)


def show_difference(found: Difference) -> None:
    """Print the difference between two versions as tables of at most `_SHOWN_AT_MOST` rows."""
    console = screen()
    counts = (len(found.added), found.agencies_changed, len(found.removed))
    console.print("{} added, {} changed, {} removed".format(*counts))
    named = ("code", "name", "parent", "connected", "aliases")
    _show_rows("added", named, _cells(found.added))
    _show_rows("removed", named, _cells(found.removed))
    changed = ("code", "column", "before", "after")
    _show_rows("changed", changed, [_change_of(each) for each in found.changed])


def _show_rows(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows[:_SHOWN_AT_MOST]:
        table.add_row(*(Text(legible(row[name])) for name in columns))
    show_table(table)
    if len(rows) > _SHOWN_AT_MOST:
        screen().print(f"… and {len(rows) - _SHOWN_AT_MOST} more (all with --json)")


def json_of(found: Difference) -> dict[str, object]:
    """The whole difference as JSON."""
    return {
        "added": _cells(found.added),
        "changed": [_change_of(each) for each in found.changed],
        "removed": _cells(found.removed),
    }


def _cells(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [{column.value: cell for column, cell in row.items()} for row in rows]


def _change_of(cell: CellChange) -> dict[str, str]:
    return {
        "code": cell.code,
        "column": cell.column.value,
        "before": cell.before,
        "after": cell.after,
    }
