"""Slots: numbered lock files, from which the workers of one home get their names."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path

from bus.core.placement import WorkerName

DEAD_LETTERS = "dead-letters"

_LOOK_EVERY_SECONDS = 0.02


def home_name(folder: Path) -> str:
    """The name of a home among all homes of one database: a random word, made at the first call."""
    file = folder / "name"
    with suppress(FileExistsError):
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".name-{secrets.token_hex(8)}"
        draft.write_text(secrets.token_hex(4))
        try:
            # Of two processes that do this at the same time, one fails, and reads the other's word.
            file.hardlink_to(draft)
        finally:
            draft.unlink()
    return file.read_text()


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """The place of one worker in its home.

    Attributes:
        name: The name of the worker: `<home>/<number>`.
        number: From 1.
        after_crash: The worker that had the slot before was killed or has crashed.
    """

    name: WorkerName
    number: int
    after_crash: bool


@contextmanager
def worker_slot(folder: Path) -> Iterator[Slot]:
    """Take the first free slot of a home until the block or the process ends.

    A worker that replaces a killed one finds the same slot free. So it has the same name and
    continues the same leases.

    Args:
        folder: The slots of the home.
    """
    home = home_name(folder)
    for number in count(1):
        with (folder / f"{number}.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            lock.seek(0)
            crashed = bool(lock.read())
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            try:
                yield Slot(name=WorkerName(f"{home}/{number}"), number=number, after_crash=crashed)
            finally:
                # Not reached when the process is killed: then the next worker finds the number.
                lock.truncate(0)
            return


def await_free_slots(folder: Path, deadline: timedelta) -> int | None:
    """Wait until all workers of a home have ended. Blocking.

    Returns:
        The process id of a worker that runs after the deadline; None: all have ended.
    """
    until = time.monotonic() + deadline.total_seconds()
    for path in sorted(folder.glob("*.lock")):
        with path.open("r") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    if time.monotonic() > until:
                        return int(lock.read() or 0)
                    time.sleep(_LOOK_EVERY_SECONDS)
                else:
                    break
    return None


def workers_of(folder: Path, *, workers: int) -> tuple[WorkerName, ...]:
    """The names of the first `workers` workers of a home."""
    return tuple(WorkerName(f"{home_name(folder)}/{slot + 1}") for slot in range(workers))


def dead_letters_name(folder: Path) -> WorkerName:
    """The name of the process that works on the dead letters of a home."""
    return WorkerName(f"{home_name(folder)}/{DEAD_LETTERS}")
