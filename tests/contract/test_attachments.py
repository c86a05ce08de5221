"""The promises of an attachment store, kept by the folder and by memory alike."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from io import SEEK_END
from pathlib import Path

import pytest

from adapters.contract import Kept
from bus.attachments.folder import FolderAttachments
from bus.memory.attachments import MemoryAttachments
from bus.ports import AttachmentStore
from schemas.problem import TransportError

NOW = datetime(2019, 3, 12, 8, tzinfo=UTC)

STORES: dict[str, Callable[[Path], AttachmentStore]] = {
    "folder": lambda root: FolderAttachments(root / "attachments", now=NOW),
    "memory": lambda _: MemoryAttachments(),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> AttachmentStore:
    return STORES[request.param](tmp_path)


def keep(store: AttachmentStore, *chunks: bytes) -> Kept:
    writer = store.begin()
    for chunk in chunks:
        writer.write(chunk)
    return writer.keep()


def test_a_kept_file_is_found_by_the_digest_of_its_bytes(store: AttachmentStore) -> None:
    kept = keep(store, b"%PDF-", b"1.7")

    assert kept == Kept(sha256=sha256(b"%PDF-1.7").hexdigest(), size=8)
    assert store.has(kept.sha256)
    with store.open(kept.sha256) as stream:
        assert stream.read() == b"%PDF-1.7"


def test_an_empty_file_is_a_file(store: AttachmentStore) -> None:
    kept = keep(store)

    assert kept.size == 0
    with store.open(kept.sha256) as stream:
        assert stream.read() == b""


def test_a_file_is_invisible_until_it_is_kept(store: AttachmentStore) -> None:
    digest = sha256(b"half").hexdigest()
    writer = store.begin()

    writer.write(b"half")

    assert not store.has(digest)
    with pytest.raises(TransportError) as refusal:
        store.open(digest)
    assert refusal.value.problem.code == "E_ATTACHMENT_AWAY"
    writer.discard()


def test_a_discarded_file_leaves_nothing_however_often_it_is_discarded(
    store: AttachmentStore,
) -> None:
    writer = store.begin()
    writer.write(b"mistake")

    writer.discard()
    writer.discard()

    assert not store.has(sha256(b"mistake").hexdigest())


def test_discarding_after_keeping_does_no_harm(store: AttachmentStore) -> None:
    writer = store.begin()
    writer.write(b"kept")
    kept = writer.keep()

    writer.discard()

    with store.open(kept.sha256) as stream:
        assert stream.read() == b"kept"


def test_what_was_written_can_be_read_back_before_it_is_kept(store: AttachmentStore) -> None:
    writer = store.begin()
    writer.write(b"PK\x03\x04 entry")

    with writer.reopen() as stream:
        assert stream.read(4) == b"PK\x03\x04"
        stream.seek(0, SEEK_END)
        assert stream.tell() == 10
    writer.write(b", more")

    with store.open(writer.keep().sha256) as stream:
        assert stream.read() == b"PK\x03\x04 entry, more"


def test_the_same_bytes_twice_have_one_digest_and_both_writers_succeed(
    store: AttachmentStore,
) -> None:
    assert keep(store, b"circular") == keep(store, b"circ", b"ular")


def test_many_threads_keep_and_open_at_once(store: AttachmentStore) -> None:
    contents = [b"%d" % (number % 7) * 1000 for number in range(56)]

    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(lambda content: keep(store, content), contents))

    assert [store.open(each.sha256).read() for each in kept] == contents


def test_a_reader_may_go_back_and_forth(store: AttachmentStore) -> None:
    content = bytes(range(256)) * 1024
    kept = keep(store, content)

    with store.open(kept.sha256) as stream:
        stream.seek(-10, SEEK_END)
        tail = stream.read()
        stream.seek(100_000)
        middle = stream.read(10)
        stream.seek(0)
        whole = stream.read()

    assert (tail, middle, whole) == (content[-10:], content[100_000:100_010], content)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 64])
def test_a_digest_that_is_unknown_or_none_at_all_is_absent(
    store: AttachmentStore, digest: str
) -> None:
    assert not store.has(digest)
    with pytest.raises(TransportError) as refusal:
        store.open(digest)
    assert refusal.value.problem.code == "E_ATTACHMENT_AWAY"
