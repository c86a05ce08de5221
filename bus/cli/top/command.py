"""`lienthong top`: the command."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from bus.bootstrap.dead_letter_store import reached_letters
from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now
from bus.cli.options import Home
from bus.cli.output import AsJson, print_json, screen, unfolded
from bus.cli.top.keys import press, pressed
from bus.cli.top.snapshot import Snapshot, compare
from bus.cli.top.view import ViewState, one_agency, overview
from bus.core.dead_letters.selection import Selection
from bus.core.gauges import NOT_BACK
from bus.home.directory_file import DirectoryFile
from bus.home.layout import Home as HomeFolder
from bus.home.layout import Running
from bus.observability.scrape import Scrape, read
from bus.ports import DeadLetters
from bus.settings import Settings, load_settings
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, TransportError

_EVERY_SECONDS = 1.0
_WINDOW = 10
"""Rates are computed over so many scrapes."""


def top(
    home: Home = None,
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch the axis that runs in this home: agencies, rates, what waits, fails or is paused.

    Keys: a letter sorts by its column, / filters by code, Enter opens one agency, q ends. With
    --json, or into a pipe: one snapshot, with rates over a second.
    """
    settings = load_settings(home=home)
    running = HomeFolder(settings.home.absolute()).running()
    if running is None or running.metrics_url is None:
        raise AxisError.of("E_AXIS_UNSEEN", home=settings.home)
    console = screen()
    if as_json or once or not console.is_terminal:
        snapshot = asyncio.run(_snapshot(running, _Suspended(directory_of(settings))))
        if as_json:
            print_json(asdict(snapshot))
        else:
            wide = unfolded(console)
            wide.print(overview(snapshot, ViewState(), width=wide.width))
        return
    asyncio.run(_watch(running, settings, console))


@dataclass(slots=True)
class _Suspended:
    """The suspended agencies; the directory is read again when it has changed."""

    file: DirectoryFile
    _stamp: int | None = None
    _codes: frozenset[str] = frozenset()

    def codes(self) -> frozenset[str]:
        stamp = self.file.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            # The axis reports a directory that cannot be trusted, and keeps the one before.
            with suppress(ConfigurationError):
                agencies = self.file.load().agencies
                self._codes = frozenset(each.code for each in agencies if each.suspended)
        return self._codes


async def _snapshot(running: Running, suspended: _Suspended) -> Snapshot:
    before = await read(running.metrics_urls)
    await asyncio.sleep(_EVERY_SECONDS)
    after = await read(running.metrics_urls)
    return compare(before, after, now=time.time(), suspended=suspended.codes())


async def _watch(running: Running, settings: Settings, console: Console) -> None:
    scrapes: deque[Scrape] = deque(maxlen=_WINDOW + 1)
    suspended = _Suspended(directory_of(settings))
    shown: ViewState | None = ViewState()
    async with reached_letters(settings) as letters, pressed() as keys:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while (state := shown) is not None:
                try:
                    scrapes.append(await read(running.metrics_urls))
                    codes = suspended.codes()
                    snapshot = compare(scrapes[0], scrapes[-1], now=time.time(), suspended=codes)
                    show = partial(_show, live, snapshot, letters)
                    after = partial(press, snapshot=snapshot)
                    shown = await _follow(keys, state, show, after)
                except TransportError as error:
                    show = partial(_show_problem, live, error)
                    shown = await _follow(
                        keys, state, show, lambda key, s: s if key != "q" else None
                    )


async def _follow(
    keys: "asyncio.Queue[str]",
    state: ViewState,
    show: Callable[[ViewState], Awaitable[None]],
    after: Callable[[str, ViewState], ViewState | None],
) -> ViewState | None:
    """Follow the keys until the next scrape is due.

    Args:
        after: The state after a key.

    Returns:
        None when the operator ends the command.
    """
    until = asyncio.get_running_loop().time() + _EVERY_SECONDS
    next_state: ViewState | None = state
    while next_state is not None:
        await show(next_state)
        try:
            async with asyncio.timeout_at(until):
                key = await keys.get()
        except TimeoutError:
            break
        next_state = after(key, next_state)
    return next_state


async def _show(live: Live, snapshot: Snapshot, letters: DeadLetters, state: ViewState) -> None:
    for row in snapshot.agencies:
        if row.agency == state.opened:
            selection = Selection(mailbox=MailboxName(row.agency), states=NOT_BACK)
            view = one_agency(row, await letters.groups(selection, now=now()))
            break
    else:
        view = overview(snapshot, state, width=live.console.width, height=live.console.height)
    live.update(view, refresh=True)


async def _show_problem(live: Live, error: AxisError, _: ViewState) -> None:
    live.update(Text(f"{error.problem}\nq ends", "bold red"), refresh=True)


def _only_q(key: str, state: ViewState) -> ViewState | None:
    return None if key == "q" else state
