"""Failures become rows, and rows come back to mailboxes: the handler on the in-memory bus."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from adapters.contract import Offer, Parcel, ParcelKind
from adapters.endpoints.folder import FolderEndpoint
from bus.core.dead_letters.letter import (
    DeadLetter,
    Decide,
    FailedAttempt,
    Happening,
    LetterState,
    OrderId,
)
from bus.core.dead_letters.order import Action, NewOrder, OrderState
from bus.core.dead_letters.report import NOBODYS
from bus.core.dead_letters.retry import RetryPolicy
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.events import (
    DuplicateAbsorbed,
    FailureRecorded,
    ForgeryRefused,
    LettersRedelivered,
    WorkStalled,
)
from bus.core.failure import FAILURE_HEADER, Stage, fail
from bus.core.message import WireMessage
from bus.core.stream import keep
from bus.core.topology import REDELIVERY, account_of
from bus.memory.broker import MemoryBroker
from bus.ports import PublishOutcome, ReceivedMessage, Recorded, Settlement
from bus.services.courier import MOST_DELIVERIES
from bus.store.dead_letters.letters import SqlDeadLetters
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem
from schemas.term import foreign
from tests.acceptance.packets import a_packet
from tests.support.envelopes import RECIPIENT, SENDER, a_document, an_envelope
from tests.support.stores import letters_in
from tests.support.two_agencies import TwoAgencies, eventually, publish

SOON = RetryPolicy(schedules={FailureClass.RECIPIENT_DOWN: (timedelta(), timedelta())})
ALL = Selection()
MAILBOX = MailboxName(RECIPIENT)


class _Ailing(FolderEndpoint):
    """A system that gives no answer about documents while it is ill."""

    ill = True

    async def offer(self, parcel: Parcel) -> Offer:
        if self.ill and parcel.kind is ParcelKind.DOCUMENT:
            raise AxisError.of("E_ENDPOINT_DOWN", agency=RECIPIENT, cause=foreign("time-out"))
        return await super().offer(parcel)


def _ailing() -> type[_Ailing]:
    """A class of one's own, for its health is shared by all its objects."""
    return type("Ailing", (_Ailing,), {})


def _letter(number: str = "1") -> bytes:
    return a_packet(sender=SENDER, receivers=[RECIPIENT], number=number)


async def _all(letters: SqlDeadLetters) -> Sequence[DeadLetter]:
    return await letters.find(ALL, sort=Sort.OLDEST, limit=100)


async def _one(letters: SqlDeadLetters) -> DeadLetter:
    [letter] = await letters.find(ALL, limit=10)
    return letter


def _in_state(letters: SqlDeadLetters, state: LetterState) -> Callable[[], object]:
    async def look() -> bool:
        return any(one.state is state for one in await _all(letters))

    return look


def _are(letters: SqlDeadLetters, number: int) -> Callable[[], object]:
    async def look() -> bool:
        return len(await _all(letters)) == number

    return look


def _returned(letters: SqlDeadLetters) -> Callable[[], object]:
    async def look() -> bool:
        return (await _all(letters))[0].returned

    return look


def _back(letters: SqlDeadLetters, number: int) -> Callable[[], object]:
    async def look() -> bool:
        return sum(map(_is_back, await _all(letters))) >= number

    return look


def _back_or_due(letters: SqlDeadLetters) -> Callable[[], object]:
    async def look() -> bool:
        return all(one.due_at or _is_back(one) for one in await _all(letters))

    return look


async def _replay(axis: TwoAgencies, letters: SqlDeadLetters, **changes: object) -> OrderId:
    order_id = OrderId(axis.new_id())
    order = NewOrder.model_validate(
        {"action": Action.REPLAY, "selection": ALL, "operator": "an"} | changes
    )
    await letters.place(order, order_id=order_id, now=datetime.now(UTC))
    return order_id


