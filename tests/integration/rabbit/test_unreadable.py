"""An account sends properties that no client can read: its recipients go on."""

import asyncio
from datetime import timedelta

import aiormq
from aiormq.abc import ChannelFrame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from bus.core.topology import DOCUMENTS, desired, queue_of, routing_key
from bus.ports import ReceivedMessage, Settlement
from bus.rabbit.broker import RabbitBroker
from bus.rabbit.frames import UNREADABLE
from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName
from tests.support.rabbit_bus import PATIENCE, VirtualHost

BOX = MailboxName("G98")
KEY = routing_key(MailboxName("H98"), BOX, Lane.STANDARD, EnvelopeKind.DOCUMENT)


async def publish_unreadable(url: str, body: bytes) -> None:
    """Publish with a `type` that is not UTF-8, which no client library would write."""
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        properties = Basic.Properties(message_type="AB")
        frames = ChannelFrame.marshall(
            channel_number=channel.number,
            frames=[
                Basic.Publish(exchange=DOCUMENTS, routing_key=KEY),
                ContentHeader(properties=properties, body_size=len(body)),
                ContentBody(body),
            ],
        )
        spoilt = ChannelFrame(
            payload=frames.payload.replace(b"AB", b"\xff\xfe"), should_close=False
        )
        await connection.write_queue.put(spoilt)
        # In order: when this is answered, the broker has the other.
        await channel.basic_qos(prefetch_count=1)


async def test_a_message_with_unreadable_properties_is_heard_without_them(
    vhost: VirtualHost,
) -> None:
    await vhost.provision(desired([BOX], ledger=False))
    await publish_unreadable(vhost.amqp_url, b"spoilt")
    heard = asyncio.get_running_loop().create_future()

    async def handle(received: ReceivedMessage) -> Settlement:
        heard.set_result(received)
        return Settlement.ACK

    async with RabbitBroker(vhost.amqp_url, name="test") as broker:
        async with broker.subscribe(queue_of(BOX, Lane.STANDARD), handle, prefetch=1):
            received = await asyncio.wait_for(heard, PATIENCE / timedelta(seconds=1))

    assert received.message.body == b"spoilt"
    assert received.message.type == UNREADABLE
    assert not received.redelivered
