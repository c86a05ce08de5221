"""When a recipient's system does not take what it is given: who waits, who is told."""

from pathlib import Path

import pytest

from adapters.contract import Offer, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from adapters.endpoints.inbox import NOTE_SUFFIX
from bus.core.events import EndpointPaused, EndpointResumed, EnvelopeSent
from schemas.errors import FailureClass
from schemas.problem import AxisError, Problem
from schemas.term import foreign
from tests.acceptance.packets import a_packet
from tests.support.envelopes import RECIPIENT, SENDER, a_document, an_envelope
from tests.support.two_agencies import TwoAgencies, eventually, publish


def _letter(number: str) -> bytes:
    return a_packet(sender=SENDER, receivers=[RECIPIENT], number=number)


class _Picky(FolderEndpoint):
    """A system that gives no answer about one document, and takes all others."""

    async def offer(self, parcel: Parcel) -> Offer:
        if parcel.kind is ParcelKind.DOCUMENT and "_13-VB" in parcel.name:
            raise AxisError.of("E_ENDPOINT_DOWN", agency=RECIPIENT, cause=foreign("time-out"))
        return await super().offer(parcel)


class _Strict(FolderEndpoint):
    """A system that refuses one document on purpose."""

    async def offer(self, parcel: Parcel) -> Offer:
        if parcel.kind is ParcelKind.DOCUMENT and "_13-VB" in parcel.name:
            raise AxisError.of(
                "E_ENDPOINT_REFUSED", agency=RECIPIENT, cause=foreign("không hợp lệ")
            )
        return await super().offer(parcel)


async def test_while_a_system_is_away_its_mailbox_waits_and_goes_on_in_order(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path)
    home, elsewhere = axis.folder(RECIPIENT), tmp_path / "not mounted"
    async with axis.running():
        home.rename(elsewhere)
        for number in range(12):
            axis.drop(SENDER, f"{number:02}.edxml", _letter(str(number)))
        await eventually(lambda: len(axis.of_type(EnvelopeSent)) == 12)
        await eventually(lambda: axis.of_type(EndpointPaused))
        elsewhere.rename(home)
        await eventually(lambda: len(axis.statuses(SENDER)) == 12)

    assert axis.numbers(RECIPIENT) == axis.published_numbers()
    assert axis.failures == []
    assert len(axis.of_type(EndpointPaused)) == len(axis.of_type(EndpointResumed)) == 1
    assert [str(e.mailbox) for e in axis.of_type(EndpointPaused)] == [RECIPIENT]


async def test_one_delivery_a_system_gives_no_answer_about_does_not_hold_up_the_next(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path, endpoint=_Picky)
    async with axis.running():
        for number in ("12", "13", "14"):
            axis.drop(SENDER, f"{number}.edxml", _letter(number))
        await eventually(lambda: len(axis.statuses(SENDER)) == 2)
        await eventually(lambda: axis.failures)

    [failure] = axis.failed()
    assert failure.failure_class is FailureClass.RECIPIENT_DOWN
    assert axis.of_type(EndpointPaused) == []
    assert len(axis.documents(RECIPIENT)) == 2


async def test_a_refusal_on_purpose_is_told_to_the_sender_signed_and_with_its_reason(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path, endpoint=_Strict)
    async with axis.running():
        axis.drop(SENDER, "13.edxml", _letter("13"))
        await eventually(lambda: axis.statuses(SENDER))

    [failure], [status] = axis.failed(), axis.statuses(SENDER)
    assert failure.failure_class is FailureClass.RECIPIENT_REFUSED
    assert status.split("_")[1] == "02"
    told = (axis.folder(SENDER) / "inbox" / "statuses" / status).read_text(encoding="utf-8")
    assert "E_ENDPOINT_REFUSED" in told
    assert "không hợp lệ" in told


async def test_what_only_the_sender_can_mend_is_refused_to_the_sender(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope(a_document(circulation="Mật")))
        await eventually(lambda: axis.statuses(SENDER))

    told = [name for name in axis.statuses(SENDER) if not name.endswith(NOTE_SUFFIX)]
    assert [name.split("_")[1] for name in told] == ["02"]


async def test_a_forgery_is_answered_to_nobody(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    message = axis.signers.message(an_envelope())
    async with axis.running():
        await publish(axis, an_envelope(), body=message.body.replace(b"147", b"148"))
        await eventually(lambda: axis.failures)

    assert axis.failed()[0].failure_class is FailureClass.SECURITY
    assert axis.statuses(SENDER) == []


class _Nonsense(FolderEndpoint):
    """A system of a third party that raises what its contract does not know."""

    error: Exception = AssertionError()

    async def offer(self, parcel: Parcel) -> Offer:
        if parcel.kind is ParcelKind.DOCUMENT:
            raise self.error
        return await super().offer(parcel)


@pytest.mark.parametrize(
    "error",
    [
        AxisError.of("E_SETTING", name="LIENTHONG_X", cause=foreign("?")),
        AxisError(Problem(code="E_NOBODY_KNOWS")),
        AxisError.of("E_KEYS", agency=RECIPIENT, cause=foreign("?")),
        KeyError("bussiness"),
    ],
    ids=["the operator's", "unknown", "of keys", "no error of ours"],
)
async def test_what_a_third_party_breaks_is_never_refused_to_an_innocent_sender(
    tmp_path: Path, error: Exception
) -> None:
    """Bad day 37: parked as ours, with an alarm."""
    endpoint = type("_Endpoint", (_Nonsense,), {"error": error})
    axis = TwoAgencies(tmp_path, endpoint=endpoint)
    async with axis.running():
        axis.drop(SENDER, "13.edxml", _letter("13"))
        await eventually(axis.failed)

    [failure] = axis.failed()
    assert failure.failure_class is FailureClass.OURS
    assert axis.statuses(SENDER) == []