async def test_what_a_system_could_not_take_is_retried_and_delivered_once(tmp_path: Path) -> None:
    endpoint, letters = _ailing(), letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path, endpoint=endpoint)
    later = RetryPolicy(schedules={FailureClass.RECIPIENT_DOWN: (timedelta(seconds=1),) * 9})
    async with axis.running(axis.handler(letters, policy=later)):
        axis.drop(SENDER, "1.edxml", _letter())
        await eventually(_in_state(letters, LetterState.WAITING))
        endpoint.ill = False
        await eventually(lambda: axis.statuses(SENDER))

    letter = await _one(letters)
    assert (letter.state, letter.returned) == (LetterState.REDELIVERED, False)
    assert len(axis.documents(RECIPIENT)) == 1
    assert [e.happening for e in await letters.history(letter.id)][:2] == [
        Happening.FAILED,
        Happening.RETRIED,
    ]


async def test_after_the_last_retry_it_is_parked_as_one_letter(tmp_path: Path) -> None:
    letters = letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path, endpoint=_ailing())
    async with axis.running(axis.handler(letters, policy=SOON)):
        axis.drop(SENDER, "1.edxml", _letter())
        await eventually(_in_state(letters, LetterState.PARKED))

    letter = await _one(letters)
    assert (letter.attempts, letter.replays) == (3, 0)
    assert [e.attempts for e in axis.of_type(FailureRecorded)] == [1, 2, 3]


async def test_a_failure_that_is_told_twice_is_counted_once(tmp_path: Path) -> None:
    """Bad day 4: the worker was killed between telling and acknowledging."""
    letters, told = letters_in(tmp_path / ".stores", SqlDeadLetters), []
    axis = TwoAgencies(tmp_path)
    async with axis.running():
        await publish(axis, an_envelope(), signature="nonsense")
        await eventually(lambda: axis.failures)
        told = [replace(axis.failures[0], message_id=axis.new_id()) for _ in "12"]
    async with axis.running(axis.handler(letters)):
        for message in told:
            await axis.broker.publish(message, deadline=timedelta(seconds=1))
        await eventually(lambda: _all(letters))
        await eventually(lambda: not axis.broker.waiting("failures"))

    letter = await _one(letters)
    assert (letter.state, letter.attempts) == (LetterState.PARKED, 1)
    assert letter.failure_class == FailureClass.SECURITY


async def test_a_replay_delivers_the_same_bytes_and_is_linked_to_its_letter(
    tmp_path: Path,
) -> None:
    endpoint, letters = _ailing(), letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path, endpoint=endpoint)
    async with axis.running(axis.handler(letters, policy=RetryPolicy(schedules={}))):
        for number in range(5):
            axis.drop(SENDER, f"{number}.edxml", _letter(str(number)))
        await eventually(_are(letters, 5))
        endpoint.ill = False
        order_id = await _replay(axis, letters)
        await eventually(lambda: len(axis.documents(RECIPIENT)) == 5)

        order = await letters.order(order_id)
        await eventually(lambda: len(axis.statuses(SENDER)) == 5)

    assert (order.state, order.total, order.done) == (OrderState.DONE, 5, 5)
    assert {one.state for one in await _all(letters)} == {LetterState.REDELIVERED}
    assert {one.replays for one in await _all(letters)} == {1}
    [event] = [e for e in axis.of_type(LettersRedelivered) if e.order]
    assert (event.count, event.operator) == (5, "an")


async def test_what_comes_back_from_a_replay_is_marked_and_does_not_multiply(
    tmp_path: Path,
) -> None:
    letters = letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path, endpoint=_ailing())
    policy = RetryPolicy(schedules={}, quarantine_after=2)
    async with axis.running(axis.handler(letters, policy=policy)):
        axis.drop(SENDER, "1.edxml", _letter())
        await eventually(_in_state(letters, LetterState.PARKED))
        await _replay(axis, letters)
        await eventually(_returned(letters))
        once = await _one(letters)
        await _replay(axis, letters)
        await eventually(_in_state(letters, LetterState.QUARANTINED))

    twice = await _one(letters)
    assert (once.state, once.replays, once.attempts) == (LetterState.PARKED, 1, 2)
    assert (twice.id, twice.replays, twice.attempts) == (once.id, 2, 3)
    assert axis.documents(RECIPIENT) == []


