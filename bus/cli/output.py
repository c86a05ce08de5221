"""Output: tables for people, JSON for scripts, problems in both languages on standard error."""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.problem import Language, Problem

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class Exit(IntEnum):
    """Exit codes that scripts and service managers can use.

    `AWAY`: what the work needs does not answer now (broker, database); starting again later helps.
    `MISUSED`: a setting or the call is wrong; starting again does not help.
    """

    DONE = 0
    REFUSED = 1
    MISUSED = 2
    WAITING = 3
    AWAY = 4


def listing(
    rows: Sequence[Mapping[str, object]],
    *,
    as_json: bool,
    title: str = "",
    columns: Sequence[str] = (),
) -> None:
    """Print rows of equal keys: a table to read, or a JSON array.

    Args:
        columns: What the table shows, where all would not fit a terminal; JSON has everything.
    """
    if as_json:
        print_json([dict(row) for row in rows])
        return
    if not rows:
        Console().print(f"[dim]{title or 'rows'}: none[/]")
        return
    shown = [{name: row[name] for name in columns or row} for row in rows]
    table = Table(title=title or None, title_justify="left", header_style="bold")
    for name, value in shown[0].items():
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for row in shown:
        table.add_row(*(_cell(value) for value in row.values()))
    Console().print(table)


def print_json(value: object) -> None:
    """Print one JSON value, readable, with Vietnamese as it is."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def tell(problem: Problem) -> None:
    """Say on standard error what is wrong, where, and what to do next, in both languages."""
    where = problem.place.describe()
    lines = [
        f"{problem.code}{f' ({where})' if where else ''}",
        f"  {problem.text()} {problem.advice()}",
        f"  {problem.text(Language.VIETNAMESE)} {problem.advice(Language.VIETNAMESE)}",
    ]
    if problem.detail:
        lines.append(f"  [{problem.detail}]")
    sys.stderr.write("\n".join(lines) + "\n")


def _cell(value: object) -> str | Text:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(map(str, value))
        case Text():
            return value
        case _:
            return str(value)
