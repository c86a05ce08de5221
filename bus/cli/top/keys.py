"""Keys: what an operator presses, and what it changes in the choice."""

import asyncio
import os
import sys
import termios
import tty
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import StrEnum

from bus.cli.top.snapshot import AgencyRow, Snapshot
from bus.cli.top.view import BY_KEY, Choice, rows_of


class Key(StrEnum):
    """Keys that are no character."""

    UP = "up"
    DOWN = "down"
    ENTER = "enter"
    ESCAPE = "escape"
    BACKSPACE = "backspace"


_SEQUENCES = {
    "\x1b[A": Key.UP,
    "\x1bOA": Key.UP,
    "\x1b[B": Key.DOWN,
    "\x1bOB": Key.DOWN,
    "\r": Key.ENTER,
    "\n": Key.ENTER,
    "\x1b": Key.ESCAPE,
    "\x7f": Key.BACKSPACE,
    "\x08": Key.BACKSPACE,
}
_MOST_BYTES = 1024


@asynccontextmanager
async def pressed() -> AsyncIterator["asyncio.Queue[str]"]:
    """The keys that are pressed, one by one; the terminal is put back at the exit."""
    keys: asyncio.Queue[str] = asyncio.Queue()
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    loop = asyncio.get_running_loop()

    def take() -> None:
        for key in keys_in(os.read(terminal, _MOST_BYTES).decode("utf-8", "ignore")):
            keys.put_nowait(key)

    tty.setcbreak(terminal)
    loop.add_reader(terminal, take)
    try:
        yield keys
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def keys_in(text: str) -> list[str]:
    """The keys that a terminal reports with these characters."""
    keys = []
    while text:
        length = 3 if text[:2] in {"\x1b[", "\x1bO"} else 1
        said, text = text[:length], text[length:]
        key = _SEQUENCES.get(said, said)
        if isinstance(key, Key) or key.isprintable():
            keys.append(key)
    return keys


def press(key: str, choice: Choice, snapshot: Snapshot) -> Choice | None:
    """The choice after a key; None: the operator has seen enough."""
    if choice.typing:
        return _typed(key, choice)
    if key == "q":
        return None
    if choice.opened is not None:
        back = key in {Key.ESCAPE, Key.BACKSPACE, Key.ENTER}
        return replace(choice, opened=None) if back else choice
    return _moved(key, choice, rows_of(snapshot, choice))


def _moved(key: str, choice: Choice, rows: Sequence[AgencyRow]) -> Choice:
    last = max(0, len(rows) - 1)
    at = min(choice.cursor, last)
    match key:
        case Key.UP:
            changes: dict[str, object] = {"cursor": max(0, at - 1)}
        case Key.DOWN:
            changes = {"cursor": min(last, at + 1)}
        case Key.ENTER:
            changes = {"opened": rows[at].agency if rows else None}
        case Key.ESCAPE:
            changes = {"filter": "", "cursor": 0}
        case "/":
            changes = {"typing": True, "filter": "", "cursor": 0}
        case _:
            changes = {"sort": BY_KEY[key], "cursor": 0} if key in BY_KEY else {}
    return replace(choice, **changes)  # type: ignore[arg-type]


def _typed(key: str, choice: Choice) -> Choice:
    match key:
        case Key.ENTER:
            return replace(choice, typing=False)
        case Key.ESCAPE:
            return replace(choice, typing=False, filter="")
        case Key.BACKSPACE:
            return replace(choice, filter=choice.filter[:-1])
        case Key():
            return choice
        case _:
            return replace(choice, filter=choice.filter + key, cursor=0)
