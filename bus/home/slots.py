"""Slots: the names of the workers of one home."""

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from bus.core.placement import WorkerName


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


@contextmanager
def worker_slot(folder: Path) -> Iterator[WorkerName]:
    """Take the first free slot of a home, for as long as the block or the process lasts.

    The successor of a worker that was killed finds the same slot free, so it has the same name and
    goes on with the same leases.

    Args:
        folder: Where the slots of the home are.

    Yields:
        The name of the worker: `<home>/<slot>`, with the first slot 1.
    """
    home = home_name(folder)
    for slot in count(1):
        with (folder / f"{slot}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield WorkerName(f"{home}/{slot}")
            return


def siblings_of(worker: WorkerName, *, workers: int) -> frozenset[WorkerName]:
    """The other workers of the home of a worker, when it has so many."""
    home = worker.rpartition("/")[0]
    return frozenset(WorkerName(f"{home}/{slot + 1}") for slot in range(workers)) - {worker}
