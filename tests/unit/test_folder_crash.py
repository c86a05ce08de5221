"""Workers killed again and again in the middle of hand-overs, while the agency takes files away."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from adapters.contract import Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from adapters.endpoints.inbox import NOTE_SUFFIX
from schemas.identifiers import DeliveryId
from tests.support.folders import context_of

ROOT = Path(__file__).parents[2]
CHUNKS, CHUNK_BYTES = 8, 8 * 1024
AT_ONCE = 4
KILLS = 40
MOST_BEGUN = 4 * AT_ONCE
LINE_BYTES = len("delivery0\n")
OPERATIONS = {"open", "os.rename", "os.link", "os.remove"}
LEAST_OPERATIONS = 4


def content(delivery: str) -> Iterator[bytes]:
    """Content that proves that it is whole: chunks, then their digest."""
    body = [random.Random(f"{delivery}{n}").randbytes(CHUNK_BYTES) for n in range(CHUNKS)]
    yield from body
    yield sha256(b"".join(body)).digest()
    yield delivery.encode()


def whole(taken: bytes) -> str:
    """The delivery that was taken."""
    size = CHUNKS * CHUNK_BYTES
    assert taken[size : size + 32] == sha256(taken[:size]).digest()
    return taken[size + 32 :].decode()


def parcel(delivery: str, *, noted: bool = False) -> Parcel:
    return Parcel(
        delivery_id=DeliveryId(delivery),
        kind=ParcelKind.DOCUMENT,
        name="the same name for all.edxml",
        chunks=content(delivery),
        note=delivery.encode() if noted else None,
    )


async def work(root: Path, deliveries: Iterator[int]) -> None:
    """What a worker does: hand over what is not recorded as done, record it, forget it."""
    endpoint = FolderEndpoint(context_of(root))
    done = set((root / "done").read_text().split())

    async def lane() -> None:
        for number in deliveries:
            delivery = f"delivery{number}"
            if delivery in done:
                continue
            record(root / "begun", delivery)
            await endpoint.offer(parcel(delivery))
            record(root / "done", delivery)
            await endpoint.forget(DeliveryId(delivery))

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))


def record(file: Path, line: str) -> None:
    with file.open("a") as log:
        log.write(f"{line}\n")


def fork(run: Callable[[], None]) -> int:
    """Run in a copy of this small process: it is at work within milliseconds."""
    worker = os.fork()
    if worker == 0:
        status = 1
        try:
            run()
            status = 0
        finally:
            os._exit(status)
    return worker


def kill_at_random(root: Path) -> None:
    """Kill workers that would never end; let the last one finish what was begun."""
    for _ in range(KILLS):
        enough = (root / "begun").stat().st_size + random.randint(1, MOST_BEGUN) * LINE_BYTES
        worker = fork(lambda: asyncio.run(work(root, count())))
        while (root / "begun").stat().st_size < enough:
            assert os.waitpid(worker, os.WNOHANG) == (0, 0)
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.01))
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
    begun = len(set((root / "begun").read_text().split()))
    asyncio.run(work(root, iter(range(begun))))


def attempt(root: Path, delivery: str, *, noted: bool, fatal: int | None = None) -> int:
    """Hand over in a process that is killed before its `fatal`-th operation; its wait status."""
    operations = count(1)

    def watch(event: str, _: object) -> None:
        if event in OPERATIONS and next(operations) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def hand_over() -> None:
        endpoint = FolderEndpoint(context_of(root))
        sys.addaudithook(watch)
        asyncio.run(endpoint.offer(parcel(delivery, noted=noted)))

    return os.waitpid(fork(hand_over), 0)[1]


def kill_before_each_operation(root: Path, *, noted: bool = False) -> None:
    """Until there is none left, kill the first attempt, let the agency take, and try again."""
    for fatal in count(1):
        delivery, taken = f"delivery{fatal}", Counter[str]()
        status = attempt(root, delivery, noted=noted, fatal=fatal)
        take_away(root / "inbox/documents", taken, noted=noted)
        assert attempt(root, delivery, noted=noted) == 0
        take_away(root / "inbox/documents", taken, noted=noted)
        assert taken == Counter([delivery]), f"killed before operation {fatal}"
        assert not list((root / "inbox/documents").iterdir()), f"a note without its parcel: {fatal}"
        if status == 0:
            assert fatal > LEAST_OPERATIONS
            return


def take_away(inbox: Path, taken: Counter[str], *, noted: bool = False) -> None:
    """Take the parcels and the notes about them; each has one, when they are noted."""
    for path in inbox.iterdir():
        if path.name.endswith(NOTE_SUFFIX):
            continue
        delivery = whole(path.read_bytes())
        taken[delivery] += 1
        if noted:
            note = path.with_name(path.name + NOTE_SUFFIX)
            assert note.read_text() == delivery
            note.unlink()
        path.unlink()


@pytest.mark.parametrize("what", ["before each", "before each, with notes"])
def test_a_kill_before_any_operation_on_files_neither_loses_nor_repeats(
    tmp_path: Path, what: str
) -> None:
    subprocess.run(
        [sys.executable, __file__, what, tmp_path / "H24"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )


def test_nothing_is_lost_nothing_comes_twice_and_nothing_half_is_seen(tmp_path: Path) -> None:
    root = tmp_path / "H24"
    FolderEndpoint(context_of(root))
    (root / "done").touch()
    (root / "begun").touch()
    taken: Counter[str] = Counter()

    with subprocess.Popen(
        [sys.executable, __file__, "at random", root],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as killer:
        while killer.poll() is None:
            take_away(root / "inbox/documents", taken)
    take_away(root / "inbox/documents", taken)

    assert killer.returncode == 0
    begun = set((root / "begun").read_text().split())
    assert len(begun) > KILLS
    assert taken == Counter(begun)


if __name__ == "__main__":
    kills: dict[str, Callable[[Path], None]] = {
        "at random": kill_at_random,
        "before each": kill_before_each_operation,
        "before each, with notes": partial(kill_before_each_operation, noted=True),
    }
    kills[sys.argv[1]](Path(sys.argv[2]))
