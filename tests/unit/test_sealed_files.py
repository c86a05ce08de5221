"""Sealed files in a real store: memory stays small, and nothing readable is left."""

import tracemalloc
from collections.abc import Iterator
from hashlib import sha256
from io import BufferedReader, RawIOBase
from pathlib import Path

from bus.attachments.folder import FolderAttachments
from bus.attachments.spool import Spools
from bus.core.sealing.envelope import OpenFile
from bus.core.sealing.stream import CHUNK_BYTES, OpenedFiles, keep_sealed
from bus.core.stream import chunks_of
from tests.support.envelopes import NOW
from tests.support.seals import code_of

KEY = bytes(range(32))
MIB = 1024 * 1024


class _Long(RawIOBase):
    """A file of 64 MiB that is nowhere."""

    def __init__(self) -> None:
        self._left = 64 * MIB

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        count = min(len(buffer), self._left)
        buffer[:count] = bytes([self._left % 251]) * count
        self._left -= count
        return count


def test_64_mib_are_sealed_and_opened_in_little_memory(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path, now=NOW)
    digest = _digest_of(chunks_of(BufferedReader(_Long(), CHUNK_BYTES)))
    tracemalloc.start()
    try:
        sealed = keep_sealed(BufferedReader(_Long(), CHUNK_BYTES), store, key=KEY)
        files = OpenedFiles(store, {digest: OpenFile(sealed=sealed.sha256, key=KEY)})
        with files.open(digest) as file:
            read = _digest_of(chunks_of(file))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert read == digest
    assert peak < 6 * MIB


def test_the_store_finds_ciphertext_only(tmp_path: Path) -> None:
    store = FolderAttachments(tmp_path, now=NOW)
    content = b"readable" * 1000
    spool = Spools(tmp_path / "spool").begin(NOW)
    writer = spool.begin()
    writer.write(content)
    kept = writer.keep()
    with spool.open(kept.sha256) as file:
        sealed = keep_sealed(file, store, key=KEY)
    spool.clear()

    assert not store.has(kept.sha256)
    assert store.has(sealed.sha256)
    assert not _holds(tmp_path, b"readable")


def test_what_a_crash_left_in_a_spool_is_removed(tmp_path: Path) -> None:
    left = Spools(tmp_path / "spool").begin(NOW).begin()
    left.write(b"readable" * MIB)
    left.reopen().close()
    Spools(tmp_path / "spool")

    assert not _holds(tmp_path, b"readable")


def test_a_spool_that_cannot_be_removed_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("no folder")

    assert code_of(lambda: Spools(tmp_path / "spool")) == "E_STORE_AWAY"


def test_a_file_that_the_document_does_not_contain_is_the_senders_fault(tmp_path: Path) -> None:
    files = OpenedFiles(FolderAttachments(tmp_path, now=NOW), {})

    assert code_of(lambda: files.open("0" * 64)) == "E_ATTACHMENT_ABSENT"


def test_ciphertext_that_is_gone_is_absent(tmp_path: Path) -> None:
    missing = {"0" * 64: OpenFile(sealed="1" * 64, key=KEY)}
    files = OpenedFiles(FolderAttachments(tmp_path, now=NOW), missing)

    assert code_of(lambda: files.open("0" * 64)) == "E_ATTACHMENT_AWAY"


def _digest_of(chunks: Iterator[bytes]) -> str:
    found = sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()


def _holds(folder: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.rglob("*") if path.is_file())
