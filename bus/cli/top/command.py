"""`lienthong top`: the command."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from bus.bootstrap.dead_letter_store import reached_letters
from bus.bootstrap.directory import directory_of
from bus.bootstrap.process import now
from bus.cli.options import Home
from bus.cli.output import AsJson, print_json, screen, unfolded
from bus.cli.top.keys import press, pressed
from bus.cli.top.snapshot import Snapshot, compare
from bus.cli.top.view import Choice, one_agency, overview
from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.selection import Selection
from bus.core.gauges import NOT_BACK
from bus.home.directory_file import DirectoryFile
from bus.home.layout import Home as HomeFolder
from bus.home.layout import Running
from bus.observability.reading import Reading, read
from bus.ports import DeadLetters
from bus.settings import Settings, load_settings
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, ConfigurationError, TransportError

_LOOK_SECONDS = 1.0
_WINDOW = 10
"""Readings that rates are taken over."""


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
            _print(snapshot, console)
        return
    asyncio.run(_watch(running, settings, console))


def _print(snapshot: Snapshot, console: Console) -> None:
    wide = unfolded(console)
    wide.print(overview(snapshot, Choice(), width=wide.width))


@dataclass(slots=True)
class _Suspended:
    """Which agencies are suspended, read anew when the directory has changed."""

    file: DirectoryFile
    _stamp: int | None = None
    _codes: frozenset[str] = frozenset()

    def codes(self) -> frozenset[str]:
        """Their codes."""
        stamp = self.file.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            # One that is not believed is told by the axis; those of the one before serve on.
            with suppress(ConfigurationError):
                agencies = self.file.load().agencies
                self._codes = frozenset(each.code for each in agencies if each.suspended)
        return self._codes


async def _snapshot(running: Running, suspended: _Suspended) -> Snapshot:
    before = await _read(running)
    await asyncio.sleep(_LOOK_SECONDS)
    return compare(before, await _read(running), now=time.time(), suspended=suspended.codes())


async def _read(running: Running) -> Reading:
    return await read(running.metrics_urls)


async def _watch(running: Running, settings: Settings, console: Console) -> None:
    readings: deque[Reading] = deque(maxlen=_WINDOW + 1)
    suspended = _Suspended(directory_of(settings))
    choice: Choice | None = Choice()
    async with reached_letters(settings) as letters, pressed() as keys:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while choice is not None:
                chosen = choice
                try:
                    readings.append(await _read(running))
                    snapshot = compare(
                        readings[0], readings[-1], now=time.time(), suspended=suspended.codes()
                    )
                    choice = await _let_choose(chosen, snapshot, letters, keys, live)
                except TransportError as error:
                    live.update(Text(f"{error.problem}\nq ends", "bold red"), refresh=True)
                    choice = await _wait(keys, chosen)


async def _let_choose(
    choice: Choice,
    snapshot: Snapshot,
    letters: DeadLetters,
    keys: "asyncio.Queue[str]",
    live: Live,
) -> Choice | None:
    """Show a snapshot and follow keys until the next one is due."""
    until = asyncio.get_running_loop().time() + _LOOK_SECONDS
    chosen: Choice | None = choice
    while chosen is not None:
        live.update(await _view(chosen, snapshot, letters, live.console), refresh=True)
        try:
            async with asyncio.timeout_at(until):
                key = await keys.get()
        except TimeoutError:
            break
        chosen = press(key, chosen, snapshot)
    return chosen


async def _wait(keys: "asyncio.Queue[str]", choice: Choice) -> Choice | None:
    """Wait before the next try; None when the operator has seen enough."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            while await keys.get() != "q":
                pass
    except TimeoutError:
        return choice
    return None


async def _view(
    choice: Choice, snapshot: Snapshot, letters: DeadLetters, console: Console
) -> Group:
    opened = [row for row in snapshot.agencies if row.agency == choice.opened]
    if not opened:
        return overview(snapshot, choice, width=console.width, height=console.height)
    return one_agency(opened[0], await _causes(letters, opened[0].agency))


async def _causes(letters: DeadLetters, agency: str) -> Sequence[Cause]:
    selection = Selection(mailbox=MailboxName(agency), states=NOT_BACK)
    return await letters.groups(selection, now=now())
