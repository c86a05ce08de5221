"""What the folder endpoint takes from an outbox, when, and what becomes of it."""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.contract import Submission
from adapters.endpoints import arrivals
from adapters.endpoints.arrivals import MOST_AT_ONCE, is_being_written, oldest_waiting
from adapters.endpoints.folder import FolderEndpoint
from schemas.problem import Language, Place, Problem, RecipientError
from tests.support.folders import context_of

SETTLE = timedelta(milliseconds=50)
RECEIVER = Problem(code="E_UNKNOWN_RECEIVER", params={"code": "Y99"})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "H24"


@pytest.fixture
def endpoint(root: Path) -> FolderEndpoint:
    return FolderEndpoint(context_of(root, settle=SETTLE))


def drop(root: Path, name: str, content: bytes = b"content", *, age: float = 3600) -> Path:
    """A file that was written `age` seconds ago."""
    path = root / "outbox" / name
    path.write_bytes(content)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def unmount(root: Path) -> None:
    root.rename(root.with_name("elsewhere"))


async def names(endpoint: FolderEndpoint) -> list[str]:
    return [submission.name for submission in await endpoint.submissions()]


async def the_only(endpoint: FolderEndpoint) -> Submission:
    (submission,) = await endpoint.submissions()
    return submission


async def eventually(holds: Callable[[list[str]], bool], endpoint: FolderEndpoint) -> None:
    deadline = time.monotonic() + 10
    while not holds(await names(endpoint)):
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    "name", [".hidden", "a.part", "a.TMP", "a.edxml~", "a.crdownload", "a.filepart", "a.swp"]
)
async def test_names_of_unfinished_files_are_left_alone(
    endpoint: FolderEndpoint, root: Path, name: str
) -> None:
    drop(root, name)
    drop(root, "a.edxml")

    assert await names(endpoint) == ["a.edxml"]


