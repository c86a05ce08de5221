"""The frame reader joins messages however the network cuts them; aiormq gets all other frames."""

import asyncio

import pamqp.frame
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel
from pamqp.header import ContentHeader

from bus.rabbit import frames
from bus.rabbit.frame_reader import ChannelReader, FrameReader

OURS, OTHER = 1, 2


def a_message(channel: int, body: bytes, *, parts: int = 1) -> bytes:
    """A delivery, its body in so many frames."""
    step = max(1, -(-len(body) // parts))
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    deliver = Basic.Deliver("tag", 1, redelivered=False, exchange="x", routing_key="k")
    return b"".join(
        (
            pamqp.frame.marshal(deliver, channel),
            pamqp.frame.marshal(ContentHeader(body_size=len(body)), channel),
            *(pamqp.frame.marshal(ContentBody(piece), channel) for piece in pieces),
        )
    )


class Heard:
    """A frame reader with two channels; only the first has a channel reader."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.answers: list[tuple[int, bool]] = []
        self.driver = asyncio.StreamReader()
        self.reader = ChannelReader(
            on_message=lambda _method, _header, body: self.bodies.append(body),
            on_answer=lambda method: self.answers.append(frames.answered(method)),
        )
        self.now = 0.0
        self.frame_reader = FrameReader(self.driver, {OURS: self.reader}, time=lambda: self.now)

    async def driven(self) -> bytes:
        """What the driver got."""
        self.driver.feed_eof()
        return await self.driver.read()


def test_whatever_the_network_cuts_each_gets_its_own() -> None:
    @given(
        bodies=st.lists(st.tuples(st.binary(max_size=40), st.integers(1, 3)), max_size=4),
        cuts=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    )
    def holds(bodies: list[tuple[bytes, int]], cuts: list[int]) -> None:
        stream, for_driver = b"", b""
        for body, parts in bodies:
            stream += a_message(OURS, body, parts=parts)
            stream += pamqp.frame.marshal(Basic.Ack(delivery_tag=len(body), multiple=True), OURS)
            others = a_message(OTHER, body)
            others += pamqp.frame.marshal(Basic.CancelOk("tag"), OURS)
            stream += others
            for_driver += others

        async def run() -> None:
            heard = Heard()
            rest, turn = stream, 0
            while rest:
                size = cuts[turn % len(cuts)]
                heard.frame_reader.data_received(rest[:size])
                rest, turn = rest[size:], turn + 1

            assert heard.bodies == [body for body, _ in bodies]
            assert heard.answers == [(len(body), True) for body, _ in bodies]
            assert await heard.driven() == for_driver

        asyncio.run(run())

    holds()


async def test_a_refused_protocol_reaches_the_driver() -> None:
    heard = Heard()

    heard.frame_reader.data_received(b"AMQP\x00\x00\x09\x01")

    assert await heard.driven() == b"AMQP\x00\x00\x09\x01"


async def test_a_frame_that_does_not_end_is_the_drivers_to_refuse() -> None:
    heard = Heard()
    spoilt = pamqp.frame.marshal(Basic.Ack(delivery_tag=1), OURS)[:-1] + b"\x00"

    heard.frame_reader.data_received(spoilt)

    assert heard.answers == []
    assert await heard.driven() == spoilt


async def test_a_channel_that_the_broker_closes_is_closed_at_once() -> None:
    """The driver hears it too, and answers."""
    heard = Heard()
    close = pamqp.frame.marshal(Channel.Close(403, "ACCESS_REFUSED", 60, 40), OURS)

    heard.frame_reader.data_received(close)

    assert heard.reader.closed
    assert await heard.driven() == close


async def test_the_driver_hears_that_the_connection_lives() -> None:
    """It would end one on which it hears nothing, though messages arrive all the time."""
    heard = Heard()
    heard.now += 60

    heard.frame_reader.data_received(a_message(OURS, b"body"))

    kind, channel, _ = frames.HEAD.unpack_from(await heard.driven())
    assert (kind, channel) == (8, 0)
