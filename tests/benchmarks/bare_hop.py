"""The bare aio-pika hop: what the client library alone costs."""

import aio_pika

from tests.benchmarks.measure import WINDOW, Arrivals, Hop

_QUEUE = "bench.bare"
_BODY = b"x" * 4096


async def bare_hop(amqp_url: str, messages: int, *, name: str = "aio-pika, bare") -> Hop:
    """Publish confirmed and persistent into a quorum queue, consume, acknowledge."""
    arrivals = Arrivals(messages)
    async with await aio_pika.connect(amqp_url) as out, await aio_pika.connect(amqp_url) as back:
        publishing = await out.channel(publisher_confirms=True)
        consuming = await back.channel()
        await consuming.set_qos(prefetch_count=WINDOW)
        queue = await consuming.declare_queue(
            _QUEUE, durable=True, arguments={"x-queue-type": "quorum"}
        )

        async def consume(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            await message.ack()
            arrivals.arrived(int(message.message_id or 0))

        async def publish(number: int) -> None:
            message = aio_pika.Message(
                _BODY, message_id=str(number), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
            )
            await publishing.default_exchange.publish(message, routing_key=_QUEUE, mandatory=True)

        tag = await queue.consume(consume)
        hop = await arrivals.measure(name, publish)
        await queue.cancel(tag)
        await queue.delete(if_unused=False, if_empty=False)
        return hop
