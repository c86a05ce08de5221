"""No item ends a loop: what fails unexpectedly is set aside alone, and everything else goes on."""

import asyncio
import io
import struct
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import BinaryIO

import pytest

from adapters.contract import Answer, AttachmentSink, Limits, Submission
from adapters.endpoints.folder import FolderEndpoint
from adapters.formats.edxml import EdxmlFormat
from bus.core.events import Event, ItemSkipped, ServiceEnded, ServiceName
from bus.core.key_events import SigningKeyChanged
from bus.core.message import WireMessage
from bus.core.signing import SigningKey
from bus.core.topology import FAILURES, desired, queue_of
from bus.core.trace import TRACEPARENT
from bus.home.attempts import FolderAttempts
from bus.memory.attachments import MemoryAttachments
from bus.memory.broker import MemoryBroker
from bus.ports import PublishOutcome, ReceivedMessage, Settlement
from bus.services.crash_guard import CrashGuard, FormatLeftError, GuardedFormat
from bus.services.dispatch import Dispatch
from bus.services.failed_items import LONGEST, FailedItems
from bus.services.retry_wait import RetryWait
from bus.services.signing_keys import KeySigner, SigningKeys
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName
from schemas.problem import ConfigurationError, Problem
from schemas.reading import Reading
from tests.acceptance.packets import a_packet
from tests.support.envelopes import NOW, RECIPIENT, SENDER, Signers, a_recipient, an_envelope
from tests.support.two_agencies import TwoAgencies, eventually, publish

ODD = f"00-{'a' * 32}-{'b' * 16}-01"


def _letter(number: str) -> bytes:
    return a_packet(sender=SENDER, receivers=[RECIPIENT], number=number)


class _Confused(FolderEndpoint):
    """A system that trips over one file when it is told that it was sent."""

    async def accept(self, submission: Submission, *, notices: Sequence[Problem] = ()) -> None:
        if submission.name == "odd.edxml" and submission.size % 2 == 0:
            raise KeyError(submission.name)
        await super().accept(submission, notices=notices)


def _even(letter: bytes, *, even: bool = True) -> bytes:
    return letter if (len(letter) % 2 == 0) is even else letter + b"\n"


async def test_a_file_that_fails_after_it_was_published_holds_up_no_other(tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path, endpoint=_Confused)
    async with axis.running():
        axis.drop(SENDER, "odd.edxml", _even(_letter("1")))
        await eventually(lambda: axis.of_type(ItemSkipped))
        for number in ("2", "3"):
            axis.drop(SENDER, f"{number}.edxml", _letter(number))
        await eventually(lambda: len(axis.statuses(SENDER)) == 3)

        # Another file in its place is another file: tried at once.
        (axis.folder(SENDER) / "outbox" / "odd.edxml").unlink()
        axis.drop(SENDER, "odd.edxml", _even(_letter("4"), even=False))
        await eventually(lambda: len(axis.statuses(SENDER)) == 4)

    skipped = axis.of_type(ItemSkipped)[0]
    assert (skipped.service, skipped.item) == (ServiceName.OUTBOUND, f"{SENDER}/odd.edxml")
    assert skipped.problem.params["cause.error"].startswith(f"KeyError ({__name__}:")
    assert len(axis.documents(RECIPIENT)) == 4


class _Blind(FolderEndpoint):
    """A system of one agency whose outbox cannot be looked into, for no known reason."""

    async def submissions(self) -> Sequence[Submission]:
        if self._root.name == RECIPIENT:
            raise ZeroDivisionError
        return await super().submissions()


async def test_a_direction_that_dies_again_and_again_costs_nobody_else_anything(
    tmp_path: Path,
) -> None:
    axis = TwoAgencies(tmp_path, endpoint=_Blind)
    axis.may_die = True
    async with axis.running():
        axis.drop(SENDER, "1.edxml", _letter("1"))
        await eventually(lambda: axis.statuses(SENDER))
        await eventually(lambda: len(axis.of_type(ServiceEnded)) >= 3)

    died = axis.of_type(ServiceEnded)
    assert {(event.service, event.of) for event in died} == {(ServiceName.OUTBOUND, RECIPIENT)}
    assert [event.pause for event in died] == sorted(event.pause for event in died)


class _Restless(FolderEndpoint):
    """Reports a change all the time."""

    looks = 0

    async def submissions(self) -> Sequence[Submission]:
        self.looks += 1
        return await super().submissions()

    async def answers(self) -> Sequence[Answer]:
        self.looks += 1
        return ()

    async def changed(self) -> None:
        return


async def test_an_endpoint_that_reports_changes_all_the_time_makes_no_busy_loop(
    tmp_path: Path,
) -> None:
    axis, loop = TwoAgencies(tmp_path, endpoint=_Restless), asyncio.get_running_loop()
    adapter = axis.adapter(MailboxName(SENDER), asyncio.Event())
    assert isinstance(adapter.endpoint, _Restless)
    endpoint, began = adapter.endpoint, loop.time()
    running = [asyncio.create_task(run()) for run in (adapter.outbound.run, adapter.completion.run)]
    await eventually(lambda: endpoint.looks >= 10)
    looks, took = endpoint.looks, loop.time() - began
    adapter.stop.set()
    await asyncio.gather(*running)

    # Two loops, each of which looks at once and then at most every 20 ms.
    assert looks <= 2 * (1 + took / 0.02)


