"""Output: tables for people, JSON for scripts, problems in both languages on standard error.

Printed texts are data: they are never markup, they are safe for a terminal, and they can be printed
in every encoding. JSON is always UTF-8.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bus.cli.legible import escaped, legible, legible_lines
from bus.cli.table_width import fit_to_width
from schemas.problem import Language, Problem

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]

_WIDE = 10_000


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


def screen(*, stderr: bool = False) -> Console:
    """A console for people, without markup and without automatic colours."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def say(console: Console, text: Text | str = "", style: str = "") -> None:
    """Print a line unbroken, so that a command can be copied from a narrow terminal."""
    line = Text(legible_lines(text), style) if isinstance(text, str) else text
    console.print(line, soft_wrap=True)


def note(text: str) -> None:
    """Print one line on standard error; it may contain texts of others."""
    sys.stderr.write(f"{legible(text)}\n")


def announce(text: str) -> None:
    """Print an unbroken line on standard error."""
    say(screen(stderr=True), text)


def tell_outcome(told: Mapping[str, object], sentence: str, *, as_json: bool) -> None:
    """Print the result: as JSON, or as a sentence on standard error."""
    if as_json:
        print_json(told)
    else:
        announce(sentence)


def show_table(table: Table, *, console: Console | None = None) -> None:
    """Print a table so that every column is seen.

    Where it is too wide for the terminal, one line a field. Into a pipe that states no width, one
    line a row.
    """
    console = unfolded(console or screen())
    console.print(fit_to_width(table, width=console.width))


def unfolded(console: Console) -> Console:
    """The console; for a pipe without a width, a console that breaks no line."""
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(file=console.file, highlight=False, markup=False, emoji=False, width=_WIDE)


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
        say(screen(), f"{legible(title) or 'rows'}: none", "dim")
        return
    shown = [{name: row[name] for name in columns or row} for row in rows]
    table = Table(
        title=Text(legible(title)) if title else None, title_justify="left", header_style="bold"
    )
    for name, value in shown[0].items():
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(
            name.replace("_", " "), justify="right" if numeric else "left", overflow="fold"
        )
    for row in shown:
        table.add_row(*(_cell(value) for value in row.values()))
    show_table(table)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print one JSON value in UTF-8, with Vietnamese as it is.

    Control characters are escaped, which changes nothing for a parser.
    """
    text = escaped(json.dumps(value, ensure_ascii=False, indent=indent, default=str))
    write_bytes(f"{text}\n".encode(errors="backslashreplace"))


def write_bytes(data: bytes) -> None:
    """Write bytes to standard output, after all text that was printed before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def tell(problem: Problem) -> None:
    """Print a problem on standard error, with place and advice, in both languages."""
    where = problem.place.describe()
    lines = [
        f"{problem.code}{f' ({where})' if where else ''}",
        f"  {problem.text()} {problem.advice()}",
        f"  {problem.text(Language.VIETNAMESE)} {problem.advice(Language.VIETNAMESE)}",
    ]
    if problem.detail:
        lines.append(f"  [{problem.detail}]")
    for line in lines:
        sys.stderr.write(f"{legible_lines(line.replace(chr(10), ' '))}\n")


def _cell(value: object) -> str | Text:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return legible(" ".join(map(str, value)))
        case Text():
            return value
        case _:
            return legible(str(value))
