"""The same document twice, and what only looks like it: the duplicate rule on the whole path."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from bus.core.events import DuplicateAbsorbed
from bus.core.message import WireMessage
from bus.core.topology import DOCUMENTS
from bus.ports import PublishOutcome
from schemas.errors import FailureClass
from schemas.identifiers import EnvelopeId
from tests.faults.axis import DEADLINE, Site, agencies_at, eventually, failures_of, found_site
from tests.support.agencies import Agencies, real_now
from tests.support.envelopes import RECIPIENT, SENDER, a_document, an_envelope
from tests.support.rabbit_bus import VirtualHost

A_DAY = timedelta(days=1)


@asynccontextmanager
async def receipts_of(site: Site) -> AsyncIterator[list[tuple[bytes, str]]]:
    """Body and signature of every receipt that is published."""
    heard: list[tuple[bytes, str]] = []

    async def hear(message: AbstractIncomingMessage) -> None:
        heard.append((message.body, str(message.headers["signature"])))

    async with await aio_pika.connect(site.amqp_url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(DOCUMENTS, "*.*.*.receipt")
        await queue.consume(hear, no_ack=True)
        yield heard


async def publish(agencies: Agencies, messages: Sequence[WireMessage]) -> None:
    """Publish past the sender's adapter, all at the same time."""
    outcomes = await asyncio.gather(
        *(
            agencies.parts.broker.publish(
                replace(message, message_id=agencies.new_id()), deadline=DEADLINE
            )
            for message in messages
        )
    )
    assert set(outcomes) == {PublishOutcome.CONFIRMED}


def absorbed_by(agencies: Agencies, code: str) -> int:
    """How many duplicates an agency's mailbox has absorbed."""
    return sum(1 for event in agencies.of_type(DuplicateAbsorbed) if event.mailbox == code)


async def test_the_same_document_at_the_same_time_and_a_day_later_is_one_hand_over(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 9: every copy is answered with the first receipt, byte for byte."""
    site = await found_site(vhost, tmp_path)
    message, late = site.signed(an_envelope()), timedelta()

    def clock() -> datetime:
        return real_now() + late

    async with (
        agencies_at(site, alter=lambda parts: replace(parts, clock=clock)) as agencies,
        receipts_of(site) as receipts,
        failures_of(site) as failures,
        agencies.at_work(),
    ):
        await publish(agencies, [message] * 12)
        await eventually(lambda: absorbed_by(agencies, RECIPIENT) == 11)
        late = A_DAY
        await publish(agencies, [message] * 3)
        await eventually(lambda: absorbed_by(agencies, RECIPIENT) == 14)
        await eventually(lambda: len(receipts) == 15)
        await eventually(lambda: absorbed_by(agencies, SENDER) == 14)

    assert len(site.folders.documents(RECIPIENT)) == 1
    assert len(site.folders.statuses(SENDER)) == 1
    assert len(set(receipts)) == 1
    assert failures.messages == []


async def test_a_file_that_an_agency_sends_twice_is_one_document(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 9: read and signed again on the next day, it is the same envelope."""
    site = await found_site(vhost, tmp_path)
    folders, late = site.folders, timedelta()

    def clock() -> datetime:
        return real_now() + late

    async with agencies_at(site, alter=lambda parts: replace(parts, clock=clock)) as agencies:
        async with agencies.at_work():
            folders.drop(SENDER, "today.edxml", site.letter("1"))
            await eventually(lambda: folders.statuses(SENDER))
            late = A_DAY
            folders.drop(SENDER, "tomorrow.edxml", site.letter("1"))
            await eventually(lambda: absorbed_by(agencies, SENDER))

    assert folders.sent(SENDER) == ["today.edxml", "tomorrow.edxml"]
    assert len(folders.documents(RECIPIENT)) == 1
    assert len(folders.statuses(SENDER)) == 1


async def test_other_content_is_a_conflict_a_wrong_id_a_forgery_and_a_second_signature_neither(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 10: both contents are kept; the forgery is a security event; the rest a duplicate."""
    site = await found_site(vhost, tmp_path)
    first = site.signed(an_envelope())
    signed_again = site.signed(an_envelope(sent_at=real_now()), at=timedelta(seconds=-3))
    other = site.signed(an_envelope(a_document(subject="V/v khác hẳn")))
    forged = site.signed(an_envelope(envelope_id=EnvelopeId("0" * 64)))
    assert signed_again.body != first.body
    assert signed_again.signature != first.signature

    async with (
        agencies_at(site) as agencies,
        receipts_of(site) as receipts,
        failures_of(site) as failures,
        agencies.at_work(),
    ):
        await publish(agencies, [first])
        await eventually(lambda: site.folders.statuses(SENDER))
        await publish(agencies, [signed_again, other, forged])
        await eventually(lambda: len(failures.messages) == 2)
        await eventually(lambda: absorbed_by(agencies, SENDER) == 1)

    assert len(site.folders.documents(RECIPIENT)) == 1
    assert len(set(receipts)) == 1
    classes = {attempt.message.body: attempt.failure for attempt in failures.attempts}
    assert classes[other.body].failure_class is FailureClass.CONFLICT
    assert classes[forged.body].failure_class is FailureClass.SECURITY
    assert classes[forged.body].problem.code == "E_FORGED"
    assert Counter(site.folders.statuses(SENDER)).total() == 1
