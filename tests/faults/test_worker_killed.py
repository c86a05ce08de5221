"""A worker that dies at the worst moments: nothing is lost, nothing is handed over twice."""

import shutil
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bus.core.events import DuplicateAbsorbed
from bus.core.topology import queue_of
from bus.ports import PublishOutcome
from bus.rabbit.broker import RabbitBroker
from schemas.codes import Lane
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from tests.faults.axis import (
    DEADLINE,
    Site,
    depth,
    eventually,
    failures_of,
    found_site,
)
from tests.faults.crashes import CrashPoint
from tests.faults.worker import Errand, worker_of
from tests.support.envelopes import RECIPIENT, SENDER, an_envelope
from tests.support.late_system import LateSystem
from tests.support.rabbit_bus import VirtualHost

MAILBOX = queue_of(MailboxName(RECIPIENT), Lane.STANDARD)


def drop_letters(site: Site, numbers: range) -> None:
    """Documents in the outbox of the sender, the first first."""
    for number in numbers:
        site.folders.drop(SENDER, f"{number:03}.edxml", site.letter(str(number)))


@pytest.mark.parametrize("crash", [CrashPoint.HANDED_OVER, CrashPoint.RECORDED])
async def test_killed_between_hand_over_and_acknowledgement_it_hands_nothing_over_twice(
    vhost: VirtualHost, tmp_path: Path, crash: CrashPoint
) -> None:
    """Bad day 3, also when the agency has taken the document away meanwhile."""
    site = await found_site(vhost, tmp_path)
    folders, taken = site.folders, tmp_path / "taken"
    taken.mkdir()
    drop_letters(site, range(8))

    async with worker_of(Errand(site=site, crash=crash, uses=4)) as worker:
        assert await worker.ended() == -signal.SIGKILL
    before = folders.documents(RECIPIENT)
    for name in before:
        shutil.move(folders.folder(RECIPIENT) / "inbox/documents" / name, taken)
    async with worker_of(Errand(site=site)) as worker:
        await eventually(lambda: len(folders.statuses(SENDER)) == 8)
        await eventually(lambda: len(folders.sent(SENDER)) == 8)
        assert await worker.stop() == 0
    after = folders.documents(RECIPIENT)

    assert len(before) >= 4
    assert len({*before, *after}) == len(before) + len(after) == 8
    assert len(folders.statuses(SENDER)) == 8
    if crash is CrashPoint.RECORDED:
        assert worker.told(DuplicateAbsorbed)


@pytest.mark.parametrize(
    "crash",
    [
        CrashPoint.NEVER,  # it is killed when nothing happens
        CrashPoint.HANDED_OVER,
        CrashPoint.OFFER_RECORDED,
        CrashPoint.RECORDED,
    ],
)
async def test_killed_between_offer_and_answer_it_sends_one_receipt_when_the_answer_comes(
    vhost: VirtualHost, tmp_path: Path, crash: CrashPoint
) -> None:
    """The agency's system gets the document once; it answers while or after the worker is dead."""
    site = await found_site(vhost, tmp_path)
    folders, system = site.folders, LateSystem(site.folders.folder(RECIPIENT))
    drop_letters(site, range(1))

    async with worker_of(Errand(site=site, crash=crash, late=True)) as worker:
        await eventually(system.taken)
        if crash is CrashPoint.NEVER:
            await eventually(lambda: folders.sent(SENDER))
            worker.send(signal.SIGKILL)
        if crash is CrashPoint.RECORDED:
            system.answer(system.taken()[0])
        assert await worker.ended() == -signal.SIGKILL
    [delivery] = system.taken()
    assert folders.statuses(SENDER) == []

    async with worker_of(Errand(site=site, late=True)) as worker, failures_of(site) as failures:
        system.answer(delivery)
        await eventually(lambda: folders.statuses(SENDER))
        await eventually(lambda: not system.marked())
        assert await worker.stop() == 0
    async with worker_of(Errand(site=site, late=True)) as worker:
        # What was left in any queue would come now.
        site.folders.drop(SENDER, "next.edxml", site.letter("1000"))
        await eventually(lambda: len(system.taken()) == 2)
        assert await worker.stop() == 0

    assert system.taken().count(delivery) == 1
    assert len(folders.statuses(SENDER)) == 1
    assert failures.messages == []


async def test_killed_between_telling_a_failure_and_acknowledging_it_tells_the_same_attempt_twice(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 4: two copies arrive, and say that they are one attempt at one delivery."""
    site = await found_site(vhost, tmp_path)
    message = site.signed(an_envelope())
    spoilt = replace(message, message_id="spoilt", body=message.body.replace(b"147", b"148"))
    async with RabbitBroker(site.amqp_url, name="test", impersonates=True) as broker:
        assert await broker.publish(spoilt, deadline=DEADLINE) is PublishOutcome.CONFIRMED

    async with worker_of(Errand(site=site, crash=CrashPoint.FAILURE_TOLD)) as worker:
        assert await worker.ended() == -signal.SIGKILL
    async with worker_of(Errand(site=site)), failures_of(site) as failures:
        await eventually(lambda: len(failures.messages) == 2)

    first, second = failures.attempts
    assert first.attempt_id == second.attempt_id
    assert first.letter_id == second.letter_id
    assert first.failure.failure_class is FailureClass.SECURITY
    assert [message.body for message in failures.messages] == [spoilt.body] * 2
    assert failures.messages[0].message_id != failures.messages[1].message_id


async def test_told_to_stop_with_its_hands_full_it_finishes_or_returns_what_it_holds(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 21: nothing is lost, and nothing is counted as a failure."""
    site = await found_site(vhost, tmp_path, prefetch=16)
    folders = site.folders
    slow = Errand(site=site, slow=(RECIPIENT,), takes=timedelta(seconds=0.3))
    drop_letters(site, range(40))

    async with worker_of(slow) as worker, failures_of(site) as failures:
        await eventually(lambda: len(folders.documents(RECIPIENT)) >= 3)
        assert await worker.stop() == 0
        before = len(folders.documents(RECIPIENT))
        waiting = await depth(site, MAILBOX)
        async with worker_of(Errand(site=site)):
            await eventually(lambda: len(folders.statuses(SENDER)) == 40)

    assert 0 < waiting <= 40 - before
    assert folders.numbers(RECIPIENT) == [str(number) for number in range(40)]
    assert failures.messages == []
