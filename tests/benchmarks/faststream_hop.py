"""FastStream's hop: an unsigned pydantic model, published and consumed its way."""

from faststream import AckPolicy
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from pydantic import BaseModel

from tests.benchmarks.measure import WINDOW, Arrivals, Hop


class Letter(BaseModel):
    """As much as an envelope says, in a 4 KB body."""

    number: int
    subject: str
    receivers: list[str]
    content: str


async def faststream_hop(amqp_url: str, messages: int) -> Hop:
    """Publish confirmed and persistent into a quorum queue, validate, acknowledge."""
    arrivals = Arrivals(messages)
    broker = RabbitBroker(amqp_url, default_channel=Channel(prefetch_count=WINDOW), logger=None)
    queue = RabbitQueue("bench.faststream", queue_type=QueueType.QUORUM, durable=True)

    @broker.subscriber(queue, ack_policy=AckPolicy.ACK)
    async def consume(letter: Letter) -> None:
        arrivals.arrived(letter.number)

    async def publish(number: int) -> None:
        letter = Letter(
            number=number, subject="V/v mẫu", receivers=["H01", "H02"], content="x" * 3900
        )
        await broker.publish(letter, queue=queue, persist=True, mandatory=True)

    async with broker:
        await broker.start()
        return await arrivals.measure("FastStream, unsigned", publish)
