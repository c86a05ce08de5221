"""DirectoryChange: what the commands that change the directory have in common."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bus.bootstrap.directory import change_directory
from bus.cli.legible import legible
from bus.cli.output import note, screen, show_table
from bus.cli.recorded import operator_here, recorded
from bus.core.directory_history import Made
from bus.core.directory_rows import Difference, Row
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


def made_by(deed: str) -> Made:
    """What the history says of a command."""
    return Made(operator=operator_here()[:80], deed=legible(deed)[:200])


def change(
    home: Path | None,
    deed: str,
    change: Callable[[Directory], Directory],
    *,
    force: bool = False,
) -> Directory:
    """Sign the next version, and say so; the directory as it is from now on."""
    settings = load_settings(home=home)
    verb, _, about = deed.partition(" ")
    with recorded(settings, f"agency {verb}", about):
        before, after = change_directory(settings, change, made=made_by(deed), force=force)
    tell_version(before, after)
    return after


def tell_version(before: Directory | None, after: Directory) -> None:
    """Which version the directory has now."""
    if before is not None and after.version == before.version:
        note(f"nothing to change; the directory stays at version {before.version}")
        return
    note(f"directory version {after.version}")


def show_difference(found: Difference) -> None:
    """What becomes of the directory, for people, on standard output; the first of many."""
    console = screen()
    counts = (len(found.added), found.agencies_changed, len(found.removed))
    console.print("{} added, {} changed, {} removed".format(*counts))
    _show_rows("added", found.added)
    _show_rows("removed", found.removed)
    if found.changed:
        table = Table(title="changed", title_justify="left", header_style="bold")
        for name in ("code", "column", "before", "after"):
            table.add_column(name, overflow="fold")
        for each in found.changed[:_SHOWN_AT_MOST]:
            cells = (each.code, each.column, each.before, each.after)
            table.add_row(*(Text(legible(cell)) for cell in cells))
        show_table(table)
        _tell_more(len(found.changed))


def _show_rows(title: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    shown = ("code", "name", "parent", "connected", "aliases")
    for name in shown:
        table.add_column(name, overflow="fold")
    for row in rows[:_SHOWN_AT_MOST]:
        cells = {column.value: cell for column, cell in row.items()}
        table.add_row(*(Text(legible(cells[name])) for name in shown))
    show_table(table)
    _tell_more(len(rows))


def _tell_more(count: int) -> None:
    if count > _SHOWN_AT_MOST:
        screen().print(f"… and {count - _SHOWN_AT_MOST} more (all with --json)")


def json_of(found: Difference) -> dict[str, object]:
    """The same for scripts: everything."""
    return {
        "added": [{column.value: cell for column, cell in row.items()} for row in found.added],
        "changed": [
            {
                "code": each.code,
                "column": each.column.value,
                "before": each.before,
                "after": each.after,
            }
            for each in found.changed
        ],
        "removed": [{column.value: cell for column, cell in row.items()} for row in found.removed],
    }
