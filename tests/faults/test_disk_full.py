"""The attachment store's disk fills up in the middle of a file."""

import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.core.events import WorkStalled
from tests.acceptance.packets import a_packet
from tests.faults.axis import eventually, failures_of, found_site
from tests.faults.worker import Errand, WorkerProcess, worker_of
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.rabbit_bus import VirtualHost

ROOM_BYTES = 2 * 1024**2
FILE = {"ban-do.txt": b"0123456789abcdef" * (256 * 1024)}
"""Twice the room. The limit also holds for the database's log, which stays far below it."""


def set_limit(process: WorkerProcess, limit: int) -> None:
    """No file of the process may grow beyond it: to the store that is a full disk (EFBIG)."""
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def limit_room(worker: WorkerProcess, _: Path) -> None:
    set_limit(worker, ROOM_BYTES)


def lift_limit(worker: WorkerProcess, _: Path) -> None:
    set_limit(worker, resource.RLIM_INFINITY)


def leave_room(_worker: WorkerProcess, _: Path) -> None:
    """The file system was mounted too small."""


def enlarge(worker: WorkerProcess, folder: Path) -> None:
    """Make the file system larger, inside the worker's mount namespace."""
    into = ["nsenter", "--target", str(worker.process.pid), "--mount"]
    subprocess.run([*into, "mount", "-o", "remount,size=64m", str(folder)], check=True)


def through_small_disk(folder: Path) -> list[str]:
    """Start a worker in a mount namespace of its own, a small file system under its store."""
    mount = f'mount -t tmpfs -o size={ROOM_BYTES} tmpfs "$0" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, str(folder)]


def _may_mount() -> bool:
    """Only root may, and not in every container."""
    if os.geteuid() or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return False
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


Change = Callable[[WorkerProcess, Path], None]
DISKS: dict[str, tuple[bool, Change, Change]] = {"limited": (False, limit_room, lift_limit)}
if _may_mount():
    DISKS["small file system"] = (True, leave_room, enlarge)


@pytest.mark.parametrize("disk", DISKS)
async def test_a_file_that_finds_no_room_waits_in_its_outbox_until_there_is_some(
    vhost: VirtualHost, tmp_path: Path, disk: str
) -> None:
    """Bad day 23: no half file is ever visible, others go on, and nobody is refused."""
    mounted, fill, make_room = DISKS[disk]
    site = await found_site(vhost, tmp_path)
    folders, store = site.folders, tmp_path / "attachments"
    store.mkdir()
    through = through_small_disk(store) if mounted else []
    large = a_packet(sender=SENDER, receivers=[RECIPIENT], number="1", files=FILE)
    async with worker_of(Errand(site=site), through) as worker, failures_of(site) as failures:
        seen = Path(f"/proc/{worker.process.pid}/root") / store.relative_to("/")
        fill(worker, store)
        folders.drop(SENDER, "large.edxml", large)
        await eventually(lambda: "E_STORE_FULL" in "".join(worker.told(WorkStalled)))
        small = a_packet(
            sender=RECIPIENT, receivers=[SENDER], number="2", files={"a.txt": b"small"}
        )
        folders.drop(RECIPIENT, "small.edxml", small)
        await eventually(lambda: folders.statuses(RECIPIENT))
        visible = [path for path in seen.glob("??/??/*") if path.stat().st_size != len(b"small")]
        waiting = folders.outbox(SENDER)
        make_room(worker, store)
        await eventually(lambda: folders.statuses(SENDER))

    assert visible == []
    assert waiting == ["large.edxml"]
    assert folders.sent(SENDER) == ["large.edxml"]
    assert folders.refused(SENDER) == []
    [arrived] = (folders.folder(RECIPIENT) / "inbox/documents").iterdir()
    assert arrived.stat().st_size > sum(map(len, FILE.values()))
    assert failures.messages == []
