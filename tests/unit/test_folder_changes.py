"""The folder endpoint reports what appears in an outbox, and takes a renamed file at once."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.endpoints import changes
from adapters.endpoints.folder import FolderEndpoint
from schemas.problem import Problem
from tests.support.folders import context_of

HOUR = timedelta(hours=1)
SHORT = timedelta(milliseconds=50)


def dropped(root: Path, name: str) -> None:
    """Write a file beside the outbox and rename it into the outbox."""
    draft = root / f"draft-{name}"
    draft.write_bytes(b"content")
    draft.rename(root / "outbox" / name)


async def names(endpoint: FolderEndpoint) -> list[str]:
    return [submission.name for submission in await endpoint.submissions()]


@asynccontextmanager
async def change(endpoint: FolderEndpoint) -> AsyncIterator[None]:
    """What is done in the block is reported after it."""
    changed = asyncio.create_task(endpoint.changed())
    await asyncio.sleep(0)
    yield
    await within(changed)


async def within(work: Awaitable[None]) -> None:
    async with asyncio.timeout(10):
        await work


async def test_a_file_that_was_renamed_into_the_outbox_is_complete_at_once(tmp_path: Path) -> None:
    root = tmp_path / "H24"
    endpoint = FolderEndpoint(context_of(root, settle=HOUR))

    async with change(endpoint):
        dropped(root, "letter")

    assert await names(endpoint) == ["letter"]


async def test_a_renamed_file_that_somebody_still_writes_to_is_not_taken(tmp_path: Path) -> None:
    root = tmp_path / "H24"
    endpoint = FolderEndpoint(context_of(root, settle=HOUR))

    with (tmp_path / "draft").open("wb") as file:
        async with change(endpoint):
            (tmp_path / "draft").rename(root / "outbox/letter")
        assert await names(endpoint) == []
        file.write(b"the rest")


async def test_a_renamed_file_that_is_written_anew_must_rest(tmp_path: Path) -> None:
    root = tmp_path / "H24"
    endpoint = FolderEndpoint(context_of(root, settle=HOUR))

    async with change(endpoint):
        dropped(root, "letter")
    async with change(endpoint):
        (root / "outbox/letter").write_bytes(b"another content")

    assert await names(endpoint) == []


async def test_a_file_that_is_written_in_place_must_rest_and_is_then_reported(
    tmp_path: Path,
) -> None:
    root = tmp_path / "H24"
    endpoint = FolderEndpoint(context_of(root, settle=SHORT))

    async with change(endpoint):
        (root / "outbox/letter").write_bytes(b"content")
    while not (found := await names(endpoint)):
        await within(endpoint.changed())

    assert found == ["letter"]


async def test_nothing_is_reported_while_nothing_changes(tmp_path: Path) -> None:
    endpoint = FolderEndpoint(context_of(tmp_path / "H24"))

    changed = asyncio.create_task(endpoint.changed())
    await asyncio.wait([changed], timeout=2 * changes.UNWATCHED_LOOK_SECONDS)

    assert not changed.done()
    changed.cancel()


async def test_a_change_is_reported_to_everybody_who_waits(tmp_path: Path) -> None:
    root = tmp_path / "H24"
    endpoint = FolderEndpoint(context_of(root))

    async with change(endpoint), change(endpoint):
        dropped(root, "letter")


async def test_folders_that_were_away_are_watched_again(tmp_path: Path) -> None:
    root = tmp_path / "H24"
    endpoint = FolderEndpoint(context_of(root, settle=HOUR))
    await within(_once(endpoint, root, "first"))

    root.rename(tmp_path / "away")
    await within(endpoint.changed())
    (root / "outbox").mkdir(parents=True)

    async with change(endpoint):
        dropped(root, "second")


def test_one_instance_of_inotify_serves_all_agencies(tmp_path: Path) -> None:
    asyncio.run(_serve_a_thousand(tmp_path))


async def _serve_a_thousand(tmp_path: Path) -> None:
    """In a loop of its own, as a process has."""
    before = len(instances())
    endpoints = [FolderEndpoint(context_of(tmp_path / f"H{n}")) for n in range(1000)]
    waiting = [asyncio.create_task(endpoint.changed()) for endpoint in endpoints]
    await asyncio.sleep(0)
    assert len(instances()) == before + 1

    dropped(tmp_path / "H500", "letter")
    await within(waiting.pop(500))

    assert not any(task.done() for task in waiting)
    for endpoint in endpoints:
        await endpoint.close()
    async with asyncio.timeout(10):
        while len(instances()) != before:  # noqa: ASYNC110 (the kernel says nothing of it)
            await asyncio.sleep(0)
    for task in waiting:
        task.cancel()


async def test_the_successor_of_an_endpoint_goes_on_when_that_is_closed(tmp_path: Path) -> None:
    root = tmp_path / "H24"
    before, after = FolderEndpoint(context_of(root)), FolderEndpoint(context_of(root))
    await _once(before, root, "first")
    await _once(after, root, "second")

    await before.close()

    await within(_once(after, root, "third"))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.ENOSYS])
async def test_an_outbox_that_cannot_be_watched_is_looked_into_and_said_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The limit of watches is reached, or this is no Linux."""
    from asyncinotify import Inotify  # noqa: PLC0415

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Inotify, "add_watch", refuse)
    told: list[Problem] = []
    endpoints = [
        FolderEndpoint(context_of(tmp_path / code, warn=told.append)) for code in ("A", "B")
    ]

    for endpoint in endpoints:
        await within(endpoint.changed())
        await within(endpoint.changed())

    assert [problem.code for problem in told] == ["E_OUTBOX_NOT_WATCHED"]


async def test_a_network_file_system_is_looked_into_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other machines change files there, and this kernel reports nothing of it."""
    stat = os.stat(tmp_path)  # noqa: PTH116 (one that does not wait)
    device = f"{os.major(stat.st_dev)}:{os.minor(stat.st_dev)}"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 2 {device} / / rw - nfs4 server:/share rw\n", encoding="utf-8")
    monkeypatch.setattr(changes, "MOUNTS", mounts)
    told: list[Problem] = []
    endpoint = FolderEndpoint(context_of(tmp_path / "H24", warn=told.append))

    await within(endpoint.changed())

    [problem] = told
    assert problem.text() == (
        "The outbox of H24 is checked every second, because it cannot be watched: "
        "the kernel does not see every change on the file system nfs4."
    )


async def _once(endpoint: FolderEndpoint, root: Path, name: str) -> None:
    async with change(endpoint):
        dropped(root, name)


def instances() -> list[Path]:
    """The open inotify instances of this process."""
    found = []
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            if "inotify" in str(path.readlink()):
                found.append(path)
    return found
