"""Slots: the names of the workers of one home."""

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
            # Of two processes that make it at once, one wins, and both read its word.
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
        after_crash: The worker that had the slot before did not end in order.
    """

    name: WorkerName
    number: int
    after_crash: bool


@contextmanager
def worker_slot(folder: Path) -> Iterator[Slot]:
    """Take the first free slot of a home, for as long as the block or the process lasts.

    The successor of a worker that was killed finds the same slot free, so it has the same name and
    goes on with the same leases.

    Args:
        folder: Where the slots of the home are.
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
                # Not reached when the process is killed: then the slot says so to its successor.
                lock.truncate(0)
            return


def await_free_slots(folder: Path, deadline: timedelta) -> int | None:
    """Wait until no worker of a home is left. Blocking.

    Returns:
        The process id of a worker that is still there after the deadline; None: there is none.
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
    """The names of the workers of a home, when it has so many."""
    return tuple(WorkerName(f"{home_name(folder)}/{slot + 1}") for slot in range(workers))


def dead_letters_name(folder: Path) -> WorkerName:
    """Under which the process of the dead letters of a home is found among those that run."""
    return WorkerName(f"{home_name(folder)}/{DEAD_LETTERS}")
