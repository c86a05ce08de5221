"""A system that answers hours later, or nonsense: nothing lost, nothing twice, no false refusal."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.contract import Answer, Offer, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from bus.core.duplicates import Standing
from bus.core.events import DeliveryHandedOver, DuplicateAbsorbed, ItemSkipped
from bus.core.message import SignedEnvelope
from bus.core.offered import OfferedDelivery
from bus.core.topology import queues_of
from bus.store.inbox import SqlInbox
from schemas.errors import FailureClass
from schemas.identifiers import DeliveryId, MailboxName
from schemas.problem import AxisError, Problem
from tests.acceptance.packets import a_packet
from tests.support.envelopes import RECIPIENT, SENDER, an_envelope
from tests.support.late_system import LateEndpoint, LateSystem
from tests.support.stores import inbox_in
from tests.support.two_agencies import TwoAgencies, eventually, publish

REFUSED = Problem(code="E_ENDPOINT_REFUSED", params={"agency": RECIPIENT, "cause": "quá lớn"})


class _Axis(TwoAgencies):
    def __init__(self, root: Path, *, endpoint: type[FolderEndpoint] = LateEndpoint) -> None:
        self.inbox = inbox_in(root / ".stores", SqlInbox)
        super().__init__(root, inbox=self.inbox, endpoint=endpoint)
        self.system = LateSystem(root / RECIPIENT)

    async def offered(self) -> DeliveryId:
        """Wait until the one document is offered and its message is acknowledged."""
        await eventually(self.system.taken)
        [delivery] = self.system.taken()
        await eventually(lambda: self.stands(delivery, Standing.OFFERED))
        return delivery

    async def stands(self, delivery: DeliveryId, standing: Standing) -> bool:
        """Whether the inbox knows the delivery as this."""
        if await self.inbox.done([delivery]):
            return standing is Standing.DONE
        if await self.inbox.offered([delivery]):
            return standing is Standing.OFFERED
        return standing is Standing.FRESH

    async def receipts(self, offered: OfferedDelivery) -> tuple[SignedEnvelope, ...]:
        """The signed receipts of a delivery, as its worker signs them."""
        courier = self.adapter(MailboxName(RECIPIENT), asyncio.Event()).inbound.courier
        return await courier.answers.signed(offered.receipts, to=offered.answer_to)


def _letter() -> bytes:
    return a_packet(sender=SENDER, receivers=[RECIPIENT], number="1")


def replace_endpoint(axis: _Axis, endpoint: type[FolderEndpoint]) -> _Axis:
    """The same axis, whose recipient is reached by another endpoint."""
    axis.parts = replace(axis.parts, endpoint=endpoint)
    return axis


def _codes(axis: TwoAgencies) -> list[str]:
    return [name.split("_")[1] for name in axis.statuses(SENDER)]


async def test_an_offered_document_holds_no_message_and_has_no_receipt(tmp_path: Path) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        await axis.offered()
        await eventually(
            lambda: not any(axis.broker.waiting(q) for q in queues_of(MailboxName(RECIPIENT)))
        )

    assert axis.statuses(SENDER) == []
    assert axis.failures == []


async def test_the_receipt_is_sent_when_the_system_has_answered(tmp_path: Path) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        axis.system.answer(await axis.offered())
        await eventually(lambda: axis.statuses(SENDER) and not axis.system.marked())

    assert _codes(axis) == ["01"]
    assert axis.failures == []
    assert [e.mailbox for e in axis.of_type(DeliveryHandedOver)].count(MailboxName(RECIPIENT)) == 1


async def test_an_answer_that_comes_after_a_restart_is_taken(tmp_path: Path) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        delivery = await axis.offered()
    axis.system.answer(delivery)

    async with axis.running():
        await eventually(lambda: axis.statuses(SENDER) and not axis.system.marked())

    assert axis.system.taken() == [delivery]
    assert _codes(axis) == ["01"]


async def test_a_repeated_message_is_acknowledged_without_a_second_offer(tmp_path: Path) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope())
        delivery = await axis.offered()
        await publish(axis, an_envelope())
        await eventually(lambda: axis.of_type(DuplicateAbsorbed))
        axis.system.answer(delivery)
        await eventually(lambda: axis.statuses(SENDER))

    assert axis.system.taken() == [delivery]
    assert len(axis.statuses(SENDER)) == 1


async def test_a_refusal_that_comes_later_is_a_failure_and_a_signed_refusal(
    tmp_path: Path,
) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        delivery = await axis.offered()
        axis.system.answer(delivery, REFUSED)
        await eventually(lambda: axis.statuses(SENDER) and not axis.system.marked())
        await eventually(lambda: axis.stands(delivery, Standing.FRESH))

    [failed] = axis.failed()
    assert failed.failure_class is FailureClass.RECIPIENT_REFUSED
    assert axis.failures[0].body
    assert _codes(axis) == ["02"]


async def test_what_was_refused_is_offered_again_when_it_is_replayed(tmp_path: Path) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope())
        delivery = await axis.offered()
        axis.system.answer(delivery, REFUSED)
        await eventually(lambda: axis.stands(delivery, Standing.FRESH))
        await publish(axis, an_envelope())
        await eventually(lambda: len(axis.system.taken()) == 2)
        await eventually(lambda: axis.stands(delivery, Standing.OFFERED))
        axis.system.answer(delivery)
        await eventually(lambda: axis.stands(delivery, Standing.DONE))

    assert len(axis.failures) == 1


async def test_an_answer_with_a_code_of_others_is_no_refusal_to_the_sender(tmp_path: Path) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        axis.system.answer(await axis.offered(), Problem(code="E_SCHEMA"))
        await eventually(lambda: axis.failures and not axis.system.marked())

    assert [failed.failure_class for failed in axis.failed()] == [FailureClass.OURS]
    assert axis.statuses(SENDER) == []


@pytest.mark.parametrize("refused", [False, True], ids=["taken", "refused"])
async def test_what_a_crash_left_half_answered_is_finished_after_the_start(
    tmp_path: Path, *, refused: bool
) -> None:
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        delivery = await axis.offered()
    axis.system.answer(delivery, REFUSED if refused else None)
    if refused:  # died after the failure was published and recorded
        await axis.inbox.refuse(delivery)
    else:  # died after the delivery was recorded as done, with its receipts, before they were sent
        [offered] = await axis.inbox.offered([delivery])
        receipts = await axis.receipts(offered.delivery)
        await axis.inbox.finish(delivery, receipts, now=axis.parts.clock())

    async with axis.running():
        await eventually(lambda: not axis.system.marked())
        await eventually(
            lambda: axis.stands(delivery, Standing.FRESH if refused else Standing.DONE)
        )
        if not refused:
            await eventually(lambda: axis.statuses(SENDER))

    assert axis.system.taken() == [delivery]
    assert _codes(axis) == ([] if refused else ["01"])
    assert axis.failures == []
    assert not await axis.inbox.answered(MailboxName(RECIPIENT))


class _ForgetsLater(LateEndpoint):
    """Is away when it is first told to forget."""

    away = True

    async def forget(self, delivery_id: DeliveryId) -> None:
        """Forget, the second time."""
        if self.away:
            self.away = False
            raise AxisError.of("E_ENDPOINT_DOWN", agency=RECIPIENT, cause=REFUSED)
        await super().forget(delivery_id)


async def test_what_was_refused_before_a_crash_is_closed_when_the_system_is_back(
    tmp_path: Path,
) -> None:
    """Although its answer was forgotten, and so is not given again."""
    axis = _Axis(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        delivery = await axis.offered()
    await axis.inbox.refuse(delivery)  # died after the failure was published and recorded
    axis.system.forget(delivery)

    axis = replace_endpoint(axis, _ForgetsLater)
    async with axis.running():
        await eventually(lambda: axis.of_type(ItemSkipped))
        await publish(axis, an_envelope())
        await eventually(lambda: axis.stands(delivery, Standing.FRESH))

    [skipped] = axis.of_type(ItemSkipped)
    assert skipped.problem.code == "E_ENDPOINT_DOWN"


class _Nonsense(FolderEndpoint):
    """Raises what no endpoint may raise."""

    error: Exception = ValueError("nonsense")

    async def offer(self, parcel: Parcel) -> Offer:
        """Raise it for documents."""
        if parcel.kind is ParcelKind.DOCUMENT:
            raise self.error
        return await super().offer(parcel)

    async def answers(self) -> Sequence[Answer]:
        """Raise it."""
        raise self.error


class _NoSetting(_Nonsense):
    error = AxisError.of("E_SETTING", name="X", cause=REFUSED)


class _SendersFault(_Nonsense):
    error = AxisError.of("E_ATTACHMENT_ABSENT", name="x", sha256="0" * 64)


@pytest.mark.parametrize("endpoint", [_Nonsense, _NoSetting, _SendersFault])
async def test_an_endpoint_that_raises_nonsense_refuses_nothing_to_the_sender(
    tmp_path: Path, endpoint: type[FolderEndpoint]
) -> None:
    axis = _Axis(tmp_path, endpoint=endpoint)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter())
        await eventually(lambda: axis.failures)
        await eventually(lambda: axis.of_type(ItemSkipped))

    assert [failed.failure_class for failed in axis.failed()] == [FailureClass.OURS]
    assert axis.failures[0].body
    assert axis.statuses(SENDER) == []
