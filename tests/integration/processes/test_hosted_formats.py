"""A format of another house works in a process of its own: what it does there hurts nobody else."""

import io
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from adapters.contract import CheckedFormat, Format, Limits
from adapters.formats.canonical_json import CanonicalJsonFormat
from bus.core.events import Event, FormatLost
from bus.memory.attachments import MemoryAttachments
from bus.processes.hosted_formats import MOST_PROCESSES, HostedFormat
from schemas.document import Document
from schemas.problem import AxisError, DocumentError, InternalError, TransportError
from tests.support.envelopes import NOW, a_document
from tests.support.strangers import install

TODAY = date(2026, 3, 12)
DEADLINE = timedelta(seconds=3)

Hosted = Callable[..., HostedFormat]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def hosted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[Event]
) -> Iterator[Hosted]:
    """Makes the misbehaving format, installed; it is ended afterwards."""
    made: list[HostedFormat] = []
    monkeypatch.syspath_prepend(tmp_path)

    def host(**installed: str) -> HostedFormat:
        install(tmp_path, **installed)
        name = installed.get("name", "misbehaving")
        made.append(
            HostedFormat(name, deadline=DEADLINE, folder=tmp_path / "aside", observe=events.append)
        )
        return made[-1]

    yield host
    for each in made:
        each.close()


def write(into: Format, subject: str, files: MemoryAttachments | None = None) -> bytes:
    document = a_document(subject=subject)
    chunks = into.write(document, attachments=files or MemoryAttachments(), written_at=NOW)
    return b"".join(chunks)


def read(of: Format, packet: bytes, sink: MemoryAttachments | None = None) -> object:
    return of.read(
        io.BytesIO(packet), sink=sink or MemoryAttachments(), limits=Limits(), today=TODAY
    ).message


def head(word: str) -> bytes:
    """A packet over which the format misbehaves."""
    return b"MISBEHAVE " + word.encode()