async def test_what_was_delivered_meanwhile_is_absorbed_by_a_replay(tmp_path: Path) -> None:
    letters, received = letters_in(tmp_path / ".stores", SqlDeadLetters), []
    axis = TwoAgencies(tmp_path)
    async with axis.running(axis.handler(letters)):
        axis.drop(SENDER, "1.edxml", _letter())
        await eventually(lambda: axis.statuses(SENDER))
        # The failure of a worker that was killed before it could acknowledge.
        message = axis.signers.message(an_envelope())
        received.append(message)
        await publish(axis, an_envelope())
        await eventually(lambda: len(axis.documents(RECIPIENT)) == 2)
        await axis.broker.publish(
            _failed(axis, message, "E_ATTACHMENT_ABSENT"), deadline=timedelta(seconds=1)
        )
        await eventually(lambda: _all(letters))
        await _replay(axis, letters)
        await eventually(lambda: axis.of_type(DuplicateAbsorbed))

    assert len(axis.documents(RECIPIENT)) == 2


async def test_a_retry_whose_mailbox_is_gone_is_parked_and_says_so(tmp_path: Path) -> None:
    letters = letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path, endpoint=_ailing())
    topology = axis.broker._topology
    later = RetryPolicy(schedules={FailureClass.RECIPIENT_DOWN: (timedelta(seconds=1),)})
    async with axis.running(axis.handler(letters, policy=later)):
        axis.drop(SENDER, "1.edxml", _letter())
        await eventually(_in_state(letters, LetterState.WAITING))
        axis.broker.provision(
            replace(topology, bindings=tuple(b for b in topology.bindings if b.pattern == "#"))
        )
        await eventually(_in_state(letters, LetterState.PARKED))

    letter = await _one(letters)
    assert letter.problem.code == "E_UNROUTABLE"
    assert letter.attempts == 2


async def test_what_is_given_out_too_often_is_parked_untouched(tmp_path: Path) -> None:
    """Bad day 12: a delivery that nobody ever answers for."""
    letters = letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path)
    message, heard = axis.signers.message(an_envelope()), list[ReceivedMessage]()

    async def crash(received: ReceivedMessage) -> Settlement:
        heard.append(received)
        await asyncio.sleep(0)
        return Settlement.REJECT

    queue = f"mailbox.{RECIPIENT}.standard"
    async with axis.broker.subscribe(queue, crash, prefetch=1):
        await axis.broker.publish(
            replace(message, message_id="poison"), deadline=timedelta(seconds=1)
        )
        await eventually(lambda: len(heard) > MOST_DELIVERIES)
    async with axis.running(axis.handler(letters)):
        await eventually(lambda: _all(letters))

    letter = await _one(letters)
    assert letter.failure_class == FailureClass.DELIVERY_LIMIT
    assert str(letter.mailbox) == RECIPIENT
    assert (await letters.message(letter.id)).body == message.body
    assert axis.documents(RECIPIENT) == []


async def test_a_letter_may_be_replayed_to_another_mailbox_of_the_same_recipient(
    tmp_path: Path,
) -> None:
    """The sender named the mailbox of old; the directory has given the agency another since."""
    letters = letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path)
    envelope = an_envelope()
    moved = envelope.recipients[0].model_copy(update={"mailbox": "G97"})
    envelope = envelope.model_copy(update={"recipients": (moved,)})
    message = replace(
        axis.signers.message(envelope), routing_key="H98.G97.standard.document", message_id="m"
    )
    async with axis.running(axis.handler(letters)):
        await axis.broker.publish(
            _failed(axis, message, "E_ATTACHMENT_ABSENT", mailbox="G97"),
            deadline=timedelta(seconds=1),
        )
        await eventually(lambda: _all(letters))
        await _replay(axis, letters, to=RECIPIENT)
        await eventually(lambda: axis.statuses(SENDER))

    assert len(axis.documents(RECIPIENT)) == 1
    assert (await _one(letters)).state is LetterState.REDELIVERED


