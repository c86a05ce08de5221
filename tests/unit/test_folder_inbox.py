"""What the folder endpoint does when a hand-over goes wrong half-way."""

import asyncio
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.contract import Offer, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from adapters.endpoints.parcel_writer import LARGE_BYTES
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError, RecipientError, TransportError
from tests.support.folders import context_of

A_DAY = 24 * 3600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "H24"


@pytest.fixture
def endpoint(root: Path) -> FolderEndpoint:
    return FolderEndpoint(context_of(root))


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


def below(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))


async def refusal(endpoint: FolderEndpoint, parcel: Parcel) -> str:
    with pytest.raises(RecipientError) as refused:
        await endpoint.offer(parcel)
    return refused.value.problem.code


def unmount(root: Path, *, mount_point: bool = False) -> None:
    root.rename(root.with_name("unmounted"))
    if mount_point:
        root.mkdir()


def mount(root: Path) -> None:
    if root.exists():
        root.rmdir()
    root.with_name("unmounted").rename(root)


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

    await endpoint.offer(parcel())
    await endpoint.offer(parcel())

    assert inbox(root) == {"letter.edxml": b"content"}


async def test_a_folder_that_is_away_is_not_made_anew(
    endpoint: FolderEndpoint, root: Path, tmp_path: Path
) -> None:
    unmount(root)

    assert await refusal(endpoint, parcel()) == "E_ENDPOINT_DOWN"
    assert root.name not in names(tmp_path)


async def test_a_file_of_the_agency_in_the_inbox_is_not_overwritten(
    endpoint: FolderEndpoint, root: Path
) -> None:
    (root / "inbox/documents/letter.edxml").write_bytes(b"the agency's own")

    await endpoint.offer(parcel())

    assert inbox(root) == {"letter.edxml": b"the agency's own", "letter-2.edxml": b"content"}


async def test_what_a_crash_left_goes_after_a_day_unless_it_is_still_to_be_handed_over(
    endpoint: FolderEndpoint, root: Path
) -> None:
    (root / "inbox/documents").rename(root / "unmounted")
    await refusal(endpoint, parcel())
    (root / "unmounted").rename(root / "inbox/documents")
    staging = root / ".staging"
    (staging / "abandoned.part").write_bytes(b"half")
    (staging / "recent.part").write_bytes(b"half")
    for path in staging.iterdir():
        if path.name != "recent.part":
            then = time.time() - A_DAY - 1
            os.utime(path, (then, then))

    restarted = FolderEndpoint(context_of(root))
    await restarted.offer(parcel())

    assert inbox(root) == {"letter.edxml": b"content"}
    assert set(names(staging)) == {"recent.part", "d1"}


@pytest.mark.parametrize("mount_point", [False, True], ids=["gone", "an empty mount point"])
async def test_folders_that_are_away_at_a_later_start_are_not_made_anew(
    root: Path, tmp_path: Path, mount_point: bool
) -> None:
    known = tmp_path / "known"
    await FolderEndpoint(context_of(root, state=known)).offer(parcel("d1"))
    unmount(root, mount_point=mount_point)
    restarted = FolderEndpoint(context_of(root, state=known))
    code = await refusal(restarted, parcel("d2", name="second.edxml"))
    made_anew = below(root)
    mount(root)
    await restarted.offer(parcel("d2", name="second.edxml"))

    assert code == "E_ENDPOINT_DOWN"
    assert made_anew == []
    assert set(inbox(root)) == {"letter.edxml", "second.edxml"}


async def test_what_fails_for_one_agency_concerns_no_other(tmp_path: Path) -> None:
    """Their hand-overs are carried together."""
    well, away, odd = (FolderEndpoint(context_of(tmp_path / code)) for code in ("A", "B", "C"))
    unmount(tmp_path / "B")

    def spoilt() -> Iterator[bytes]:
        yield b"half"
        raise AxisError.of("E_ATTACHMENT_AWAY", name="x", sha256="0" * 64)

    first, second, third, fourth = await asyncio.gather(
        well.offer(parcel("d1")),
        away.offer(parcel("d2")),
        odd.offer(replace(parcel("d3"), chunks=spoilt())),
        well.offer(parcel("d4", b"another")),
        return_exceptions=True,
    )

    assert first is fourth is Offer.COMPLETE
    assert isinstance(second, RecipientError)
    assert isinstance(third, TransportError)
    assert inbox(tmp_path / "A") == {"letter.edxml": b"content", "letter-2.edxml": b"another"}
    assert inbox(tmp_path / "C") == {}
    assert names(tmp_path / "C/.staging") == []


async def test_a_large_parcel_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    endpoint = FolderEndpoint(context_of(tmp_path / "A"))
    gate = threading.Event()

    def large() -> Iterator[bytes]:
        yield bytes(LARGE_BYTES)
        assert gate.wait(timeout=10)
        yield b"end"

    slow = asyncio.create_task(endpoint.offer(replace(parcel("d1", name="large"), chunks=large())))
    await asyncio.wait_for(endpoint.offer(parcel("d2")), timeout=10)
    gate.set()
    await slow

    assert inbox(tmp_path / "A") == {
        "letter.edxml": b"content",
        "large": bytes(LARGE_BYTES) + b"end",
    }


async def test_the_same_delivery_twice_at_once_appears_once(tmp_path: Path) -> None:
    endpoint = FolderEndpoint(context_of(tmp_path / "A"))

    await asyncio.gather(*(endpoint.offer(parcel("d1")) for _ in range(5)))

    assert inbox(tmp_path / "A") == {"letter.edxml": b"content"}
    assert names(tmp_path / "A/.staging") == ["d1"]
