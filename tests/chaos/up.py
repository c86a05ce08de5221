"""Up: drives `lienthong up` from outside: starts it, kills it and what belongs to it.

Everything that is known of a running axis is here: its processes, its folders, its broker.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bus.core.dead_letters.letter import DeadLetter, LetterState
from bus.core.dead_letters.selection import Selection
from bus.core.topology import MAILBOX_QUEUES
from bus.home.layout import Home
from bus.rabbit.management import Management
from bus.rabbit.node import PrivateNode
from bus.rabbit.residence import Identity, pids_in
from bus.store.sql import open_dead_letters
from tests.support.folders import Folders
from tests.support.rabbit_bus import installation

START = timedelta(seconds=120)
_LOOK_SECONDS = 0.05
_MOST_LETTERS = 100_000


class EndedByItselfError(Exception):
    """`up` has ended, and nobody had asked it to."""


@dataclass
class Up:
    """`lienthong up` on a home, with the broker that it starts."""

    home: Path
    codes: tuple[str, ...]
    workers: int = 2
    starts: int = 0
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def folders(self) -> Folders:
        """What the agencies' systems see."""
        return Folders(Home(self.home).agencies)

    @property
    def database(self) -> Path:
        """The store of the workers."""
        return self.home / "lienthong.db"

    @property
    def log(self) -> Path:
        """Everything that was said."""
        return self.home / "up.log"

    # --- its life ---

    async def start(self) -> None:
        """Start, and wait until it is up. Raises `EndedByItselfError`."""
        self.starts += 1
        self._process = self._launch()
        async with asyncio.timeout(START.total_seconds()):
            while not self._is_up():  # noqa: ASYNC110 (a file announces nothing)
                await asyncio.sleep(_LOOK_SECONDS)

    def check(self) -> None:
        """Raise `EndedByItselfError` when it no longer runs."""
        if self._running.poll() is not None:
            raise EndedByItselfError(f"exit code {self._running.returncode}: see {self.log}")

    async def kill(self) -> None:
        """Kill -9 of the parent: broker and workers must end by themselves."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and wait for its end in order."""
        await self._end(signal.SIGTERM)

    async def end(self) -> None:
        """Stop it, if it still runs; whatever does not stop is killed."""
        if self._process is not None and self._process.poll() is None:
            try:
                async with asyncio.timeout(START.total_seconds()):
                    await self.stop()
            except TimeoutError:
                await self.kill()

    # --- what belongs to it ---

    def worker_pids(self) -> list[int]:
        """The workers that run now: children of the parent, found through /proc."""
        return [
            pid
            for pid in _children(self._running.pid)
            if b"\0worker\0" in _read(Path(f"/proc/{pid}/cmdline"))
        ]

    def broker_pid(self) -> int:
        """The Erlang machine of the private node."""
        return pids_in(self._node_folder)[0]

    def node(self) -> PrivateNode:
        """The private node, for the tools that come with it; it is neither started nor stopped."""
        found = installation()
        assert found is not None
        node = PrivateNode(found, self._node_folder)
        node._identity = Identity(**json.loads((self._node_folder / "node.json").read_text()))
        return node

    async def waiting(self) -> int:
        """Messages in the mailboxes, by the management interface."""
        running = Home(self.home).running()
        assert running is not None
        async with Management(running.management_url) as management:
            queues = await management.queues()
        return sum(queue.messages or 0 for queue in queues if queue.name.startswith(MAILBOX_QUEUES))

    async def parked(self) -> list[DeadLetter]:
        """The dead letters that are not on their way back."""
        states = (LetterState.WAITING, LetterState.PARKED, LetterState.QUARANTINED)
        async with open_dead_letters(f"sqlite:///{self.home / 'failures.db'}") as letters:
            return list(await letters.find(Selection(states=states), limit=_MOST_LETTERS))

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        assert self._process is not None, "it was never started"
        return self._process

    @property
    def _node_folder(self) -> Path:
        return self.home / "rabbitmq"

    def _launch(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-m", "bus.cli", "up", "--home", str(self.home)),
                    *("--agencies", ",".join(self.codes), "--workers", str(self.workers)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "LIENTHONG_LOG_STYLE": "json"},
            )

    def _is_up(self) -> bool:
        self.check()
        running = Home(self.home).running()
        return running is not None and running.pid == self._running.pid

    async def _end(self, number: signal.Signals) -> None:
        self.check()
        self._running.send_signal(number)
        await asyncio.to_thread(self._running.wait)


def _children(parent: int) -> list[int]:
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _parent_of(entry) == parent
    ]


def _parent_of(process: Path) -> int | None:
    # The name, in brackets, may hold spaces.
    fields = _read(process / "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else None


def _read(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""
