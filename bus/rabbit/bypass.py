"""Bypass: the frames of messages go past the driver, which sees all others.

aiormq takes a task, two queues and a dozen turns of the loop to every message: half of what a hop
costs. It still opens, watches and closes the connection and its channels.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any, cast

from aiormq.connection import SSLContextProvider, TransportFactory
from aiormq.exceptions import AMQPConnectionError
from pamqp.constants import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_HEARTBEAT, FRAME_METHOD
from pamqp.frame import marshal
from pamqp.heartbeat import Heartbeat
from yarl import URL

from bus.rabbit import frames

_HEARTBEAT = marshal(Heartbeat(), 0)
_LONGEST_SILENCE_SECONDS = 1.0
"""A connection to one of several nodes is left after 5."""
_KINDS = frozenset({FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT})
_BEFORE_CONTENT = frozenset({frames.DELIVER, frames.RETURN})
_ANSWERS = frozenset({frames.ACK, frames.NACK})


Said = Callable[[bytes, bytes, bytes], None]
"""Told a message: the payloads of its method frame and content header, and its body."""

Answered = Callable[[bytes], None]
"""Told an answer to a publish: the payload of `Basic.Ack` or `Basic.Nack`."""


class Hearing:
    """Gathers the frames of one channel's messages. What it tells must not raise.

    Attributes:
        closed: The broker has closed the channel: what is sent on it now ends the connection. The
            driver comes to know a few turns of the loop later.
    """

    def __init__(self, *, said: Said, answered: Answered | None = None) -> None:
        self.closed = False
        self._said = said
        self._answered = answered
        self._method = b""
        self._header = b""
        self._parts: list[bytes] = []
        self._missing = 0

    def takes(self, kind: int, payload: bytes) -> bool:
        """Whether the frame was one of a message, and is dealt with."""
        if frames.is_cut_off(kind, payload):
            return False  # the driver knows how to end a connection
        if kind == FRAME_METHOD:
            (method,) = frames.METHOD.unpack_from(payload)
            if method in _BEFORE_CONTENT:
                self._method = payload
                return True
            if method in _ANSWERS and self._answered is not None:
                self._answered(payload)
                return True
            self.closed |= method == frames.CHANNEL_CLOSE
            return False
        if not self._method:
            return False
        if kind == FRAME_HEADER:
            self._header, self._missing = payload, frames.content_size(payload)
        else:
            self._parts.append(payload)
            self._missing -= len(payload)
        if self._missing <= 0:
            method, body = self._method, b"".join(self._parts)
            self._method, self._parts = b"", []
            self._said(method, self._header, body)
        return True


class Bypass(TransportFactory):
    """The transport of one connection, with a short cut for messages.

    Args:
        blocked: Told that the broker begins or ceases to take no publishes (alarm). Must not raise.
    """

    def __init__(self, *, blocked: Callable[[bool], None] = lambda _: None) -> None:
        self._blocked = blocked
        self._hearings: dict[int, Hearing] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._outgoing: list[bytes] = []

    async def create(
        self, url: URL, **kwargs: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """As aiormq would, with a protocol that looks at the frames first."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        context: ssl.SSLContext | None = None
        if url.scheme == "amqps":
            provider = cast("SSLContextProvider", kwargs["ssl_context_provider"])
            context = await provider.get_context()
        try:
            transport, protocol = await loop.create_connection(
                lambda: Junction(reader, self._hearings, time=loop.time, blocked=self._blocked),
                url.host or "localhost",
                url.port or 0,
                ssl=context,
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return reader, self._writer

    def hear(self, channel: int, hearing: Hearing) -> None:
        """From now on, the messages of a channel go there."""
        self._hearings[channel] = hearing

    def forget(self, channel: int, hearing: Hearing) -> None:
        """The channel is closed; its number may be another's already."""
        if self._hearings.get(channel) is hearing:
            del self._hearings[channel]

    def write(self, data: bytes) -> None:
        """Send whole frames, with all others of this turn of the loop; in order.

        On a connection that has died, they are lost like all that was under way.
        """
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(data)

    async def drain(self) -> None:
        """Wait until what was written has left, more or less. Raises `OSError`."""
        self._flush()
        if self._writer is not None:
            await self._writer.drain()

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._writer is not None and not self._writer.is_closing():
            self._writer.write(b"".join(outgoing))


class Junction(asyncio.StreamReaderProtocol):
    """Splits what arrives into frames: those of messages to their hearing, others to the driver.

    Args:
        hearings: By channel; others may come and go.
        time: The loop's, in seconds.
        blocked: As told to `Bypass`.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        hearings: Mapping[int, Hearing],
        *,
        time: Callable[[], float],
        blocked: Callable[[bool], None] = lambda _: None,
    ) -> None:
        super().__init__(reader)
        self._blocked = blocked
        self._hearings = hearings
        self._time = time
        self._rest = b""
        self._heard_at = time()

    def data_received(self, data: bytes) -> None:
        """Part the frames; the last one may wait for the rest of it."""
        data = self._rest + data
        for_driver: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= frames.HEAD.size:
            kind, channel, size = frames.HEAD.unpack_from(data, at)
            if kind not in _KINDS:  # a refusal of the protocol's version is no frame
                for_driver.append(data[at:])
                at = end
                break
            start = at + frames.HEAD.size
            stop = start + size
            if stop >= end:
                break
            hearing = self._hearings.get(channel) if data[stop] == FRAME_END else None
            if hearing is None or not hearing.takes(kind, data[start:stop]):
                if (
                    channel == 0
                    and (block := frames.says_blocked(kind, data[start:stop])) is not None
                ):
                    self._blocked(block)
                for_driver.append(data[at : stop + 1])
            at = stop + 1
        self._rest = data[at:]
        self._tell_driver(for_driver)

    def _tell_driver(self, parts: list[bytes]) -> None:
        # It takes a connection on which it hears nothing for dead, and the broker sends no
        # heartbeats while it sends messages (RabbitMQ manual, Heartbeats).
        now = self._time()
        if not parts and now - self._heard_at > _LONGEST_SILENCE_SECONDS:
            parts = [_HEARTBEAT]
        if parts:
            self._heard_at = now
            super().data_received(b"".join(parts))
