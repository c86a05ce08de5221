"""What is fetched stays on this machine while a delivery needs it, and no longer."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from bus.attachments.cache import AttachmentCache
from bus.attachments.folder import FolderAttachments
from bus.memory.attachments import MemoryAttachments
from bus.ports import AttachmentStore
from schemas.problem import AxisError, DocumentError
from tests.support.envelopes import NOW

LARGE = 1000


def kept_in(store: AttachmentStore, content: bytes) -> str:
    writer = store.begin()
    writer.write(content)
    return writer.keep().sha256


def cache_of(
    root: Path, store: AttachmentStore, *, limit_bytes: int = 10 * LARGE
) -> AttachmentCache:
    return AttachmentCache(root / "cache", store=store, limit_bytes=limit_bytes, now=NOW)


def code_of(cache: AttachmentCache, digests: Sequence[str]) -> str:
    with pytest.raises(AxisError) as refused:
        cache.fetch(digests)
    return refused.value.problem.code


def copies(root: Path) -> set[str]:
    folder = root / "cache" / "copies"
    return {path.name for path in folder.glob("??/??/*")}


def deliveries(root: Path) -> list[Path]:
    return list((root / "cache" / "deliveries").iterdir())


def test_a_file_of_the_same_file_system_is_linked_and_not_copied(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path / "store", now=NOW)
    digest = kept_in(store, b"x" * LARGE)

    files = cache_of(tmp_path, store).fetch([digest])

    [delivery] = deliveries(tmp_path)
    assert (delivery / digest).samefile(store.path_of(digest))
    assert copies(tmp_path) == set()
    with files.open(digest) as file:
        assert file.read() == b"x" * LARGE


def test_a_file_of_another_store_is_copied_once_for_all_deliveries(tmp_path: Path) -> None:
    store = MemoryAttachments()
    digest = kept_in(store, b"content")
    cache = cache_of(tmp_path, store)

    first, second = cache.fetch([digest]), cache.fetch([digest])

    assert copies(tmp_path) == {digest}
    one, other = deliveries(tmp_path)
    assert (one / digest).samefile(other / digest)
    for files in (first, second):
        with files.open(digest) as file:
            assert file.read() == b"content"


def test_a_fetched_file_outlives_the_store_and_the_cache(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path / "store", now=NOW)
    digest = kept_in(store, b"x" * 200_000)
    files = cache_of(tmp_path, store).fetch([digest])

    store.path_of(digest).unlink()

    with files.open(digest) as file:
        assert file.read() == b"x" * 200_000


def test_an_absent_file_brings_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path / "store", now=NOW)
    there, absent = kept_in(store, b"there"), "0" * 64

    assert code_of(cache_of(tmp_path, store), [there, absent]) == "E_ATTACHMENT_AWAY"
    assert code_of(cache_of(tmp_path, MemoryAttachments()), [absent]) == "E_ATTACHMENT_AWAY"
    assert deliveries(tmp_path) == []


def test_a_store_that_is_not_mounted_is_away_and_not_empty(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path / "store", now=NOW)
    cache = cache_of(tmp_path, store)
    (tmp_path / "store").rename(tmp_path / "unmounted")

    assert code_of(cache, ["0" * 64]) == "E_STORE_AWAY"


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64])
def test_what_is_no_digest_is_absent_and_reaches_no_other_file(tmp_path: Path, digest: str) -> None:
    store = FolderAttachments(tmp_path / "store", now=NOW)
    cache = cache_of(tmp_path, store)

    assert code_of(cache, [digest]) == "E_ATTACHMENT_AWAY"
    with pytest.raises(AxisError, match="E_ATTACHMENT_AWAY"):
        cache.fetch([]).open(digest)


def test_a_damaged_copy_is_fetched_again(tmp_path: Path) -> None:
    store = MemoryAttachments()
    digest = kept_in(store, b"content")
    cache = cache_of(tmp_path, store)
    cache.fetch([digest]).release()
    [copy] = (tmp_path / "cache" / "copies").glob("??/??/*")
    copy.write_bytes(b"damaged")

    with cache.fetch([digest]).open(digest) as file:
        assert file.read() == b"content"


def test_the_copies_that_were_needed_longest_ago_make_room(tmp_path: Path) -> None:
    store = MemoryAttachments()
    cache = cache_of(tmp_path, store, limit_bytes=3 * LARGE)
    digests = [kept_in(store, b"%d" % n * LARGE) for n in range(4)]
    for age, digest in enumerate(reversed(digests[:3])):
        cache.fetch([digest]).release()
        [copy] = (tmp_path / "cache" / "copies").glob(f"??/??/{digest}")
        os.utime(copy, (1000 - age, 1000 - age))
    cache.fetch([digests[0]]).release()

    cache.fetch([digests[3]]).release()

    assert copies(tmp_path) == {digests[0], digests[2], digests[3]}


def test_a_delivery_keeps_what_is_larger_than_the_limit_until_it_is_released(
    tmp_path: Path,
) -> None:
    store = MemoryAttachments()
    cache = cache_of(tmp_path, store, limit_bytes=LARGE)
    digests = [kept_in(store, b"%d" % n * (2 * LARGE)) for n in range(2)]

    files = cache.fetch(digests)

    assert copies(tmp_path) == set()
    for n, digest in enumerate(digests):
        with files.open(digest) as file:
            assert file.read() == b"%d" % n * (2 * LARGE)
    files.release()
    files.release()
    assert deliveries(tmp_path) == []


def test_files_that_nothing_refers_to_any_more_are_released(tmp_path: Path) -> None:
    store = MemoryAttachments()
    files = cache_of(tmp_path, store).fetch([kept_in(store, b"content")])
    assert len(deliveries(tmp_path)) == 1

    del files

    assert deliveries(tmp_path) == []


def test_what_a_crash_left_is_removed_a_day_later(tmp_path: Path) -> None:
    store = MemoryAttachments()
    cache_of(tmp_path, store)
    left = tmp_path / "cache" / "deliveries" / "left"
    left.mkdir()
    os.utime(left, (NOW.timestamp(), NOW.timestamp()))

    for hours, there in ((23, True), (25, False)):
        later = NOW + timedelta(hours=hours)
        AttachmentCache(tmp_path / "cache", store=store, limit_bytes=LARGE, now=later)
        assert left.exists() is there


def test_what_does_not_belong_into_the_cache_stops_nobody(tmp_path: Path) -> None:
    store = MemoryAttachments()
    cache_of(tmp_path, store)
    strange = tmp_path / "cache" / "deliveries" / "notes.txt"
    strange.write_bytes(b"not ours")
    os.utime(strange, (0, 0))

    files = cache_of(tmp_path, store).fetch([kept_in(store, b"content")])

    assert strange.read_bytes() == b"not ours"
    files.release()


def test_many_threads_with_a_tiny_limit_all_get_their_files(tmp_path: Path) -> None:
    store = MemoryAttachments()
    caches = [cache_of(tmp_path, store, limit_bytes=LARGE) for _ in range(2)]
    contents = [b"%d" % (n % 7) * LARGE for n in range(70)]
    digests = [kept_in(store, content) for content in contents]

    def fetched(n: int) -> bytes:
        files = caches[n % 2].fetch([digests[n]])
        with files.open(digests[n]) as file:
            content = file.read()
        files.release()
        return content

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(fetched, range(70))) == contents
    assert deliveries(tmp_path) == []


def test_a_file_that_is_not_what_its_digest_says_is_not_given_out(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path / "store", now=NOW)
    digest = kept_in(store, b"content")
    store.path_of(digest).write_bytes(b"forged!")

    files = cache_of(tmp_path, store).fetch([digest])

    with pytest.raises(DocumentError, match="E_ATTACHMENT_DIGEST"), files.open(digest) as file:
        file.read()