def test_what_is_set_aside_is_tried_later_and_later_and_forgotten_when_it_is_gone() -> None:
    told: list[ItemSkipped] = []
    moment = NOW

    def hear(event: Event) -> None:
        assert isinstance(event, ItemSkipped)
        told.append(event)

    aside = FailedItems(
        service=ServiceName.OUTBOUND, clock=lambda: moment, jitter=lambda: 0.0, observe=hear
    )
    for _ in range(15):
        aside.put("a", "a", KeyError())
        pause = told[-1].pause
        assert pause is not None
        assert not aside.is_due("a")
        moment += pause
        assert aside.is_due("a")

    pauses = [event.pause for event in told]
    assert pauses[:3] == [timedelta(seconds=s) for s in (1, 2, 4)]
    assert pauses[-1] == LONGEST
    aside.put("a", "a", KeyError())
    assert aside.is_due("b")
    aside.keep_only(["b"])
    assert aside.is_due("a")


class _Leaving(EdxmlFormat):
    """A format that ends more than its own work."""

    def __init__(self, way: BaseException) -> None:
        super().__init__()
        self.way = way

    def read(
        self,
        source: BinaryIO,  # noqa: ARG002
        *,
        sink: AttachmentSink,  # noqa: ARG002
        limits: Limits,  # noqa: ARG002
        today: date,  # noqa: ARG002
    ) -> Reading:
        """Leaves."""
        raise self.way


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(
    "way",
    [SystemExit(0), KeyboardInterrupt(), asyncio.CancelledError(), StopIteration(1)],
    ids=repr,
)
async def test_a_format_cannot_end_its_process_or_let_it_wait_for_ever(
    tmp_path: Path, way: BaseException, careful: bool
) -> None:
    guard = CrashGuard(FolderAttempts(tmp_path / "attempts"))
    if careful:
        guard.be_careful()
    leaving = GuardedFormat(_Leaving(way), guard)

    async with asyncio.timeout(5):
        with pytest.raises(FormatLeftError, match=type(way).__name__):
            await asyncio.to_thread(
                leaving.read,
                io.BytesIO(_letter("1")),
                sink=MemoryAttachments(),
                limits=Limits(),
                today=date(2026, 3, 12),
            )


async def test_one_agencys_key_that_nobody_can_read_takes_no_key_from_the_others() -> None:
    told: list[Event] = []
    right, odd, well = Signers().key(SENDER), MailboxName("G98"), MailboxName("H98")

    def load(mailbox: MailboxName) -> SigningKey:
        if mailbox == odd:
            raise OverflowError
        return right

    keys = SigningKeys(load=load, deadline=timedelta(seconds=5), observe=told.append)
    await keys.choose([odd, well])

    assert keys.of(well) is right
    [changed] = told
    assert isinstance(changed, SigningKeyChanged)
    assert changed.mailbox == odd
    with pytest.raises(Exception, match="E_SIGNING_KEY_AWAY"):
        keys.of(odd)


async def test_a_mailbox_that_is_full_is_waited_for_once_and_then_costs_nobody_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bus.services.dispatch.MOST_REFUSALS", 2)
    signers, stalled = Signers(), list[Event]()
    boxes = (MailboxName(SENDER), MailboxName(RECIPIENT))
    broker = MemoryBroker(desired(boxes, ledger=False, max_queue_bytes=1))
    ids = count()
    dispatch = Dispatch(
        mailbox=boxes[0],
        signer=KeySigner(
            mailbox=boxes[0], key=lambda: signers.key(SENDER), deadline=timedelta(seconds=1)
        ),
        publisher=broker,
        clock=lambda: NOW,
        new_id=lambda: str(next(ids)),
        deadline=timedelta(seconds=1),
    )
    signed = await dispatch.signed(an_envelope())

    async def send() -> None:
        retry_wait = RetryWait(
            mailbox=boxes[0], observe=stalled.append, stop=asyncio.Event(), jitter=lambda: 0.0
        )
        await dispatch.send(
            signed,
            kind=EnvelopeKind.DOCUMENT,
            lane=Lane.STANDARD,
            recipients=(a_recipient(),),
            retry_wait=retry_wait,
        )

    await send()  # there is room for one
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="E_MAILBOX_REFUSED"):
            await send()
    assert len(stalled) == 1

    async def take(_: ReceivedMessage) -> Settlement:
        return Settlement.ACK

    async with broker.subscribe(queue_of(boxes[1], Lane.STANDARD), take, prefetch=1):
        await eventually(lambda: not broker.waiting(queue_of(boxes[1], Lane.STANDARD)))
        await send()
    assert dispatch.full == set()


async def test_a_delivery_whose_failure_cannot_even_be_told_is_told_without_its_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that cannot write a header stands for whatever nobody has thought of."""
    publish_as_it_is = MemoryBroker.publish

    async def picky(
        self: MemoryBroker, message: WireMessage, *, deadline: timedelta
    ) -> PublishOutcome:
        if message.exchange == FAILURES and message.headers.get(TRACEPARENT) == ODD:
            raise struct.error
        return await publish_as_it_is(self, message, deadline=deadline)

    monkeypatch.setattr(MemoryBroker, "publish", picky)
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope(), body=b"{}", headers={TRACEPARENT: ODD})
        axis.drop(SENDER, "1.edxml", _letter("1"))
        await eventually(lambda: axis.statuses(SENDER))
        await eventually(lambda: axis.failures)

    [failure] = axis.failed()
    assert failure.problem.code == "E_INTERNAL"
    assert failure.problem.params["cause.error"].startswith(f"error ({__name__}:")
    assert axis.failures[0].body == b"{}"