async def test_what_is_no_file_is_told_of_once_and_delays_no_other(
    endpoint: FolderEndpoint, root: Path, tmp_path: Path
) -> None:
    """Links are never followed; a folder stays where it is, for somebody may be copying into it."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"of another agency")
    (root / "outbox" / "link").symlink_to(secret)
    (root / "outbox" / "dangling").symlink_to(tmp_path / "nothing")
    (root / "outbox" / "folder").mkdir()
    os.mkfifo(root / "outbox" / "pipe")
    drop(root, "letter")
    odd = {"link", "dangling", "folder", "pipe"}
    await eventually(lambda seen: set(seen) == {*odd, "letter"}, endpoint)

    for submission in await endpoint.submissions():
        if submission.problem is not None:
            await endpoint.refuse(submission, [submission.problem])

    assert await names(endpoint) == ["letter"]
    for name in odd:
        report = json.loads((root / "refused" / f"{name}.error.json").read_bytes())
        assert report["problems"][0]["code"] == "E_FILE_UNREADABLE"
    assert {path.name for path in (root / "outbox").iterdir()} == {"folder", "letter"}
    assert (root / "refused" / "link").readlink() == secret
    again = FolderEndpoint(context_of(root, settle=SETTLE))
    await eventually(lambda seen: set(seen) == {"folder", "letter"}, again)
    for submission in await again.submissions():
        if submission.problem is not None:
            await again.refuse(submission, [submission.problem])
    assert len(list((root / "refused").glob("folder*"))) == 1


async def test_a_file_that_becomes_a_link_is_not_followed(
    endpoint: FolderEndpoint, root: Path, tmp_path: Path
) -> None:
    dropped = drop(root, "letter")
    submission = await the_only(endpoint)
    dropped.rename(tmp_path / "elsewhere")
    dropped.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FileNotFoundError):
        endpoint.open(submission)


async def test_a_file_must_rest_before_it_is_taken(endpoint: FolderEndpoint, root: Path) -> None:
    path = drop(root, "letter", age=0)
    assert await names(endpoint) == []

    await eventually(lambda seen: seen == ["letter"], endpoint)

    assert time.time() - path.stat().st_mtime >= SETTLE.total_seconds()


async def test_an_old_file_that_somebody_still_writes_to_is_not_taken(
    endpoint: FolderEndpoint, root: Path
) -> None:
    with drop(root, "letter").open("ab"):
        assert await names(endpoint) == []

    assert await names(endpoint) == ["letter"]


async def test_a_file_dated_in_the_future_is_taken_when_it_has_rested(
    endpoint: FolderEndpoint, root: Path
) -> None:
    drop(root, "letter", age=-3600)
    assert await names(endpoint) == []

    await eventually(lambda seen: seen == ["letter"], endpoint)


async def test_where_the_kernel_cannot_tell_about_writers_two_looks_must_agree(
    endpoint: FolderEndpoint, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(fcntl, "F_SETLEASE")
    drop(root, "letter", b"half")
    assert await names(endpoint) == []
    drop(root, "letter", b"whole")
    assert await names(endpoint) == []

    await eventually(lambda seen: seen == ["letter"], endpoint)

    assert (await the_only(endpoint)).size == 5


def test_asking_about_writers_survives_a_writer_that_comes_at_that_moment(tmp_path: Path) -> None:
    path = tmp_path / "busy"
    path.touch()
    writing = f"while True: open({str(path)!r}, 'ab').close()"

    with subprocess.Popen([sys.executable, "-c", writing]) as writer:
        answers: set[bool | None] = set()
        deadline = time.monotonic() + 10
        while answers != {True, False}:
            answers.add(is_being_written(path))
            assert time.monotonic() < deadline
        writer.kill()


async def test_a_look_offers_the_oldest_and_not_too_many(
    endpoint: FolderEndpoint, root: Path
) -> None:
    for number in range(MOST_AT_ONCE + 20):
        drop(root, f"{number:04}", age=10_000 - number)

    seen = await names(endpoint)

    assert seen == [f"{number:04}" for number in range(MOST_AT_ONCE)]


async def test_a_folder_whose_name_is_not_utf8_keeps_back_no_file(
    endpoint: FolderEndpoint, root: Path
) -> None:
    """A folder cannot be linked."""
    odd = root / "outbox" / os.fsdecode(b"odd\xff")
    odd.mkdir()
    drop(root, "a.edxml")

    await eventually(lambda _: not odd.exists(), endpoint)
    await eventually(lambda found: "a.edxml" in found, endpoint)


async def test_a_folder_with_the_longest_name_is_told_of_like_any_other(
    endpoint: FolderEndpoint, root: Path
) -> None:
    """The name of its report would be longer than any name."""
    (root / "outbox" / ("n" * 255)).mkdir()
    await eventually(lambda found: len(found) == 1, endpoint)

    await endpoint.refuse(await the_only(endpoint), [RECEIVER])

    assert len(list((root / "refused").iterdir())) == 1
    assert await names(endpoint) == []


async def test_a_name_that_is_not_utf8_is_made_readable_and_the_file_taken(
    endpoint: FolderEndpoint, root: Path
) -> None:
    drop(root, os.fsdecode(b"c\xf4ng v\xe3n.edxml"))

    await eventually(lambda seen: seen == ["c\ufffdng v\ufffdn.edxml"], endpoint)


async def test_an_accepted_file_is_moved_and_never_overwrites_another(
    endpoint: FolderEndpoint, root: Path
) -> None:
    for content in (b"first", b"second", b"third"):
        drop(root, "letter.edxml", content)
        await endpoint.accept(await the_only(endpoint))

    sent = {path.name: path.read_bytes() for path in (root / "sent").iterdir()}
    assert sent == {
        "letter.edxml": b"first",
        "letter-2.edxml": b"second",
        "letter-3.edxml": b"third",
    }
    assert list((root / "refused").iterdir()) == []


async def test_a_refused_file_lies_beside_its_report(endpoint: FolderEndpoint, root: Path) -> None:
    drop(root, "letter.edxml")
    problem = Problem(
        code="E_NOT_WELL_FORMED",
        place=Place(line=3, column=7, file="letter.edxml"),
        params={"cause": "mismatched tag"},
        detail="for operators",
    )

    await endpoint.refuse(await the_only(endpoint), [problem])

    assert (root / "refused" / "letter.edxml").read_bytes() == b"content"
    assert json.loads((root / "refused" / "letter.edxml.error.json").read_bytes()) == {
        "file": "letter.edxml",
        "sent_to_other_receivers": False,
        "problems": [
            {
                "code": "E_NOT_WELL_FORMED",
                "fault": "sender",
                "place": {"line": 3, "column": 7, "file": "letter.edxml"},
                "params": {"cause": "mismatched tag"},
                "text": {"en": problem.text(), "vi": problem.text(Language.VIETNAMESE)},
                "advice": {"en": problem.advice(), "vi": problem.advice(Language.VIETNAMESE)},
            }
        ],
    }


async def test_refusing_the_same_name_twice_keeps_both_files_and_both_reports(
    endpoint: FolderEndpoint, root: Path
) -> None:
    for content in (b"first", b"second"):
        drop(root, "letter.edxml", content)
        await endpoint.refuse(await the_only(endpoint), [RECEIVER])

    assert sorted(path.name for path in (root / "refused").iterdir()) == [
        "letter-2.edxml",
        "letter-2.edxml.error.json",
        "letter.edxml",
        "letter.edxml.error.json",
    ]


async def test_a_partly_refused_file_is_in_sent_and_in_refused_and_the_report_says_so(
    endpoint: FolderEndpoint, root: Path
) -> None:
    drop(root, "letter.edxml")

    await endpoint.accept(await the_only(endpoint), notices=[RECEIVER])

    assert (root / "refused" / "letter.edxml").samefile(root / "sent" / "letter.edxml")
    report = json.loads((root / "refused" / "letter.edxml.error.json").read_bytes())
    assert report["sent_to_other_receivers"] is True
    assert report["problems"][0]["params"] == {"code": "Y99"}


@pytest.mark.parametrize("name", ["ắ" * 83 + ".edxml", "x" * 255, "x." + "y" * 253])
async def test_the_longest_names_can_be_refused_too(
    endpoint: FolderEndpoint, root: Path, name: str
) -> None:
    drop(root, name)

    await endpoint.refuse(await the_only(endpoint), [RECEIVER])

    report, refused = sorted((root / "refused").iterdir(), key=lambda path: -len(path.name))
    assert report.name == refused.name + ".error.json"
    assert refused.read_bytes() == b"content"


async def test_a_file_replaced_at_the_very_moment_it_is_accepted_is_not_lost(
    endpoint: FolderEndpoint, root: Path
) -> None:
    with ThreadPoolExecutor(1) as agency:
        for round_ in range(100):
            first, second = b"first %d" % round_, b"second %d" % round_
            drop(root, "letter", first)
            submission = await the_only(endpoint)
            draft = drop(root, ".draft", second)

            replacing = agency.submit(draft.rename, root / "outbox" / "letter")
            await endpoint.accept(submission)
            replacing.result()

            left = [path.read_bytes() for path in (root / "outbox").iterdir()]
            assert left == [second]
            for path in (root / "outbox").iterdir():
                path.unlink()

    assert all(path.read_bytes().startswith(b"first") for path in (root / "sent").iterdir())


async def test_an_outbox_that_is_gone_is_the_agency_being_away(
    endpoint: FolderEndpoint, root: Path
) -> None:
    unmount(root)

    with pytest.raises(RecipientError) as refusal:
        await endpoint.submissions()

    assert refusal.value.problem.code == "E_ENDPOINT_DOWN"
    assert refusal.value.problem.params["agency"] == "H24"


async def test_an_outbox_without_end_is_looked_at_in_parts(
    root: Path, endpoint: FolderEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory does not grow with it; what leaves makes room for the rest."""
    monkeypatch.setattr(arrivals, "MAX_OUTBOX_FILES", 3)
    for number in range(5):
        drop(root, f"{number}")

    seen = await names(endpoint)
    for submission in await endpoint.submissions():
        await endpoint.accept(submission)
    rest = await names(endpoint)

    assert len(seen) == 3
    assert sorted(seen + rest) == ["0", "1", "2", "3", "4"]


def test_how_long_the_oldest_file_lies_in_an_outbox_is_seen_by_who_only_looks(
    tmp_path: Path,
) -> None:
    outbox = tmp_path / "outbox"
    assert oldest_waiting(outbox) is None
    (outbox / "folder").mkdir(parents=True)
    (outbox / "link").symlink_to("/")
    (outbox / ".letter.part").write_bytes(b"half")
    assert oldest_waiting(outbox) is None

    before = time.time() - 1
    written_long_ago = outbox / ".letter.edxml.part"
    written_long_ago.write_bytes(b"whole")
    os.utime(written_long_ago, (0, 0))
    written_long_ago.rename(outbox / "letter.edxml")

    since = oldest_waiting(outbox)
    assert since is not None
    assert before <= since <= time.time()
