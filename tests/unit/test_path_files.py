"""Files and folders that do not do what is expected: who waits, what is told, what is sent."""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from adapters.contract import Submission
from adapters.endpoints.folder import FolderEndpoint
from bus.core.events import (
    DuplicateAbsorbed,
    EndpointPaused,
    EnvelopeSent,
    SendingPaused,
    SendingResumed,
    SubmissionRefused,
    WorkStalled,
)
from schemas.problem import AxisError, Problem
from schemas.term import foreign
from tests.acceptance.packets import a_packet
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.somebody import as_somebody
from tests.support.two_agencies import TwoAgencies, eventually

READ_ONLY = 0o500


@pytest.fixture
def root() -> Iterator[Path]:
    with as_somebody() as folder:
        yield folder


def letter(number: str, *, to: str = RECIPIENT) -> bytes:
    return a_packet(sender=SENDER if to == RECIPIENT else RECIPIENT, receivers=[to], number=number)


def report_of(axis: TwoAgencies, name: str) -> str:
    path = axis.folder(SENDER) / "refused" / f"{name}.error.json"
    told = json.loads(path.read_bytes())
    return str(told["problems"][0]["code"])


async def test_files_that_cannot_be_read_are_told_and_their_neighbours_go_on(root: Path) -> None:
    """Both ways, without a pause; each is named once."""
    axis = TwoAgencies(root)
    outbox = axis.folder(SENDER) / "outbox"
    async with axis.running():
        axis.drop(SENDER, "closed.edxml", letter("1"))
        (outbox / "closed.edxml").chmod(0)
        (outbox / "dangling.edxml").symlink_to(root / "nothing")
        (outbox / "loop.edxml").symlink_to(outbox / "loop.edxml")
        (outbox / "folder.edxml").mkdir()
        os.mkfifo(outbox / "pipe.edxml")
        axis.drop(SENDER, "well.edxml", letter("2"))
        axis.drop(RECIPIENT, "back.edxml", letter("3", to=SENDER))
        await eventually(lambda: len(axis.of_type(SubmissionRefused)) == 5)
        await eventually(lambda: axis.documents(RECIPIENT) and axis.documents(SENDER))
        (outbox / "folder.edxml" / "a").touch()
        axis.drop(SENDER, "later.edxml", letter("4"))
        await eventually(lambda: len(axis.documents(RECIPIENT)) == 2)

    odd = ("closed", "dangling", "loop", "folder", "pipe")
    assert {report_of(axis, f"{name}.edxml") for name in odd} == {"E_FILE_UNREADABLE"}
    assert {event.file for event in axis.of_type(SubmissionRefused)} == {
        f"{name}.edxml" for name in odd
    }
    assert axis.of_type(EndpointPaused) == []
    assert axis.of_type(SendingPaused) == []
    assert [path.name for path in outbox.iterdir()] == ["folder.edxml"]


@pytest.mark.parametrize("folder", ["outbox", "sent", "refused"])
async def test_nothing_is_sent_that_could_not_be_recorded_and_receiving_goes_on(
    root: Path, folder: str
) -> None:
    """One pause with the name of the folder; when it is mended, the file is sent once."""
    axis = TwoAgencies(root)
    closed = axis.folder(SENDER) / folder
    async with axis.running():
        axis.drop(SENDER, "a.edxml", letter("1"))
        closed.chmod(READ_ONLY)
        await eventually(lambda: axis.of_type(SendingPaused))
        axis.drop(RECIPIENT, "back.edxml", letter("2", to=SENDER))
        await eventually(lambda: axis.documents(SENDER))
        before = len(axis.documents(RECIPIENT))
        closed.chmod(stat.S_IRWXU)
        await eventually(lambda: axis.documents(RECIPIENT))
        await eventually(lambda: axis.of_type(SendingResumed))

    [paused] = axis.of_type(SendingPaused)
    assert f"/{folder}: permission denied" in paused.problem.text()
    assert before == 0
    assert axis.of_type(EndpointPaused) == []
    assert [event.file for event in axis.of_type(EnvelopeSent)].count("a.edxml") == 1
    assert len(axis.documents(RECIPIENT)) == 1


class _Forgetful(FolderEndpoint):
    """A system that does not hear of what was accepted at first."""

    told = 0

    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        type(self).told += 1
        if self.told < 4:
            raise AxisError.of("E_ENDPOINT_DOWN", agency=SENDER, cause=foreign("time-out"))
        await super().accept(submission, notices=notices)


async def test_what_was_sent_is_not_sent_again_because_it_cannot_be_told(root: Path) -> None:
    """The pauses grow, and the next file is not held up."""
    axis = TwoAgencies(root, endpoint=_Forgetful)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", letter("1"))
        await eventually(lambda: axis.sent(SENDER))

    pauses = [event.pause for event in axis.of_type(WorkStalled)]
    assert axis.of_type(DuplicateAbsorbed) == []
    assert len(pauses) == 3
    assert pauses == sorted(pauses)


async def test_a_file_that_is_taken_back_while_it_is_read_is_not_sent(root: Path) -> None:
    """It is looked at once more just before."""

    class Slow(FolderEndpoint):
        opened = 0

        def open(self, submission: Submission) -> BinaryIO:
            file = super().open(submission)
            type(self).opened += 1
            if self.opened == 1:
                (self._root / "outbox" / submission.name).unlink()
            return file

    axis = TwoAgencies(root, endpoint=Slow)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", letter("1"))
        await eventually(lambda: Slow.opened)
        axis.drop(SENDER, "b.edxml", letter("2"))
        await eventually(lambda: axis.documents(RECIPIENT))

    assert "a.edxml" not in [event.file for event in axis.of_type(EnvelopeSent)]
    assert axis.numbers(RECIPIENT) == ["2"]
