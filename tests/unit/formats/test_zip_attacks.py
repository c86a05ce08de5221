"""The known attacks by archives, against the one-entry ZIP that producers put files into.

Whether an archive is unpacked, and to what, may never depend on which of its contradicting words a
reader happens to believe.
"""

import struct
import time
import tracemalloc
import zipfile
from io import BytesIO

import pytest

from adapters.contract import MIB, Limits
from adapters.formats.edxml.archive import UnsafeArchiveError, only_entry, unpack
from tests.support.builders import PDF, zipped

ROOM = 64 * MIB
CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
GOOD = zipped(("b.pdf", PDF))


def unpacked(archive: bytes, *, room: int = ROOM) -> bytes | None:
    """What an archive gives; None when it is left as it is."""
    file = BytesIO(archive)
    entry = only_entry(file)
    if entry is None:
        return None
    return b"".join(unpack(file, entry, limits=Limits(), room=room))


def refused(archive: bytes, *, room: int = ROOM) -> bool:
    """Whether it is not unpacked: refused, or left as it is; in bounded time and memory."""
    tracemalloc.start()
    began = time.process_time()
    try:
        return unpacked(archive, room=room) is None
    except UnsafeArchiveError:
        return True
    finally:
        spent, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert spent < 3
        assert peak < 16 * MIB


def patched(mark: bytes, at: int, form: str, *values: int, archive: bytes = GOOD) -> bytes:
    """An archive with fields after a mark overwritten (offsets of APPNOTE 4.3.7, 12 and 16)."""
    start = archive.rindex(mark) + at
    new = struct.pack(form, *values)
    return archive[:start] + new + archive[start + len(new) :]


def test_a_good_one_is_unpacked() -> None:
    assert unpacked(GOOD) == PDF


def test_a_bomb_is_stopped_at_its_ratio() -> None:
    assert refused(zipped(("b.pdf", bytes(60 * MIB))))


def test_a_bomb_within_its_ratio_is_stopped_at_the_room() -> None:
    assert refused(zipped(("b.pdf", bytes(900_000))), room=800_000)
    assert not refused(zipped(("b.pdf", bytes(900_000))), room=900_000)


def test_a_bomb_of_bombs_is_unpacked_once() -> None:
    inner = zipped(("b.pdf", bytes(900_000)))
    outer = zipped(("b.zip", inner))

    assert unpacked(outer) == inner


def test_entries_that_overlap_are_no_one_entry() -> None:
    """Many directory entries for one piece of data: a small file that unpacks to petabytes."""
    start, end = GOOD.index(CENTRAL), GOOD.index(END)
    directory = GOOD[start:end] * 1000
    archive = GOOD[:start] + directory + GOOD[end:]
    archive = patched(END, 8, "<HHLL", 1000, 1000, len(directory), start, archive=archive)

    assert refused(archive)
    assert refused(patched(END, 8, "<HHLL", 1, 1, len(directory), start, archive=archive))


def test_a_million_entries_cost_nothing() -> None:
    start = GOOD.index(CENTRAL)
    directory = GOOD[start : GOOD.index(END)] * 100_000
    archive = GOOD[:start] + directory + GOOD[GOOD.index(END) :]

    assert refused(patched(END, 8, "<HHLL", 1, 1, len(directory), start, archive=archive))


@pytest.mark.parametrize(
    "name",
    [
        *("../b.pdf", "..\\b.pdf", "/etc/b.pdf", "a/b.pdf", "a\\b.pdf", "C:b.pdf", "b.pdf/", ""),
        *("..", "b\0.pdf", "....//b.pdf"),
    ],
)
def test_a_name_that_is_a_path_is_refused(name: str) -> None:
    info = zipfile.ZipInfo("placeholder" if "\0" in name else name or "placeholder")
    info.filename = name
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, PDF)

    assert refused(file.getvalue())


@pytest.mark.parametrize("mode", [0o120777, 0o060644, 0o020644, 0o010644, 0o140644, 0o040755])
def test_what_is_no_plain_file_is_refused(mode: int) -> None:
    """Links, devices, pipes, sockets, folders."""
    assert refused(patched(CENTRAL, 38, "<L", mode << 16))


