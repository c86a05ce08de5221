"""`dlq list`: one page of dead letters, without their content."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bus.cli.dlq.selection import OPEN, Filters, select
from bus.cli.dlq.session import Session
from bus.cli.dlq.style import STATE_STYLE
from bus.cli.legible import legible
from bus.cli.moment import ZONE, shown
from bus.cli.option_set import takes_sets
from bus.cli.output import print_json, say, screen, show_table
from bus.core.dead_letters.letter import DeadLetter
from bus.core.dead_letters.selection import Sort

WIDE = 100
"""Columns from which on a letter fits one line."""
_RETURNED, _HELD = "↩", "⧖"
_SIGNS = {
    _RETURNED: "came back from its last replay",
    _HELD: "belongs to an order under way: lienthong dlq orders",
}


@takes_sets
def list_letters(
    filters: Filters,
    session: Session,
    sort: Annotated[Sort, typer.Option(help="What comes first.")] = Sort.NEWEST,
    page: Annotated[int, typer.Option(min=1, help="Which page.")] = 1,
    per_page: Annotated[int, typer.Option(min=1, max=1000, help="Letters on a page.")] = 20,
) -> None:
    """List dead letters, those that need somebody unless --state says otherwise."""
    found, total = session.run(_page(filters, session, sort, page, per_page))
    if session.as_json:
        print_json(
            {
                "total": total,
                "page": page,
                "per_page": per_page,
                "letters": [letter.model_dump(mode="json") for letter in found],
            }
        )
        return
    console = screen()
    if not found:
        where = f"No dead letters on page {page}: there are {total:,}." if total else ""
        say(console, where or "No dead letters match.", "dim")
        return
    show_table(table_of(found, wide=console.width >= WIDE), console=console)
    first = (page - 1) * per_page + 1
    last = first + len(found) - 1
    more = f" · next: --page {page + 1}" if last < total else ""
    say(console, f"{first:,} to {last:,} of {total:,}{more} · {ZONE}", "dim")
    for sign, meaning in _SIGNS.items():
        if any(sign in _signs(letter) for letter in found):
            say(console, f"{sign} {meaning}", "dim")


async def _page(
    filters: Filters, session: Session, sort: Sort, page: int, per_page: int
) -> tuple[Sequence[DeadLetter], int]:
    async with session.letters() as letters:
        selection = await select(filters, session.worklist(letters), states=OPEN)
        offset = (page - 1) * per_page
        found = await letters.find(selection, sort=sort, limit=per_page, offset=offset)
        return found, await letters.count(selection)


def table_of(letters: Sequence[DeadLetter], *, wide: bool) -> Table:
    """The letters as a table; a narrow terminal gets two lines a letter."""
    gap = 2 if wide else 1
    table = Table(box=None, header_style="bold", padding=(0, gap, 0, 0), pad_edge=False)
    table.add_column("letter", no_wrap=True, style="magenta")
    table.add_column("state", no_wrap=True)
    table.add_column("from → to", overflow="fold")
    if wide:
        table.add_column("number", overflow="fold")
    table.add_column("cause", overflow="fold", min_width=19)
    table.add_column("tries", justify="right")
    table.add_column("failed last", no_wrap=True)
    for letter in letters:
        parties = f"{legible(letter.sender) or '?'} → {legible(letter.mailbox)}"
        number = legible(letter.number or "")
        cause = Text.assemble((legible(letter.problem.code), "red"), _place(letter, wide=wide))
        table.add_row(
            letter.id[:8],
            _state(letter),
            *([parties, number] if wide else [f"{parties}\n{number}".rstrip()]),
            cause,
            str(letter.attempts),
            shown(letter.failed_at),
        )
    return table


def _state(letter: DeadLetter) -> Text:
    return Text.assemble((letter.state, STATE_STYLE[letter.state]), _signs(letter))


def _signs(letter: DeadLetter) -> str:
    return (f" {_RETURNED}" if letter.returned else "") + (f" {_HELD}" if letter.order else "")


def _place(letter: DeadLetter, *, wide: bool) -> tuple[str, str]:
    field = letter.problem.place.field
    where = f"{letter.stage} {legible(field)}" if field else letter.stage
    return (f" {where}" if wide else f"\n{where}", "dim")
