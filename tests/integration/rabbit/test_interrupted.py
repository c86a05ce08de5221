"""Whoever answers instead of the broker, as a proxy whose broker is not there yet: we come back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from yarl import URL

from bus.rabbit.administration import Administration
from bus.rabbit.connection import Link
from bus.rabbit.locate import Located
from schemas.problem import TransportError
from tests.support.rabbit_bus import PATIENCE

# Connection.Start of AMQP 0-9-1, cut off behind its head, and frames that are none.
ANSWERS: dict[str, bytes | None] = {
    # A proxy does not even wait for our greeting.
    "closed at once": None,
    "nothing": b"",
    "another protocol": b"HTTP/1.1 503 Service Unavailable\r\n\r\n",
    "another version": b"AMQP\x00\x01\x00\x00",
    "half a frame": b"\x01\x00\x00\x00\x00\x01\xfc\x00\x0a",
    "a frame without its end": b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x0a\x00",
    "a frame of 4 GiB": b"\x01\x00\x00\xff\xff\xff\xff" + bytes(64),
    "an unknown method": b"\x01\x00\x00\x00\x00\x00\x04\x77\x77\x77\x77\xce",
    "noise": bytes(range(256)),
}


@asynccontextmanager
async def a_proxy(broker: int, answer: bytes | None) -> AsyncIterator[int]:
    """Answers its first three connections itself and closes them, then passes on to the broker."""
    left = 3

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def serve(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        nonlocal left
        if left:
            left -= 1
            with contextlib.closing(back), contextlib.suppress(OSError, EOFError):
                if answer is not None:
                    await near.readexactly(8)
                    back.write(answer)
                    await back.drain()
            return
        far, forth = await asyncio.open_connection("127.0.0.1", broker)
        await asyncio.gather(pump(near, forth), pump(far, back))

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_link_comes_back_whatever_was_answered_in_place_of_the_broker(
    rabbit: Located, answer: bytes | None
) -> None:
    url = URL(rabbit.amqp_url)
    async with a_proxy(url.port or 5672, answer) as port:
        link = Link(str(url.with_port(port)), name="interrupted").open()
        try:
            await link.wait(PATIENCE)

            assert link.connection is not None
        finally:
            await link.close()


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_an_administrator_is_told_that_the_broker_is_away(
    rabbit: Located, answer: bytes | None
) -> None:
    url = URL(rabbit.amqp_url)
    async with a_proxy(url.port or 5672, answer) as port:
        with pytest.raises(TransportError, match="E_BROKER_AWAY"):
            async with asyncio.timeout(timedelta(seconds=15).total_seconds()):
                await Administration(str(url.with_port(port))).probe(["any"])
