"""`dlq watch`: shows causes and the newest dead letters, live."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bus.bootstrap.process import now
from bus.cli.dlq.groups import trend
from bus.cli.dlq.listing import WIDE, table_of
from bus.cli.dlq.selection import OPEN, Filters, select
from bus.cli.dlq.session import Session
from bus.cli.dlq.style import counted, states_of
from bus.cli.legible import legible
from bus.cli.moment import age, shown_alone
from bus.cli.option_set import takes_sets
from bus.cli.output import note, print_json, screen
from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import DeadLetter, LetterId
from bus.core.dead_letters.selection import Selection
from bus.ports import DeadLetters
from schemas.problem import TransportError

_LOOK_EVERY = timedelta(seconds=1)
_LATE = timedelta(minutes=10)
"""How long a failure may be under way to the store: its moment is that of the worker."""
_PAGE = 500
_CAUSES, _NEWEST = 8, 20
_FRAME = 6
"""Lines that are neither a cause nor a letter."""


@takes_sets
def watch(filters: Filters, session: Session) -> None:
    """Watch dead letters come and go, until Ctrl-C.

    With --json, or into a pipe: one line for each delivery that fails from now on.
    """
    console = screen()
    try:
        if session.as_json or not console.is_terminal:
            session.run(_lines(filters, session))
        else:
            session.run(_live(filters, session))
    except KeyboardInterrupt:
        return


async def _live(filters: Filters, session: Session) -> None:
    console = screen()
    async with session.letters() as letters:
        selection = await select(filters, session.worklist(letters), states=OPEN)
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                try:
                    causes = await letters.groups(selection, now=now())
                    newest = await letters.find(selection, limit=_NEWEST)
                    view = _view(causes, newest, console)
                except TransportError as error:
                    view = Group(Text(str(error.problem), "bold red"))
                live.update(view, refresh=True)
                await asyncio.sleep(_LOOK_EVERY.total_seconds())


def _view(causes: Sequence[Cause], newest: Sequence[DeadLetter], console: Console) -> Group:
    moment, wide = now(), console.width >= WIDE
    total = sum(sum(cause.counts.values()) for cause in causes)
    title = f"{counted(total, 'dead letter')}, {counted(len(causes), 'cause')}"
    head = Text.assemble((title, "bold"), f"  {shown_alone(moment)}  Ctrl-C ends")
    if not causes:
        return Group(head, Text("nothing waits for an operator", "green"))
    more = len(causes) - _CAUSES
    # What is left of the screen: two lines a letter on a narrow one.
    room = (console.height - min(len(causes), _CAUSES) - _FRAME) // (1 if wide else 2)
    return Group(
        head,
        Text(),
        _causes(causes[:_CAUSES], moment),
        Text(f"and {counted(more, 'more cause')}: lienthong dlq groups" if more > 0 else "", "dim"),
        Text("newest", "bold"),
        table_of(newest[: max(room, 1)], wide=wide),
    )


def _causes(causes: Sequence[Cause], moment: datetime) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1), pad_edge=False)
    table.add_column("group", no_wrap=True, style="magenta")
    table.add_column("agency", overflow="fold")
    table.add_column("cause", overflow="fold", style="red")
    table.add_column("letters", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("newest", justify="right", no_wrap=True)
    for cause in causes:
        table.add_row(
            cause.fingerprint[:8],
            legible(cause.mailbox),
            legible(cause.code),
            states_of(cause.counts),
            trend(cause),
            age(moment - cause.newest),
        )
    return table


async def _lines(filters: Filters, session: Session) -> None:
    async with session.letters() as letters:
        selection = await select(filters, session.worklist(letters), states=OPEN)
        news = _News(selection=selection, letters=letters)
        await news.fetch()
        note("watching; Ctrl-C ends")
        while True:
            await asyncio.sleep(_LOOK_EVERY.total_seconds())
            try:
                fresh = await news.fetch()
            except TransportError as error:
                note(str(error.problem))
                continue
            for letter in fresh:
                _tell(letter, as_json=session.as_json)


@dataclass(kw_only=True)
class _News:
    """Failures that were not shown before."""

    selection: Selection
    letters: DeadLetters
    _told: dict[LetterId, tuple[int, datetime]] = field(default_factory=dict)

    async def fetch(self) -> list[DeadLetter]:
        """Those since the last call, the oldest first."""
        since = now() - _LATE
        self._told = {each: told for each, told in self._told.items() if told[1] >= since}
        fresh: list[DeadLetter] = []
        offset = 0
        recent = self.selection.model_copy(
            update={"since": max(since, self.selection.since or since)}
        )
        while page := await self.letters.find(recent, limit=_PAGE, offset=offset):
            offset += len(page)
            for letter in page:
                if self._told.get(letter.id, (0, since))[0] < letter.attempts:
                    fresh.append(letter)
                    self._told[letter.id] = letter.attempts, letter.failed_at
        return sorted(fresh, key=lambda letter: letter.failed_at)


def _tell(letter: DeadLetter, *, as_json: bool) -> None:
    if as_json:
        print_json(letter.model_dump(mode="json"), indent=None)
        return
    line = legible(
        f"{shown_alone(letter.failed_at)} {letter.id[:8]} {letter.state} "
        f"{letter.sender or '?'} → {letter.mailbox} {letter.problem.code} {letter.number or ''}"
    )
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
