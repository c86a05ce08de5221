"""What only a disk can do to attachments: fill up, rot, and keep what a crash left."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import SEEK_END
from pathlib import Path

import pytest

from bus.attachments.folder import FolderAttachments
from schemas.problem import DocumentError, TransportError

NOW = datetime.now(UTC)


@pytest.fixture
def store(tmp_path: Path) -> FolderAttachments:
    return FolderAttachments(tmp_path, now=NOW)


def keep(store: FolderAttachments, content: bytes) -> str:
    writer = store.begin()
    writer.write(content)
    return writer.keep().sha256


def files(root: Path) -> list[Path]:
    return [path.relative_to(root) for path in root.rglob("*") if path.is_file()]


@contextmanager
def disk_full_beyond(size: int) -> Iterator[None]:
    """The kernel refuses to let any file grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_lies_under_its_digest(store: FolderAttachments, tmp_path: Path) -> None:
    digest = keep(store, b"content")

    assert files(tmp_path) == [Path(digest[:2], digest[2:4], digest)]


def test_the_same_bytes_twice_take_the_room_of_one(
    store: FolderAttachments, tmp_path: Path
) -> None:
    keep(store, b"circular")
    keep(store, b"circular")

    assert len(files(tmp_path)) == 1


def test_a_full_disk_refuses_cleanly_and_nothing_is_left(
    store: FolderAttachments, tmp_path: Path
) -> None:
    writer = store.begin()

    with disk_full_beyond(1_000_000), pytest.raises(TransportError) as refusal:
        writer.write(bytes(2_000_000))

    assert refusal.value.problem.code == "E_STORE_FULL"
    assert files(tmp_path) == []


def test_a_disk_that_fills_up_at_the_very_end_refuses_as_cleanly(
    store: FolderAttachments, tmp_path: Path
) -> None:
    writer = store.begin()
    writer.write(b"still in the buffer")

    with disk_full_beyond(4), pytest.raises(TransportError) as refusal:
        writer.keep()

    assert refusal.value.problem.code == "E_STORE_FULL"
    assert files(tmp_path) == []


def test_a_store_that_was_unmounted_is_away(store: FolderAttachments, tmp_path: Path) -> None:
    digest = keep(store, b"content")
    tmp_path.rename(tmp_path.with_name("elsewhere"))

    with pytest.raises(TransportError) as on_keeping:
        store.begin()
    with pytest.raises(TransportError) as on_opening:
        store.open(digest)

    assert on_keeping.value.problem.code == "E_STORE_AWAY"
    assert on_opening.value.problem.code == "E_STORE_AWAY"


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: data + b"!", lambda data: b"X" + data[1:]],
    ids=["cut", "longer", "changed"],
)
def test_a_damaged_file_is_noticed_at_the_last_read_and_never_passes_whole(
    store: FolderAttachments, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    digest = keep(store, bytes(300_000))
    path = tmp_path / digest[:2] / digest[2:4] / digest
    path.write_bytes(damage(path.read_bytes()))

    with store.open(digest) as stream:
        assert stream.read(200_000)
        with pytest.raises(DocumentError) as refusal:
            stream.read(100_001)

    assert refusal.value.problem.code == "E_ATTACHMENT_DIGEST"


def test_a_damaged_file_is_noticed_when_only_its_end_is_wanted(
    store: FolderAttachments, tmp_path: Path
) -> None:
    digest = keep(store, bytes(300_000))
    path = tmp_path / digest[:2] / digest[2:4] / digest
    path.write_bytes(b"X" + path.read_bytes()[1:])

    with store.open(digest) as stream:
        stream.seek(-10, SEEK_END)
        with pytest.raises(DocumentError):
            stream.read()


def test_keeping_the_same_content_again_heals_a_damaged_file(
    store: FolderAttachments, tmp_path: Path
) -> None:
    digest = keep(store, b"content")
    (tmp_path / digest[:2] / digest[2:4] / digest).write_bytes(b"rotten!")

    keep(store, b"content")

    with store.open(digest) as stream:
        assert stream.read() == b"content"


def test_what_a_crash_left_is_removed_after_a_day_and_not_before(tmp_path: Path) -> None:
    abandoned = FolderAttachments(tmp_path, now=NOW).begin()
    abandoned.write(bytes(1_000_000))

    FolderAttachments(tmp_path, now=NOW + timedelta(hours=23))
    assert len(files(tmp_path)) == 1
    FolderAttachments(tmp_path, now=NOW + timedelta(hours=25))

    assert files(tmp_path) == []
    abandoned.discard()
