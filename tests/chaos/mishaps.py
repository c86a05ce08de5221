"""Mishaps: what befalls a running axis, one after the other. Each is over when its block is."""

import asyncio
import os
import random
import signal
import sqlite3
from collections.abc import Awaitable, Callable

from tests.chaos.up import Up
from tests.support.mortal import memory_alarm

Mishap = Callable[[Up, random.Random], Awaitable[str]]
"""Harms the axis, mends what it must mend itself, and says what it did."""


async def worker_killed(up: Up, choose: random.Random) -> str:
    """Kill -9 of a worker; the parent starts it again."""
    pids = up.worker_pids()
    if not pids:
        return "no worker there to kill"
    os.kill(choose.choice(pids), signal.SIGKILL)
    return "a worker killed"


async def worker_stopped(up: Up, choose: random.Random) -> str:
    """SIGTERM to a worker; the parent starts it again."""
    pids = up.worker_pids()
    if not pids:
        return "no worker there to stop"
    os.kill(choose.choice(pids), signal.SIGTERM)
    return "a worker told to stop"


async def axis_killed(up: Up, _: random.Random) -> str:
    """Kill -9 of `up`; workers and broker end by themselves, and the next start finds all."""
    await up.kill()
    await up.start()
    return "up killed and started again"


async def axis_restarted(up: Up, _: random.Random) -> str:
    """SIGTERM to `up`, and a start."""
    await up.stop()
    await up.start()
    return "up stopped and started again"


async def broker_killed(up: Up, _: random.Random) -> str:
    """Kill -9 of the node; its keeper starts it again, `up` goes on."""
    os.kill(up.broker_pid(), signal.SIGKILL)
    return "the broker killed"


async def broker_frozen(up: Up, choose: random.Random) -> str:
    """The node stands still for a while."""
    pid, seconds = up.broker_pid(), choose.uniform(2, 10)
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
    return f"the broker frozen for {seconds:.0f} s"


async def memory_short(up: Up, choose: random.Random) -> str:
    """The broker's memory alarm."""
    seconds = choose.uniform(2, 8)
    async with memory_alarm(up.node()):
        await asyncio.sleep(seconds)
    return f"memory alarm for {seconds:.0f} s"


async def database_locked(up: Up, choose: random.Random) -> str:
    """Somebody writes to the store and does not come to an end."""
    seconds = choose.uniform(2, 10)
    other = sqlite3.connect(up.database, isolation_level=None, timeout=30)
    try:
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(seconds)
    finally:
        other.close()
    return f"the database locked for {seconds:.0f} s"


async def folder_away(up: Up, choose: random.Random) -> str:
    """An agency's disk is not mounted for a while."""
    code, seconds = choose.choice(up.codes), choose.uniform(2, 10)
    home, elsewhere = up.folders.folder(code), up.home / "not mounted"
    home.rename(elsewhere)
    try:
        await asyncio.sleep(seconds)
    finally:
        elsewhere.rename(home)
    return f"the folder of {code} away for {seconds:.0f} s"


MISHAPS: tuple[Mishap, ...] = (
    worker_killed,
    worker_stopped,
    axis_killed,
    axis_restarted,
    broker_killed,
    broker_frozen,
    memory_short,
    database_locked,
    folder_away,
)


class Deck:
    """All mishaps in a random order, again and again: a short run too has seen each of them."""

    def __init__(self, choose: random.Random) -> None:
        self._choose = choose
        self._cards: list[Mishap] = []

    def draw(self) -> Mishap:
        """The next one."""
        if not self._cards:
            self._cards = self._choose.sample(MISHAPS, len(MISHAPS))
        return self._cards.pop()