def _failed(
    axis: TwoAgencies, message: WireMessage, code: str, *, mailbox: str = RECIPIENT
) -> WireMessage:
    """What a worker of that mailbox would have told."""
    return fail(
        message,
        problem=Problem(code=code),
        stage=Stage.HAND_OVER,
        mailbox=MailboxName(mailbox),
        message_id=axis.new_id(),
        user_id=account_of(MailboxName(mailbox)),
        now=datetime.now(UTC),
    )


async def test_an_absent_attachment_is_one_letter_that_arrives_once_the_file_is_there(
    tmp_path: Path,
) -> None:
    letters = letters_in(tmp_path / ".stores", SqlDeadLetters)
    axis = TwoAgencies(tmp_path)
    digest = sha256(b"late").hexdigest()
    absent = {"name": "a.pdf", "media_type": "application/pdf", "size": 4, "sha256": digest}
    async with axis.running(axis.handler(letters)):
        await publish(axis, an_envelope(a_document(attachments=(absent,))))
        await eventually(_in_state(letters, LetterState.WAITING))
    letter = await _one(letters)
    assert letter.problem.code == "E_ATTACHMENT_AWAY"
    assert letter.number == an_envelope().document.full_number  # type: ignore[union-attr]
    assert axis.statuses(SENDER) == []

    keep(BytesIO(b"late"), axis.parts.attachments)
    later = axis.handler(letters, clock=lambda: datetime.now(UTC) + timedelta(minutes=1))
    async with axis.running(later):
        await eventually(lambda: axis.statuses(SENDER))
        await eventually(_in_state(letters, LetterState.REDELIVERED))

    assert len(axis.documents(RECIPIENT)) == 1


class _Choosy(SqlDeadLetters):
    """A store that trips over what one mailbox's letters say, in a way that nobody expected."""

    async def record(self, attempt: FailedAttempt, decide: Decide, *, now: datetime) -> Recorded:
        if b"poison" in attempt.message.body and attempt.failure.mailbox == MAILBOX:
            raise OverflowError("date value out of range")
        return await super().record(attempt, decide, now=now)


async def test_a_failure_that_nobody_expected_is_set_aside_alone_and_named(tmp_path: Path) -> None:
    letters, axis = letters_in(tmp_path / ".stores", _Choosy), TwoAgencies(tmp_path)
    poison = replace(axis.signers.message(an_envelope()), body=b"poison")
    honest = axis.signers.message(an_envelope())
    async with axis.running(axis.handler(letters, prefetch=2)):
        for delivery in (*(replace(poison, body=b"poison %d" % n) for n in range(5)), honest):
            await axis.broker.publish(
                _failed(axis, delivery, "E_ATTACHMENT_ABSENT"), deadline=timedelta(seconds=1)
            )
        await eventually(_are(letters, 6))

    aside = [letter for letter in await _all(letters) if letter.mailbox == NOBODYS]
    assert len(aside) == 5
    assert {letter.state for letter in await _all(letters)} == {LetterState.PARKED}
    assert {letter.failure_class for letter in aside} == {FailureClass.OURS}
    assert "OverflowError (tests.unit.test_dead_letter_handler:" in aside[0].problem.text()
    assert not axis.of_type(WorkStalled)


class _Sticky(MemoryBroker):
    """A broker whose driver trips over one message, in a way that nobody expected."""

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        if message.exchange == REDELIVERY and b"sticky" in message.body:
            raise ValueError("byte must be in range(0, 256)")
        return await super().publish(message, deadline=deadline)