def test_a_format_in_another_process_reads_and_writes_as_it_does_here(hosted: Hosted) -> None:
    """Also files, checks and refusals; they pass the border as they are."""
    format_, here = hosted().introduced(), CanonicalJsonFormat()
    files = MemoryAttachments()
    writer = files.begin()
    writer.write(bytes(range(256)) * 20_000)
    kept = writer.keep()
    document = a_document(
        attachments=(
            {
                "name": "a.bin",
                "media_type": "application/octet-stream",
                "size": kept.size,
                "sha256": kept.sha256,
            },
        )
    )
    packet = b"".join(here.write(document, attachments=files, written_at=NOW))

    assert (format_.name, format_.suffix) == ("misbehaving", ".mis")
    assert isinstance(format_, CheckedFormat)
    assert b"".join(format_.write(document, attachments=files, written_at=NOW)) == packet
    sink = MemoryAttachments()
    assert read(format_, packet, sink) == read(here, packet) == document
    with sink.open(kept.sha256) as file:
        assert len(file.read()) == kept.size
    assert format_.recognises(b"", "a.mis")
    assert not format_.recognises(b"", "a.other")
    with pytest.raises(DocumentError) as refusal:
        read(format_, packet[: len(packet) // 2])
    with pytest.raises(DocumentError) as expected:
        read(here, packet[: len(packet) // 2])
    assert refusal.value.problem == expected.value.problem
    with pytest.raises(TransportError, match="E_ATTACHMENT_AWAY"):
        list(format_.write(document, attachments=MemoryAttachments(), written_at=NOW))


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("loop", "3 s"),
        ("sleep", "3 s"),
        ("native", "3 s"),
        ("segfault", "SIGSEGV"),
        ("exit", "3"),
    ],
)
def test_what_hangs_or_dies_is_ended_and_named_with_its_line_and_the_next_one_works(
    hosted: Hosted, events: list[Event], word: str, cause: str
) -> None:
    """Reading and writing; also in code that holds the interpreter."""
    format_ = hosted().introduced()
    acts: dict[str, Callable[[], object]] = {
        "write": partial(write, format_, f"MISBEHAVE {word}"),
        "read": partial(read, format_, head(word)),
    }
    for work, act in acts.items():
        with pytest.raises(InternalError) as failed:
            act()
        problem = failed.value.problem
        lost = events.pop()

        assert isinstance(lost, FormatLost)
        assert (lost.format, lost.work, lost.cause) == ("misbehaving", work, cause)
        assert problem.code == "E_FORMAT_CRASHED"
        if word != "exit":
            assert any("a_misbehaving_format.py:" in step for step in lost.steps)
            assert "a_misbehaving_format.py:" in problem.params["format"]
            assert "misbehave" in (problem.detail or "")
        assert read(format_, write(format_, "An toàn")) == a_document(subject="An toàn")


@pytest.mark.parametrize("word", ["endless", "silent", "nothing"])
def test_what_writes_for_ever_or_nothing_is_a_failure(hosted: Hosted, word: str) -> None:
    """By its size, or by its time; of an empty file nobody learns what was sent."""
    format_ = hosted().introduced()

    with pytest.raises(InternalError, match="E_FORMAT_CRASHED"):
        write(format_, f"MISBEHAVE {word}")

    assert write(format_, "An toàn")


@pytest.mark.parametrize(
    ("word", "kind"),
    [("raise", "KeyError"), ("memory", "MemoryError"), ("unpickled", "SystemExit")],
)
def test_an_exception_is_told_by_type_format_and_line_without_what_it_says(
    hosted: Hosted, events: list[Event], word: str, kind: str
) -> None:
    """A secret in its text stays there."""
    format_ = hosted().introduced()

    with pytest.raises(InternalError) as failed:
        write(format_, f"MISBEHAVE {word}")

    problem, lost = failed.value.problem, events.pop()
    assert problem.code == "E_INTERNAL"
    for told in (kind, "misbehaving", "a_misbehaving_format:"):
        assert told in problem.text()
    assert isinstance(lost, FormatLost)
    assert lost.steps
    assert "secret" not in f"{problem!r} {lost!r}"


@pytest.mark.parametrize(("word", "code"), [("swell", "E_TOO_LARGE"), ("litter", "E_LIMIT")])
def test_what_a_format_gives_to_the_sink_is_bounded_and_the_file_refused(
    hosted: Hosted, word: str, code: str
) -> None:
    """Without end it would fill the disk of all agencies."""
    format_ = hosted().introduced()
    packet = io.BytesIO(head(word))
    limits = Limits(max_packet_bytes=1 << 20, max_attachments=10)

    with pytest.raises(DocumentError, match=code):
        format_.read(packet, sink=MemoryAttachments(), limits=limits, today=TODAY)

    assert read(format_, write(format_, "An toàn")) == a_document(subject="An toàn")


@pytest.mark.parametrize("word", ["open", "reopen", "before"])
def test_what_a_format_must_not_ask_for_is_its_failure_and_takes_nothing_from_the_worker(
    hosted: Hosted, events: list[Event], word: str
) -> None:
    """It leaves files open without end, or seeks before the beginning."""
    format_ = hosted().introduced()

    with pytest.raises(InternalError) as failed:
        read(format_, head(word))

    assert failed.value.problem.code == "E_INTERNAL"
    assert "misbehaving" in failed.value.problem.text()
    assert isinstance(events.pop(), FormatLost)


@pytest.mark.parametrize("word", ["away", "full", "unheard"])
def test_a_format_cannot_say_that_something_is_away(hosted: Hosted, word: str) -> None:
    """Its file would be read again and again, and its agency's mailbox would be paused."""
    format_ = hosted().introduced()

    acts: tuple[Callable[[], object], ...] = (
        partial(write, format_, f"MISBEHAVE {word}"),
        partial(read, format_, head(word)),
    )
    for act in acts:
        with pytest.raises(InternalError) as failed:
            act()

        problem = failed.value.problem
        assert problem.code == "E_INTERNAL"
        assert "{" not in problem.text()
        assert "a_misbehaving_format" in problem.text()


def test_a_process_whose_format_raised_what_it_must_not_works_on_nothing_else(
    hosted: Hosted,
) -> None:
    """It may have no memory left, and the next file would be refused for it."""
    host = hosted()
    format_ = host.introduced()
    [before] = host._idle

    with pytest.raises(InternalError):
        read(format_, head("memory"))

    assert not before.is_alive
    assert read(format_, write(format_, "An toàn")) == a_document(subject="An toàn")


def test_a_format_that_cannot_be_imported_is_away_and_says_what_is_missing(
    hosted: Hosted, events: list[Event]
) -> None:
    """Nothing of the worker ends with it."""
    broken = hosted(name="broken", code="import a_module_that_is_not_there")

    with pytest.raises(TransportError, match="E_FORMAT_AWAY"):
        broken.introduced()

    [lost] = events
    assert isinstance(lost, FormatLost)
    assert (lost.work, "a_module_that_is_not_there" in lost.cause) == ("start", True)


def test_closing_ends_what_hangs_at_once(hosted: Hosted) -> None:
    """Whoever waits for it hears that the format is away."""
    host = hosted()
    host.deadline = timedelta(minutes=5)
    format_ = host.introduced()
    with ThreadPoolExecutor() as threads:
        hanging = [threads.submit(write, format_, "MISBEHAVE native") for _ in range(2)]
        deadline = time.monotonic() + 60
        while len(host._busy) < len(hanging):
            assert time.monotonic() < deadline
        host.close()

        for each in hanging:
            with pytest.raises(TransportError, match="E_FORMAT_AWAY"):
                each.result(timeout=60)


def test_who_tells_all_processes_to_stop_does_not_end_what_is_read(hosted: Hosted) -> None:
    """As a terminal, and systemd; a file that is read just then would be refused."""
    host = hosted()
    format_ = host.introduced()
    [process] = host._idle

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        os.kill(process._process.pid, number)

    assert read(format_, write(format_, "An toàn")) == a_document(subject="An toàn")
    assert process.is_alive


def test_what_a_format_has_started_ends_with_it(
    hosted: Hosted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One left for every delivery would take everybody's places."""
    left = tmp_path / "left"
    monkeypatch.setenv("LEFT", str(left))
    format_ = hosted().introduced()

    with pytest.raises(InternalError, match="E_FORMAT_CRASHED"):
        read(format_, head("leave"))

    child = Path("/proc", left.read_text(), "stat")
    deadline = time.monotonic() + 60
    while child.exists() and child.read_text().split()[2] != "Z":
        assert time.monotonic() < deadline


def test_what_hinders_the_worker_is_no_fault_of_the_format(
    hosted: Hosted, events: list[Event]
) -> None:
    """A store that is full while a format reads: the sender's file waits."""

    class FullStore(MemoryAttachments):
        def begin(self) -> object:  # type: ignore[override]
            raise AxisError.of("E_STORE_FULL")

    format_ = hosted().introduced()
    files = MemoryAttachments()
    writer = files.begin()
    writer.write(bytes(range(256)))
    kept = writer.keep()
    attachment = {
        "name": "a.bin",
        "media_type": "application/octet-stream",
        "size": kept.size,
        "sha256": kept.sha256,
    }
    document = Document.model_validate(a_document().model_dump() | {"attachments": (attachment,)})
    packet = b"".join(CanonicalJsonFormat().write(document, attachments=files, written_at=NOW))

    with pytest.raises(TransportError, match="E_STORE_FULL"):
        read(format_, packet, FullStore())

    assert events == []
    assert read(format_, packet) == document


def test_there_are_never_more_processes_than_allowed_and_they_are_used_again(
    hosted: Hosted,
) -> None:
    """Many at once wait for a place."""
    host = hosted()
    format_ = host.introduced()
    with ThreadPoolExecutor(16) as threads:
        written = list(threads.map(lambda n: write(format_, f"An toàn {n}"), range(64)))

    assert all(written)
    assert len(host._idle) <= MOST_PROCESSES