@pytest.mark.parametrize("flags", [0x0001, 0x0041, 0x2000, 0x2041])
def test_what_is_encrypted_is_refused_wherever_it_says_so(flags: int) -> None:
    assert refused(patched(CENTRAL, 8, "<H", flags))
    assert refused(patched(LOCAL, 6, "<H", flags))


@pytest.mark.parametrize("method", [1, 6, 9, 12, 14, 93, 95, 98, 99, 65535])
def test_any_other_compression_is_refused(method: int) -> None:
    both = patched(CENTRAL, 10, "<H", method, archive=patched(LOCAL, 8, "<H", method))

    assert refused(both)


@pytest.mark.parametrize(
    ("mark", "at", "form", "value"),
    [
        (CENTRAL, 16, "<L", 0),  # checksum
        (CENTRAL, 42, "<L", 1),  # where the entry begins
        (CENTRAL, 42, "<L", 0xFFFFFFFF),
        (CENTRAL, 10, "<H", 0),  # stored, and the data say otherwise
        (CENTRAL, 28, "<H", 0xFFFF),  # lengths of name, extra field and comment
        (CENTRAL, 30, "<H", 0xFFFF),
        (CENTRAL, 32, "<H", 0xFFFF),
        (LOCAL, 26, "<H", 0xFFFF),
        (LOCAL, 28, "<H", 0xFFFF),
        (LOCAL, 30, "<B", ord("c")),  # another name
        (LOCAL, 8, "<H", 0),
        (END, 10, "<H", 0),
        (END, 10, "<H", 2),
        (END, 12, "<L", 0),
        (END, 12, "<L", 0xFFFFFFFF),
        (END, 16, "<L", 0),
        (END, 16, "<L", 0xFFFFFFFF),
    ],
)
def test_words_that_contradict_each_other_are_refused(
    mark: bytes, at: int, form: str, value: int
) -> None:
    assert refused(patched(mark, at, form, value))


@pytest.mark.parametrize("size", [0, 1, 10, len(PDF) + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_sizes_are_never_believed(size: int) -> None:
    """What is unpacked follows from the data and their checksum alone."""
    for mark, at in ((CENTRAL, 20), (CENTRAL, 24), (LOCAL, 18), (LOCAL, 22)):
        archive = patched(mark, at, "<L", size)
        try:
            assert unpacked(archive) in {None, PDF}
        except UnsafeArchiveError:
            continue


def test_zip64_is_left_as_it_is_or_refused() -> None:
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    extended = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 46, 0)
    end = GOOD.index(END)
    archive = GOOD[:end] + extended + locator + GOOD[end:]
    sizes = patched(END, 8, "<HHLL", 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, archive=archive)

    assert refused(sizes)


@pytest.mark.parametrize("before", [b"\0", b"#!/bin/sh\n", b"%PDF-1.7\n" * 100, GOOD])
def test_an_archive_behind_something_else_is_refused(before: bytes) -> None:
    """Such a file is two files at once, one for each kind of reader."""
    assert refused(before + GOOD)


@pytest.mark.parametrize("after", [b"x", GOOD, b"\0" * 70_000])
def test_what_follows_an_archive_changes_nothing_or_is_refused(after: bytes) -> None:
    try:
        found = unpacked(GOOD + after)
    except UnsafeArchiveError:
        found = None

    assert found in {None, PDF}


def test_an_end_within_the_comment_of_another_end_is_no_second_truth() -> None:
    """The last mark counts; one that lies in a comment names a directory that is not there."""
    hidden = END + b"\0" * 18
    start = GOOD.index(END)
    commented = GOOD[:start] + GOOD[start : start + 20] + struct.pack("<H", len(hidden)) + hidden

    assert refused(commented)


def test_bytes_between_the_data_and_the_directory_are_not_unpacked() -> None:
    start, end = GOOD.index(CENTRAL), GOOD.index(END)
    stuffed = GOOD[:start] + b"evil" * 100 + GOOD[start:]
    archive = patched(END, 16, "<L", start + 400, archive=stuffed)

    try:
        found = unpacked(archive)
    except UnsafeArchiveError:
        found = None
    assert found in {None, PDF}
    assert end > start


@pytest.mark.parametrize("cut", range(1, len(GOOD), 37))
def test_an_archive_cut_anywhere_is_refused(cut: int) -> None:
    assert refused(GOOD[:cut])
