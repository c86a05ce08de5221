"""The whole path on the in-memory bus: what is promised to agencies, one fact a test."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from bus.core.events import DuplicateAbsorbed, SubmissionRefused, WorkStalled
from bus.core.failure import Stage
from bus.core.message import SignedEnvelope
from bus.ports import BrokerHealth, Claim, Claimed
from bus.store.inbox import SqlInbox
from schemas.document import Document, Organization
from schemas.errors import FailureClass
from schemas.identifiers import DeliveryId
from schemas.problem import AxisError
from schemas.term import foreign
from tests.acceptance.packets import a_packet, a_status
from tests.support.envelopes import RECIPIENT, SENDER, a_document, an_envelope
from tests.support.stores import inbox_in
from tests.support.two_agencies import TwoAgencies, eventually, publish


def _letter(number: str, **changes: object) -> bytes:
    return a_packet(sender=SENDER, receivers=[RECIPIENT], number=number, **changes)


async def test_a_document_arrives_once_and_is_answered(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter("1", files={"a.txt": b"content"}))

        await eventually(lambda: axis.statuses(SENDER))

    assert len(axis.documents(RECIPIENT)) == 1
    assert (axis.folder(SENDER) / "sent" / "a.edxml").exists()
    assert axis.failures == []


async def test_what_the_sender_said_beyond_the_known_fields_arrives(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    said = b"<edXML:SteeringType>1</edXML:SteeringType><B xmlns='urn:khac'>x</B>"
    end = b"</edXML:MessageHeader>"
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter("1").replace(end, said + end))
        await eventually(lambda: axis.statuses(SENDER))

    [name] = axis.documents(RECIPIENT)
    packet = (axis.folder(RECIPIENT) / "inbox" / "documents" / name).read_text()
    assert "<edXML:SteeringType>1</edXML:SteeringType>" in packet
    assert '<B xmlns="urn:khac">x</B>' in packet


async def test_a_status_travels_back(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter("1"))
        await eventually(lambda: axis.statuses(SENDER))

        axis.drop(RECIPIENT, "s.edxml", a_status(sender=RECIPIENT, addressee=SENDER, number="1"))
        await eventually(lambda: len(axis.statuses(SENDER)) == 2)

    assert [name.split("_")[1] for name in axis.statuses(SENDER)] == ["01", "03"]


async def test_order_within_a_lane_is_kept(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        for number in range(30):
            axis.drop(SENDER, f"{number:02}.edxml", _letter(str(number)))
        await eventually(lambda: len(axis.documents(RECIPIENT)) == 30)

    assert axis.numbers(RECIPIENT) == axis.published_numbers()


async def test_the_same_envelope_twice_is_one_hand_over_and_the_same_receipt(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope())
        await eventually(lambda: axis.statuses(SENDER))
        await publish(axis, an_envelope())
        await eventually(lambda: len(axis.of_type(DuplicateAbsorbed)) == 2)

    assert len(axis.documents(RECIPIENT)) == 1
    assert len(axis.statuses(SENDER)) == 1


async def test_the_same_identity_with_other_content_is_parked_as_a_conflict(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope())
        await eventually(lambda: axis.documents(RECIPIENT))
        await publish(axis, an_envelope(a_document(subject="V/v khác hẳn")))
        await eventually(lambda: axis.failures)

    [failure] = axis.failed()
    assert failure.failure_class is FailureClass.CONFLICT
    assert failure.problem.code == "E_CONFLICT"
    told = failure.problem.text()
    assert a_document().document_id in told
    assert str(a_document().subject) in told
    assert an_envelope().envelope_id in told
    assert len(axis.documents(RECIPIENT)) == 1


async def test_a_flipped_byte_is_a_security_failure_with_its_original_bytes(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path)
    body = axis.signers.message(an_envelope()).body.replace("rà soát".encode(), "rà soat ".encode())
    async with axis.running():
        await publish(axis, an_envelope(), body=body)
        await eventually(lambda: axis.failures)

    [failure], [message] = axis.failed(), axis.failures
    assert (failure.failure_class, failure.stage) == (FailureClass.SECURITY, Stage.VERIFY)
    assert message.body == body
    assert axis.documents(RECIPIENT) == []


async def test_an_absent_attachment_waits_as_a_row_and_refuses_nothing_to_the_sender(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        # The first delivery of a lane is taken alone.
        await publish(axis, an_envelope(a_document(number="1", document_id="1")))
        await eventually(lambda: axis.documents(RECIPIENT))
        await publish(axis, an_envelope(_with_attachment(b"late")))
        await publish(axis, an_envelope(a_document(number="2", document_id="2")))
        await eventually(lambda: len(axis.documents(RECIPIENT)) == 2)
        assert axis.failures == []
        await eventually(lambda: axis.failures)

    [failure] = axis.failed()
    assert failure.problem.code == "E_ATTACHMENT_AWAY"
    assert failure.failure_class is FailureClass.NOT_THERE_YET
    assert failure.stage is Stage.FETCH
    assert len(axis.documents(RECIPIENT)) == 2
    assert [name.split("_")[1] for name in axis.statuses(SENDER)] == ["01", "01"]


async def test_an_attachment_that_comes_late_is_delivered_once(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope(_with_attachment(b"late")))
        await eventually(lambda: axis.of_type(WorkStalled))
        writer = axis.parts.attachments.begin()
        writer.write(b"late")
        writer.keep()
        await eventually(lambda: axis.statuses(SENDER))

    assert axis.failures == []
    assert len(axis.documents(RECIPIENT)) == 1
    assert list((tmp_path / "attachment-cache" / "deliveries").iterdir()) == []


def _with_attachment(content: bytes) -> Document:
    file = {
        "name": "a.pdf",
        "media_type": "application/pdf",
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
    }
    return a_document(attachments=(file,))


async def test_a_broken_file_is_refused_and_does_not_stop_the_next(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        axis.drop(SENDER, "0.edxml", b"<edXML><oops>")
        axis.drop(SENDER, "1.edxml", _letter("1"))
        await eventually(lambda: axis.documents(RECIPIENT))
        await eventually(lambda: axis.of_type(SubmissionRefused))

    assert (axis.folder(SENDER) / "refused" / "0.edxml").exists()
    assert (axis.folder(SENDER) / "refused" / "0.edxml.error.json").exists()


class _Away(SqlInbox):
    """A store that does not answer until it is told to."""

    away = True

    async def claim(self, claim: Claim, *, now: datetime) -> Claimed:
        if self.away:
            raise AxisError.of("E_STORE_AWAY", cause=foreign("locked"))
        return await super().claim(claim, now=now)


async def test_while_the_store_is_away_nothing_is_acknowledged_and_then_it_goes_on(
    tmp_path: Path,
) -> None:
    inbox = inbox_in(tmp_path / ".stores", _Away)
    axis = TwoAgencies(tmp_path, inbox=inbox)
    async with axis.running():
        await publish(axis, an_envelope())
        await eventually(lambda: axis.of_type(WorkStalled))
        assert axis.documents(RECIPIENT) == []
        inbox.away = False
        await eventually(lambda: axis.documents(RECIPIENT))

    assert axis.failures == []


class _AwayAfterwards(SqlInbox):
    """A store that goes away between a claim and its finish, and comes back."""

    answers = 0

    async def finish(
        self, delivery_id: DeliveryId, receipts: Sequence[SignedEnvelope], *, now: datetime
    ) -> None:
        self._answer()
        await super().finish(delivery_id, receipts, now=now)

    async def release(self, delivery_id: DeliveryId, *, owner: str = "") -> None:
        self._answer()
        await super().release(delivery_id, owner=owner)

    def _answer(self) -> None:
        self.answers += 1
        if self.answers <= 2:
            raise AxisError.of("E_STORE_AWAY", cause=foreign("locked"))


async def test_a_lease_that_could_not_be_given_back_is_not_waited_for_by_its_owner(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path, inbox=inbox_in(tmp_path / ".stores", _AwayAfterwards))
    async with axis.running():
        await publish(axis, an_envelope())
        await eventually(lambda: axis.statuses(SENDER))

    assert len(axis.documents(RECIPIENT)) == 1
    assert [event.problem.code for event in axis.of_type(WorkStalled)] == ["E_STORE_AWAY"]


async def test_stopping_returns_what_is_not_done(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path, inbox=inbox_in(tmp_path / ".stores", _Away))
    async with axis.running():
        await publish(axis, an_envelope())
        await eventually(lambda: axis.of_type(WorkStalled))

    assert len(axis.broker.waiting(f"mailbox.{RECIPIENT}.standard")) == 1


async def test_while_the_broker_is_away_files_wait_in_the_outbox(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        axis.broker.become(BrokerHealth.AWAY)
        axis.drop(SENDER, "a.edxml", _letter("1"))
        await eventually(lambda: axis.of_type(WorkStalled))
        assert (axis.folder(SENDER) / "outbox" / "a.edxml").exists()
        axis.broker.become(BrokerHealth.READY)
        await eventually(lambda: axis.statuses(SENDER))

    assert len(axis.documents(RECIPIENT)) == 1


async def test_a_receiver_without_mailbox_on_the_broker_is_refused(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    topology = axis.broker._topology
    axis.broker.provision(replace(topology, bindings=()))
    async with axis.running():
        axis.drop(SENDER, "a.edxml", _letter("1"))
        await eventually(lambda: axis.of_type(SubmissionRefused))

    assert axis.of_type(SubmissionRefused)[0].problems[0].code == "E_UNROUTABLE"


async def test_a_mailbox_that_is_not_on_the_list_refuses(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    stray = a_document(to_agencies=(Organization(organ_id="H01"),))
    envelope = an_envelope(stray)
    elsewhere = envelope.recipients[0].model_copy(update={"agency": "H01", "mailbox": "H01"})
    async with axis.running():
        await publish(axis, envelope.model_copy(update={"recipients": (elsewhere,)}))
        await eventually(lambda: axis.failures)

    assert axis.failed()[0].problem.code == "E_NOT_ADDRESSED"