async def test_a_retry_that_cannot_be_published_is_parked_and_holds_up_nobody(
    tmp_path: Path,
) -> None:
    letters, axis = letters_in(tmp_path / ".stores", SqlDeadLetters), TwoAgencies(tmp_path)
    sticky = _Sticky(axis.broker._topology)
    deliveries = [
        axis.signers.message(an_envelope(a_document(number=number, subject=subject)))
        for number, subject in (("1", "sticky"), ("2", "V/v"), ("3", "V/v"))
    ]
    handler = axis.handler(letters, publisher=sticky, policy=SOON)
    async with axis.running(handler):
        for delivery in deliveries:
            await axis.broker.publish(
                _failed(axis, delivery, "E_ENDPOINT_DOWN"), deadline=timedelta(seconds=1)
            )
        await eventually(_back(letters, 2))
        await eventually(_in_state(letters, LetterState.PARKED))

    [parked] = [letter for letter in await _all(letters) if not _is_back(letter)]
    assert parked.problem.code == "E_INTERNAL"
    assert parked.failure_class == FailureClass.OURS


def _is_back(letter: DeadLetter) -> bool:
    return letter.state is LetterState.REDELIVERED


async def test_what_nothing_proves_is_parked_when_it_is_due(tmp_path: Path) -> None:
    letters, axis = letters_in(tmp_path / ".stores", SqlDeadLetters), TwoAgencies(tmp_path)
    garbage = replace(axis.signers.message(an_envelope()), body=b"garbage")
    async with axis.running(axis.handler(letters, policy=SOON)):
        await axis.broker.publish(
            _failed(axis, garbage, "E_ENDPOINT_DOWN"), deadline=timedelta(seconds=1)
        )
        await eventually(_in_state(letters, LetterState.PARKED))

    letter = await _one(letters)
    assert letter.problem.code == "E_SIGNATURE_INVALID"
    assert not axis.of_type(LettersRedelivered)


async def test_a_report_that_is_none_raises_an_alarm_about_its_account_alone(
    tmp_path: Path,
) -> None:
    letters, axis = letters_in(tmp_path / ".stores", SqlDeadLetters), TwoAgencies(tmp_path)
    told = _failed(axis, axis.signers.message(an_envelope()), "E_ENDPOINT_DOWN")
    async with axis.running(axis.handler(letters)):
        for headers in ({}, {**told.headers, FAILURE_HEADER: "{}"}):
            message = replace(told, headers=headers, message_id=axis.new_id())
            await axis.broker.publish(message, deadline=timedelta(seconds=1))
        await eventually(lambda: len(axis.of_type(ForgeryRefused)) == 2)

    [letter] = await _all(letters)
    assert (letter.problem.code, letter.mailbox) == ("E_REPORT_INVALID", MAILBOX)
    assert {alarm.account for alarm in axis.of_type(ForgeryRefused)} == {f"agency.{RECIPIENT}"}


class _Full(MemoryBroker):
    """A broker on which one mailbox is full."""

    async def publish(self, message: WireMessage, *, deadline: timedelta) -> PublishOutcome:
        if message.exchange == REDELIVERY and b"crowded" in message.body:
            return PublishOutcome.REFUSED
        return await super().publish(message, deadline=deadline)


async def test_retries_of_a_full_mailbox_wait_and_hold_up_nobody(tmp_path: Path) -> None:
    letters, axis = letters_in(tmp_path / ".stores", SqlDeadLetters), TwoAgencies(tmp_path)
    handler = axis.handler(letters, publisher=_Full(axis.broker._topology), policy=SOON)
    async with axis.running(handler):
        for number, subject in (("1", "crowded"), ("2", "crowded"), ("3", "V/v")):
            delivery = axis.signers.message(an_envelope(a_document(number=number, subject=subject)))
            await axis.broker.publish(
                _failed(axis, delivery, "E_ENDPOINT_DOWN"), deadline=timedelta(seconds=1)
            )
        await eventually(_back(letters, 1))
        await eventually(_back_or_due(letters))

    waiting = [letter for letter in await _all(letters) if not _is_back(letter)]
    assert [letter.state for letter in waiting] == [LetterState.WAITING] * 2
    assert {letter.attempts for letter in waiting} == {1}
    assert not axis.of_type(WorkStalled)
