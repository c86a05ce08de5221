"""A careful process finds out what crashes it; one at ease notes nothing."""

import io
from datetime import date
from pathlib import Path

import pytest

from adapters.contract import Format, Limits
from adapters.formats.edxml import EdxmlFormat
from bus.home.attempts import FolderAttempts
from bus.memory.attachments import MemoryAttachments
from bus.ports import Attempts
from bus.services.crash_guard import MOST_CRASHES, CrashGuard, GuardedFormat
from schemas.problem import DocumentError, InternalError
from schemas.reading import Reading
from tests.support.envelopes import NOW, a_document


class LostProcess(FolderAttempts):
    """Attempts of a process that is lost in the middle: nothing comes to an end."""

    def end(self, key: str) -> None:
        """Never reached."""


@pytest.fixture
def attempts(tmp_path: Path) -> Attempts:
    return FolderAttempts(tmp_path / "attempts")


def _guarded(attempts: Attempts, *, careful: bool = True) -> GuardedFormat:
    guard = CrashGuard(attempts)
    if careful:
        guard.be_careful()
    return GuardedFormat(EdxmlFormat(), guard)


def _packet(number: str) -> bytes:
    document = a_document(number=number)
    return b"".join(EdxmlFormat().write(document, attachments=MemoryAttachments(), written_at=NOW))


def _read(reader: Format, packet: bytes) -> Reading:
    return reader.read(
        io.BytesIO(packet), sink=MemoryAttachments(), limits=Limits(), today=date(2026, 3, 12)
    )


def test_attempts_that_never_ended_are_counted_until_one_ends(attempts: Attempts) -> None:
    assert [attempts.begin("a"), attempts.begin("a"), attempts.begin("b")] == [0, 1, 0]

    attempts.end("a")
    attempts.end("never begun")

    assert [attempts.begin("a"), attempts.begin("b")] == [0, 1]


def test_attempts_in_a_folder_survive_their_process(tmp_path: Path) -> None:
    FolderAttempts(tmp_path).begin("a")

    assert FolderAttempts(tmp_path).begin("a") == 1


def test_what_crashed_careful_processes_is_refused_and_its_neighbours_are_not(
    tmp_path: Path,
) -> None:
    attempts = LostProcess(tmp_path / "attempts")
    for _ in range(MOST_CRASHES):
        _read(_guarded(attempts), _packet("1"))

    with pytest.raises(InternalError, match="E_FORMAT_CRASHED"):
        _read(_guarded(attempts), _packet("1"))

    assert _read(_guarded(attempts), _packet("2")).message == a_document(number="2")


def test_what_is_refused_or_goes_well_is_not_held_against_it(attempts: Attempts) -> None:
    for _ in range(MOST_CRASHES + 1):
        _read(_guarded(attempts), _packet("1"))
        with pytest.raises(DocumentError):
            _read(_guarded(attempts), b"<broken")


def test_a_document_is_written_under_guard(tmp_path: Path) -> None:
    attempts = LostProcess(tmp_path / "attempts")
    document = a_document()

    def write() -> bytes:
        chunks = _guarded(attempts).write(document, attachments=MemoryAttachments(), written_at=NOW)
        return b"".join(chunks)

    written = [write() for _ in range(MOST_CRASHES)]

    assert set(written) == {_packet(document.number or "")}
    with pytest.raises(InternalError, match="E_FORMAT_CRASHED"):
        write()


def test_a_process_at_ease_notes_nothing(tmp_path: Path) -> None:
    at_ease = _guarded(FolderAttempts(tmp_path / "attempts"), careful=False)

    assert at_ease.recognises(b"<?xml", "a.edxml")
    _read(at_ease, _packet("1"))

    assert not (tmp_path / "attempts").exists()
