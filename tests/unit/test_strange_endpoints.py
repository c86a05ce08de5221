"""The endpoint of the documentation on the whole path, and endpoints that break their contract."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from adapters.contract import Endpoint, EndpointContext, ParcelKind, Submission
from adapters.endpoints.folder import FolderEndpoint
from bus.core.events import DeliveryHandedOver, ItemSkipped, SubmissionRefused
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem
from schemas.term import foreign
from tests.acceptance.packets import a_packet
from tests.support.documented import modules_of
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.folders import context_of
from tests.support.two_agencies import TwoAgencies, eventually

_PAGE = modules_of("write-an-endpoint.md")


class _Axis(TwoAgencies):
    """The recipient is reached as the documentation describes; the sender through its folder."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, endpoint=_endpoint)
        self.system: Any = _PAGE["test_mailroom"].Mailroom(context_of(root / RECIPIENT))

    async def arrived(self) -> list[Any]:
        """Wait until a document has arrived, and take it."""
        taken: list[Any] = []

        def take() -> list[Any]:
            taken.extend(self.system.take(ParcelKind.DOCUMENT))
            return taken

        await eventually(take)
        return taken


def _endpoint(context: EndpointContext) -> Endpoint:
    if context.agency != RECIPIENT:
        return FolderEndpoint(context)
    endpoint: Endpoint = _PAGE["mailroom"].MailroomEndpoint(context)
    return endpoint


def _letter(number: str = "1") -> bytes:
    return a_packet(sender=SENDER, receivers=[RECIPIENT], number=number)


def _codes(axis: TwoAgencies) -> list[str]:
    return [name.split("_")[1] for name in axis.statuses(SENDER)]


async def test_a_system_that_answers_after_two_restarts_gives_one_receipt(tmp_path: Path) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        arrived = await axis.arrived()
    async with axis.running():
        assert axis.statuses(SENDER) == []
    [letter] = arrived
    axis.system.answer(letter.name)

    async with axis.running():
        await eventually(lambda: axis.statuses(SENDER))

    assert _codes(axis) == ["01"]
    assert axis.system.take(ParcelKind.DOCUMENT) == []
    assert axis.failures == []
    handed_over = [each.mailbox for each in axis.of_type(DeliveryHandedOver)]
    assert handed_over.count(MailboxName(RECIPIENT)) == 1


async def test_a_reason_that_the_system_gives_reaches_the_sender(tmp_path: Path) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        arrived = await axis.arrived()
        axis.system.answer(arrived[0].name, refusal="thiếu phụ lục")
        await eventually(lambda: axis.statuses(SENDER))

    assert _codes(axis) == ["02"]
    assert [failed.failure_class for failed in axis.failed()] == [FailureClass.RECIPIENT_REFUSED]
    [status] = (tmp_path / SENDER / "inbox/statuses").iterdir()
    assert "thiếu phụ lục" in status.read_text()


class _Broken(FolderEndpoint):
    """Raises what no endpoint may raise about the sender's file `bad`."""

    error: Exception = ValueError("nonsense")


class _CannotOpen(_Broken):
    def open(self, submission: Submission) -> BinaryIO:
        if submission.name == "bad":
            raise self.error
        return super().open(submission)


class _CannotAccept(_Broken):
    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        if submission.name == "bad":
            raise self.error
        await super().accept(submission, notices=notices)


@pytest.mark.parametrize("broken", [_CannotOpen, _CannotAccept])
@pytest.mark.parametrize(
    "error",
    [ValueError("nonsense"), AxisError.of("E_SETTING", name="X", cause=foreign("nonsense"))],
    ids=["an exception", "a setting"],
)
async def test_a_fault_of_the_senders_endpoint_refuses_no_file_and_holds_up_no_other(
    tmp_path: Path, broken: type[_Broken], error: Exception
) -> None:
    class Endpoint(broken):  # type: ignore[valid-type, misc]
        pass

    Endpoint.error = error
    axis = TwoAgencies(tmp_path, endpoint=Endpoint)
    async with axis.running():
        axis.drop(SENDER, "bad", _letter("1"))
        await eventually(lambda: axis.of_type(ItemSkipped) or axis.of_type(SubmissionRefused))
        axis.drop(SENDER, "good", _letter("2"))
        await eventually(lambda: "good" in axis.sent(SENDER))

    assert axis.of_type(SubmissionRefused) == []
    assert axis.refused(SENDER) == []
    assert axis.outbox(SENDER) == ["bad"]
    assert axis.failures == []
