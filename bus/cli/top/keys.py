"""Keys: which key an operator pressed, and how it changes what is shown."""

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
from bus.cli.top.view import BY_KEY, ViewState, rows_of


class Key(StrEnum):
    """Keys that are not characters."""

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
    """The keys that are pressed, one by one; at the exit the terminal works as before."""
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
        characters, text = text[:length], text[length:]
        key = _SEQUENCES.get(characters, characters)
        if isinstance(key, Key) or key.isprintable():
            keys.append(key)
    return keys


def press(key: str, state: ViewState, snapshot: Snapshot) -> ViewState | None:
    """The state after a key; None: the operator ends the command."""
    if state.typing:
        return _typed(key, state)
    if key == "q":
        return None
    if state.opened is not None:
        back = key in {Key.ESCAPE, Key.BACKSPACE, Key.ENTER}
        return replace(state, opened=None) if back else state
    return _moved(key, state, rows_of(snapshot, state))


def _moved(key: str, state: ViewState, rows: Sequence[AgencyRow]) -> ViewState:
    last = max(0, len(rows) - 1)
    at = min(state.cursor, last)
    match key:
        case Key.UP:
            return replace(state, cursor=max(0, at - 1))
        case Key.DOWN:
            return replace(state, cursor=min(last, at + 1))
        case Key.ENTER:
            return replace(state, opened=rows[at].agency if rows else None)
        case Key.ESCAPE:
            return replace(state, filter="", cursor=0)
        case "/":
            return replace(state, typing=True, filter="", cursor=0)
        case _:
            return replace(state, sort=BY_KEY[key], cursor=0) if key in BY_KEY else state


def _typed(key: str, state: ViewState) -> ViewState:
    match key:
        case Key.ENTER:
            return replace(state, typing=False)
        case Key.ESCAPE:
            return replace(state, typing=False, filter="")
        case Key.BACKSPACE:
            return replace(state, filter=state.filter[:-1])
        case Key():
            return state
        case _:
            return replace(state, filter=state.filter + key, cursor=0)
