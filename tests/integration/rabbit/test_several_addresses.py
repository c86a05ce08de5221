"""Of several addresses the next is taken when one is lost: for messages and for operators' work."""

import asyncio
import itertools
from datetime import timedelta

from yarl import URL

from bus.core.message import WireMessage
from bus.core.topology import FAILURES, desired, failure_key
from bus.ports import BrokerHealth, PublishOutcome, ReceivedMessage, Settlement
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.locate import Located
from bus.rabbit.management import Management
from bus.rabbit.provisioning import Provisioning
from bus.rabbit.residence import LOOPBACK, free_ports
from schemas.identifiers import MailboxName
from tests.support.cable import Cable
from tests.support.rabbit_bus import PATIENCE, VirtualHost, eventually

BOX = MailboxName("G98")


def of_ports(url: str, *ports: int) -> str:
    """The URL with these ports of loopback as its hosts."""
    first, *others = ports
    address = f"{LOOPBACK}:{first}"
    hosts = ",".join([address, *(f"{LOOPBACK}:{port}" for port in others)])
    return str(URL(url).with_host(LOOPBACK).with_port(first)).replace(address, hosts)


def a_message(message_id: str) -> WireMessage:
    key = failure_key(BOX, "ours")
    return WireMessage(
        exchange=FAILURES, routing_key=key, body=b"{}", type="document", message_id=message_id
    )


async def test_a_broker_goes_on_with_the_next_address_and_round_again(vhost: VirtualHost) -> None:
    """Publishing and consuming both; a dead address among them is passed over."""
    await vhost.provision(desired([BOX], ledger=False))
    port = URL(vhost.amqp_url).port or 5672
    heard: set[str] = set()

    async def take(received: ReceivedMessage) -> Settlement:
        heard.add(received.message.message_id)
        return Settlement.ACK

    async with Cable(port) as one, Cable(port) as two:
        url = of_ports(vhost.amqp_url, one.port, *free_ports(1), two.port)
        async with RabbitBroker(url, name="test") as broker:
            async with broker.subscribe(FAILURES, take, prefetch=1):
                for number, (lost, back) in enumerate([(one, two), (two, one)] * 2):
                    await lost.pull()
                    outcome = await broker.publish(a_message(f"{number}"), deadline=PATIENCE)
                    while outcome is PublishOutcome.UNKNOWN:
                        outcome = await broker.publish(a_message(f"{number}"), deadline=PATIENCE)
                    await eventually(lambda: f"{number}" in heard)  # noqa: B023 (awaited here)
                    assert broker.health is BrokerHealth.READY
                    await lost.plug()
                    assert outcome is PublishOutcome.CONFIRMED, back


async def test_provisioning_passes_over_a_dead_address(rabbit: Located, vhost: VirtualHost) -> None:
    (dead,) = free_ports(1)
    wanted = desired([BOX], ledger=False)
    amqp = of_ports(vhost.amqp_url, dead, URL(vhost.amqp_url).port or 5672)
    http = of_ports(rabbit.management_url, dead, URL(rabbit.management_url).port or 15672)
    async with Management(http, vhost=vhost.name) as management:
        provisioning = Provisioning(amqp, management, settling=timedelta())

        await provisioning.apply(await provisioning.plan(wanted))

        assert await provisioning.verify(wanted) == ()


async def test_a_channel_that_refuses_is_left_for_another(vhost: VirtualHost) -> None:
    """On a cluster it may be the channel's fault: it asks a lost node who leads the queue."""
    await vhost.provision(desired([BOX], ledger=False))
    full: dict[str, str | int] = {"max-length": 1, "overflow": "reject-publish"}
    await vhost.management.put_policy("full", pattern=FAILURES, definition=full, priority=9)
    port = URL(vhost.amqp_url).port or 5672
    async with RabbitBroker(of_ports(vhost.amqp_url, port, port), name="test") as broker:
        outcomes, channels = set(), set()
        async with asyncio.timeout(PATIENCE.total_seconds()):
            for number in itertools.count():
                outcomes.add(await broker.publish(a_message(f"{number}"), deadline=PATIENCE))
                if (outlet := broker._publisher._outlet) is not None:
                    channels.add(outlet.channel.number)
                if len(channels) > 1:
                    break

    assert outcomes == {PublishOutcome.CONFIRMED, PublishOutcome.REFUSED}
