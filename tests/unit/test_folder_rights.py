"""Rights that are missing: one file concerns itself alone, one folder is named, nothing repeats."""

import asyncio
import errno
import json
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.contract import Parcel, ParcelKind, Submission
from adapters.endpoints.folder import FolderEndpoint
from adapters.endpoints.folder_checks import must_be_movable
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, DocumentError, Problem, RecipientError
from tests.support.folders import context_of
from tests.support.somebody import as_somebody

SETTLE = timedelta(milliseconds=20)
READ_ONLY = 0o500


@pytest.fixture
def root() -> Iterator[Path]:
    with as_somebody() as folder:
        yield folder / "H24"


@pytest.fixture
def endpoint(root: Path) -> FolderEndpoint:
    return FolderEndpoint(context_of(root, settle=SETTLE))


def drop(root: Path, name: str) -> Path:
    path = root / "outbox" / name
    path.write_bytes(b"content")
    os.utime(path, (0, 0))
    return path


async def offered(endpoint: FolderEndpoint, count: int) -> dict[str, Submission]:
    async with asyncio.timeout(10):
        while len(seen := await endpoint.submissions()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return {submission.name: submission for submission in seen}


async def refusal(action: object) -> Problem:
    with pytest.raises(AxisError) as refused:
        await action  # type: ignore[misc]
    return refused.value.problem


def parcel() -> Parcel:
    return Parcel(
        delivery_id=DeliveryId("d1"),
        kind=ParcelKind.DOCUMENT,
        name="a.edxml",
        chunks=(b"content",),
    )


async def test_a_file_that_must_not_be_read_is_refused_and_its_neighbour_is_sent(
    endpoint: FolderEndpoint, root: Path
) -> None:
    drop(root, "closed").chmod(0)
    drop(root, "open")
    seen = await offered(endpoint, 2)

    with pytest.raises(DocumentError) as refused:
        endpoint.open(seen["closed"])
    endpoint.open(seen["open"]).close()
    await endpoint.refuse(seen["closed"], [refused.value.problem])
    await endpoint.accept(seen["open"])

    problem = refused.value.problem
    assert (problem.code, problem.params["name"]) == ("E_FILE_UNREADABLE", "closed")
    assert problem.params["cause"] == "EACCES"
    assert (root / "refused" / "closed").exists()
    report = json.loads((root / "refused" / "closed.error.json").read_bytes())
    assert report["problems"][0]["code"] == "E_FILE_UNREADABLE"
    assert (root / "sent" / "open").exists()


@pytest.mark.parametrize("folder", ["outbox", "sent", "refused", ".staging"])
async def test_before_a_file_is_sent_it_is_known_that_it_can_be_moved_away(
    endpoint: FolderEndpoint, root: Path, folder: str
) -> None:
    """The folder that does not allow it is named; receiving needs others."""
    drop(root, "letter")
    seen = await offered(endpoint, 1)
    (root / folder).chmod(READ_ONLY)

    with pytest.raises(RecipientError) as down:
        endpoint.open(seen["letter"])
    probed = await refusal(endpoint.probe(sending=True))
    if folder != ".staging":
        await endpoint.probe()

    assert down.value.problem.code == "E_ENDPOINT_DOWN"
    assert probed.code == "E_OUTBOX_DOWN"
    for problem in (down.value.problem, probed):
        assert f"H24/{folder}: permission denied" in problem.text()
    assert [path.name for path in (root / "outbox").iterdir()] == ["letter"]
    (root / folder).chmod(stat.S_IRWXU)
    await endpoint.probe(sending=True)
    endpoint.open(seen["letter"]).close()
    assert [path.name for path in (root / "outbox").iterdir()] == ["letter"]


@pytest.mark.parametrize("folder", ["inbox/documents", "inbox/statuses", ".staging"])
async def test_an_inbox_that_cannot_be_written_is_named_and_probed_as_it_is_used(
    endpoint: FolderEndpoint, root: Path, folder: str
) -> None:
    (root / folder).chmod(READ_ONLY)

    problems = [await refusal(endpoint.probe())]
    if folder != "inbox/statuses":
        problems.append(await refusal(endpoint.offer(parcel())))

    for problem in problems:
        assert problem.code == "E_ENDPOINT_DOWN"
        assert f"H24/{folder}: permission denied" in problem.text()
    (root / folder).chmod(stat.S_IRWXU)
    await endpoint.probe()
    await endpoint.offer(parcel())


def test_what_a_crash_left_of_a_trial_is_removed_at_the_next_start(root: Path) -> None:
    FolderEndpoint(context_of(root))
    for folder in ("outbox", "sent", "refused", ".staging", "inbox/documents"):
        (root / folder / ".trial-0123456789abcdef").touch()

    FolderEndpoint(context_of(root))

    assert list(root.rglob(".trial-*")) == []


async def test_a_file_that_stays_although_it_was_sent_is_told_and_not_offered_again(
    endpoint: FolderEndpoint, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever does not let it go; when its rights have changed, it is offered anew."""
    path = drop(root, "letter")
    seen = await offered(endpoint, 1)
    rename = Path.rename

    def denied(self: Path, target: Path) -> Path:
        if self.name == "letter":
            raise PermissionError(errno.EPERM, "not yours")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", denied)
    stays = await refusal(endpoint.accept(seen["letter"]))
    left = await endpoint.submissions()
    monkeypatch.undo()

    assert stays.code == "E_FILE_STAYS"
    assert path.exists()
    report = json.loads((root / "refused" / "letter.error.json").read_bytes())
    assert report["problems"][0]["code"] == "E_FILE_STAYS"
    assert left == ()
    path.chmod(0o640)
    assert (await offered(endpoint, 1)).keys() == {"letter"}


@pytest.mark.parametrize("owner", ["us", "somebody else"])
def test_who_may_remove_only_their_own_files_can_move_only_these(root: Path, owner: str) -> None:
    """A folder with the sticky bit."""
    root.mkdir()
    root.chmod(0o1777)
    letter = root / "letter"
    letter.touch()
    with letter.open("rb") as file:
        must_be_movable(file.fileno(), root)
        if owner == "us" or os.getuid() != 0:
            return
        os.seteuid(0)
        os.chown(letter, 0, 0)
        os.chown(root, 0, 0)
        os.seteuid(65534)
        with pytest.raises(PermissionError):
            must_be_movable(file.fileno(), root)
