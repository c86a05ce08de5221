"""A broker that is killed, blocked, or refuses: nothing confirmed is lost, nothing hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractConnection

from bus.core.message import WireMessage
from bus.core.topology import (
    DOCUMENTS,
    PROBE,
    Account,
    account_of,
    desired,
    permissions_of,
    queue_of,
    routing_key,
)
from bus.ports import BrokerHealth, PublishOutcome, ReceivedMessage, Settlement
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.node import PrivateNode
from bus.rabbit.provisioning import SETTLING, Defect
from schemas.codes import EnvelopeKind, Lane
from schemas.envelope import MAX_BODY_BYTES
from schemas.identifiers import MailboxName
from schemas.problem import DocumentError
from tests.support.mortal import host_on, kill_and_start_again, set_memory_limit
from tests.support.rabbit_bus import VirtualHost, eventually

HERE, THERE = MailboxName("H98"), MailboxName("G98")
STANDARD = queue_of(THERE, Lane.STANDARD)
CONFIRMED = PublishOutcome.CONFIRMED
DEADLINE = timedelta(seconds=20)
MAILBOXES = [MailboxName(f"Y{number:02}") for number in range(5)]


def a_message(body: bytes = b"{}", recipient: MailboxName = THERE) -> WireMessage:
    return WireMessage(
        exchange=DOCUMENTS,
        routing_key=routing_key(HERE, recipient, Lane.STANDARD, EnvelopeKind.DOCUMENT),
        body=body,
        type=EnvelopeKind.DOCUMENT,
        message_id=uuid4().hex,
    )


@asynccontextmanager
async def listening(broker: RabbitBroker, queue: str) -> AsyncIterator[list[bytes]]:
    """The bodies that arrive, each acknowledged."""
    bodies: list[bytes] = []

    async def take(received: ReceivedMessage) -> Settlement:
        bodies.append(received.message.body)
        return Settlement.ACK

    async with broker.subscribe(queue, take, prefetch=50):
        yield bodies


async def test_what_was_confirmed_survives_a_kill_and_what_was_not_can_be_sent_again(
    mortal: PrivateNode,
) -> None:
    """Bad day 1: killed in mid-publish, with publishers and consumers that stay."""
    unknown = 0

    async def send(broker: RabbitBroker, body: bytes) -> None:
        nonlocal unknown
        while True:
            outcome = await broker.publish(a_message(body), deadline=DEADLINE)
            if outcome is PublishOutcome.CONFIRMED:
                return
            assert outcome is PublishOutcome.UNKNOWN
            unknown += 1

    bodies = {str(number).encode() for number in range(2_000)}
    async with host_on(mortal, settling=SETTLING) as host:
        await host.provision(desired([THERE], ledger=False))
        async with (
            RabbitBroker(host.amqp_url, name="test") as broker,
            listening(broker, STANDARD) as arrived,
            asyncio.TaskGroup() as group,
        ):
            for body in bodies:
                group.create_task(send(broker, body))
            await eventually(lambda: len(arrived) > 100)
            await kill_and_start_again(mortal)
            await eventually(lambda: set(arrived) == bodies, within=timedelta(seconds=60))

    assert unknown > 0


async def test_a_queue_killed_young_is_found_silent_and_made_anew_if_it_was_never_opened(
    mortal: PrivateNode,
) -> None:
    """Bad day 2: such a queue may have no leader for good, and be listed as running."""
    wanted = desired(MAILBOXES, ledger=False)
    async with host_on(mortal) as host:
        await host.provision(replace(wanted, bindings=()))
        await kill_and_start_again(mortal)

        found, dead = await asyncio.gather(
            host.provisioning.verify(wanted), queues_that_take_nothing(host)
        )
        silent = {one.name for one in found if one.defect is Defect.SILENT}
        applied = await host.provision(wanted)

        assert silent == dead
        assert set(applied.opened) == {queue.name for queue in wanted.queues}


async def queues_that_take_nothing(host: VirtualHost) -> set[str]:
    """Each queue is asked on a channel of its own: a dead one holds up all the others on its."""
    dead = set()

    async def publish(connection: AbstractConnection, queue: str) -> None:
        try:
            channel = await connection.channel()
            probe = aio_pika.Message(b"", type=PROBE)
            await channel.default_exchange.publish(probe, queue, timeout=5)
        except TimeoutError:
            dead.add(queue)

    async with await aio_pika.connect(host.amqp_url) as connection, asyncio.TaskGroup() as group:
        for queue in await host.management.queues():
            group.create_task(publish(connection, queue.name))
    return dead


async def test_an_alarm_blocks_publishers_and_lets_consumers_work(mortal: PrivateNode) -> None:
    """Bad day 6: publishes end within their deadline, and go on after the alarm."""
    soon = timedelta(seconds=1)
    async with host_on(mortal) as host:
        await host.provision(desired([THERE], ledger=False))
        async with RabbitBroker(host.amqp_url, name="test") as broker:
            await broker.publish(a_message(b"before"), deadline=DEADLINE)

            await set_memory_limit(mortal, "absolute", "1MB")
            # The broker tells a connection only when it publishes, and not at once.
            async with asyncio.timeout(DEADLINE.total_seconds()):
                while await broker.publish(a_message(b"during"), deadline=soon) is CONFIRMED:
                    pass
            blocked = await broker.publish(a_message(b"during"), deadline=soon)
            health = broker.health
            async with listening(broker, STANDARD) as arrived:
                await eventually(lambda: b"before" in arrived)
                await set_memory_limit(mortal, "0.25")
                after = await broker.publish(a_message(b"after"), deadline=DEADLINE)
                await eventually(lambda: b"after" in arrived)

            assert blocked is PublishOutcome.UNKNOWN
            assert health is BrokerHealth.BLOCKED
            assert after is PublishOutcome.CONFIRMED
            assert broker.health is BrokerHealth.READY


@pytest.mark.parametrize(
    "culprit",
    [
        replace(a_message(), body=b"x" * (MAX_BODY_BYTES + 1)),
        replace(a_message(), user_id="agency.G01"),
    ],
    ids=["oversize", "another's account"],
)
async def test_a_publish_that_can_be_foreseen_to_fail_does_not_harm_its_siblings(
    vhost: VirtualHost, culprit: WireMessage
) -> None:
    """Bad day 7: on the wire it would close the channel and take all 100 down."""
    await vhost.provision(desired([THERE], ledger=False))
    async with RabbitBroker(vhost.amqp_url, name="test") as broker:
        siblings = [broker.publish(a_message(), deadline=DEADLINE) for _ in range(100)]
        answers = await asyncio.gather(
            *siblings[:50],
            broker.publish(culprit, deadline=DEADLINE),
            *siblings[50:],
            return_exceptions=True,
        )

    refused = answers.pop(50)
    assert refused is PublishOutcome.REFUSED or isinstance(refused, DocumentError)
    assert answers == [PublishOutcome.CONFIRMED] * 100


async def test_a_refused_publish_makes_its_siblings_unknown_and_they_can_be_sent_again(
    vhost: VirtualHost,
) -> None:
    """Bad day 7, when it could not be foreseen: the account has no right to this key."""
    await vhost.provision(desired([HERE, THERE], ledger=False))
    account = f"{account_of(HERE)}.{vhost.name}"
    one = Account(name=account, permissions=permissions_of(HERE))
    await vhost.management.put_accounts([one], {account: "secret"})
    culprit = replace(a_message(), routing_key="G98.H98.standard.document")
    async with RabbitBroker(vhost.url_of(account, "secret"), name="test") as broker:
        first = await asyncio.gather(
            *(broker.publish(a_message(), deadline=DEADLINE) for _ in range(50)),
            broker.publish(culprit, deadline=DEADLINE),
            *(broker.publish(a_message(), deadline=DEADLINE) for _ in range(50)),
        )
        again = await asyncio.gather(
            *(broker.publish(a_message(), deadline=DEADLINE) for _ in range(50))
        )
    await vhost.management.delete_account(account)

    assert set(first) <= {PublishOutcome.CONFIRMED, PublishOutcome.UNKNOWN}
    assert first[50] is PublishOutcome.UNKNOWN
    assert set(again) == {PublishOutcome.CONFIRMED}
