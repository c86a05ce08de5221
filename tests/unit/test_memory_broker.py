"""What the broker in memory can show and a real one cannot be brought to within a test."""

import asyncio
from datetime import timedelta

from bus.core.message import WireMessage
from bus.core.topology import DOCUMENTS, FAILURES, desired, queue_of, routing_key
from bus.memory.broker import MemoryBroker
from bus.ports import BrokerHealth, PublishOutcome, ReceivedMessage, Settlement
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName

BOX = MailboxName("G98")
QUEUE = queue_of(BOX, Lane.STANDARD)
LIMIT = 2
DEADLINE = timedelta(seconds=5)


def a_broker() -> MemoryBroker:
    return MemoryBroker(desired([BOX], ledger=False))


def a_message(body: bytes = b"{}") -> WireMessage:
    return WireMessage(
        exchange=DOCUMENTS,
        routing_key=routing_key(MailboxName("H98"), BOX, Lane.STANDARD, EnvelopeKind.DOCUMENT),
        body=body,
        type=EnvelopeKind.DOCUMENT,
        message_id="1",
    )


async def test_an_alarm_holds_publishes_until_their_deadline_and_lets_consumers_work() -> None:
    broker, heard = a_broker(), asyncio.Event()

    async def handle(received: ReceivedMessage) -> Settlement:
        heard.set()
        return Settlement.ACK

    await broker.publish(a_message(), deadline=DEADLINE)
    broker.become(BrokerHealth.BLOCKED)
    outcome = await broker.publish(a_message(), deadline=timedelta(milliseconds=10))
    async with broker.subscribe(QUEUE, handle, prefetch=1), asyncio.timeout(5):
        await heard.wait()

    assert broker.health is BrokerHealth.BLOCKED
    assert outcome is PublishOutcome.UNKNOWN
    assert broker.waiting(QUEUE) == ()


async def test_a_requeue_is_not_counted_however_often() -> None:
    """As on RabbitMQ from 4.3; earlier ones count `basic.nack` too."""
    broker, counts, enough = a_broker(), list[int](), asyncio.Event()

    async def handle(received: ReceivedMessage) -> Settlement:
        counts.append(received.delivery_count)
        if len(counts) < 5 * LIMIT:
            return Settlement.REQUEUE
        enough.set()
        return Settlement.ACK

    await broker.publish(a_message(), deadline=DEADLINE)
    async with broker.subscribe(QUEUE, handle, prefetch=1), asyncio.timeout(5):
        await enough.wait()

    assert counts == [0] * (5 * LIMIT)
    assert broker.waiting(FAILURES) == ()


async def test_what_is_in_no_hands_lies_in_order() -> None:
    broker = a_broker()
    for body in (b"1", b"2"):
        await broker.publish(a_message(body), deadline=DEADLINE)

    assert [message.body for message in broker.waiting(QUEUE)] == [b"1", b"2"]


async def test_a_deleted_queue_takes_its_messages_with_it() -> None:
    broker = a_broker()
    await broker.publish(a_message(), deadline=DEADLINE)

    broker.provision(desired([], ledger=False))
    broker.provision(desired([BOX], ledger=False))

    assert broker.waiting(QUEUE) == ()
