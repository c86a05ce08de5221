"""What the folder endpoint does when a hand-over goes wrong half-way."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.contract import Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from schemas.identifiers import DeliveryId
from schemas.problem import RecipientError

A_DAY = 24 * 3600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "H24"


@pytest.fixture
def endpoint(root: Path) -> FolderEndpoint:
    return FolderEndpoint(root)


def parcel(delivery: str = "d1", *content: bytes, name: str = "letter.edxml") -> Parcel:
    return Parcel(
        delivery_id=DeliveryId(delivery),
        kind=ParcelKind.DOCUMENT,
        name=name,
        chunks=content or (b"content",),
    )


def inbox(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "inbox/documents").iterdir()}


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def refusal(endpoint: FolderEndpoint, parcel: Parcel) -> str:
    with pytest.raises(RecipientError) as refused:
        await endpoint.hand_over(parcel)
    return refused.value.problem.code


def unmount(root: Path) -> None:
    root.rename(root.with_name("unmounted"))


@contextmanager
def disk_full_beyond(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_hands_nothing_over_and_leaves_nothing_behind(
    endpoint: FolderEndpoint, root: Path
) -> None:
    with disk_full_beyond(1_000_000):
        code = await refusal(endpoint, parcel("d1", bytes(2_000_000)))

    assert code == "E_ENDPOINT_DOWN"
    assert inbox(root) == {}
    assert list((root / ".staging").iterdir()) == []


async def test_an_inbox_that_was_away_gets_the_parcel_once_it_is_back(
    endpoint: FolderEndpoint, root: Path
) -> None:
    documents = root / "inbox/documents"
    documents.rename(root / "unmounted")
    assert await refusal(endpoint, parcel()) == "E_ENDPOINT_DOWN"
    (root / "unmounted").rename(documents)

    await endpoint.hand_over(parcel())
    await endpoint.hand_over(parcel())

    assert inbox(root) == {"letter.edxml": b"content"}


async def test_a_folder_that_is_away_is_not_made_anew(
    endpoint: FolderEndpoint, root: Path, tmp_path: Path
) -> None:
    unmount(root)

    assert await refusal(endpoint, parcel()) == "E_ENDPOINT_DOWN"
    assert names(tmp_path) == ["unmounted"]


async def test_a_file_of_the_agency_in_the_inbox_is_not_overwritten(
    endpoint: FolderEndpoint, root: Path
) -> None:
    (root / "inbox/documents/letter.edxml").write_bytes(b"the agency's own")

    await endpoint.hand_over(parcel())

    assert inbox(root) == {"letter.edxml": b"the agency's own", "letter-2.edxml": b"content"}


async def test_what_a_crash_left_goes_after_a_day_unless_it_is_still_to_be_handed_over(
    endpoint: FolderEndpoint, root: Path
) -> None:
    (root / "inbox/documents").rename(root / "unmounted")
    await refusal(endpoint, parcel())
    (root / "unmounted").rename(root / "inbox/documents")
    staging = root / ".staging"
    (staging / "abandoned").write_bytes(b"half")
    (staging / "recent").write_bytes(b"half")
    for path in staging.iterdir():
        if path.name != "recent":
            then = time.time() - A_DAY - 1
            os.utime(path, (then, then), follow_symlinks=False)

    restarted = FolderEndpoint(root)
    await restarted.hand_over(parcel())

    assert inbox(root) == {"letter.edxml": b"content"}
    left = {path.name for path in staging.iterdir() if not path.is_symlink()}
    assert left == {"recent"}
