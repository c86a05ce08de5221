"""Frame reader: our code reads and writes the frames of messages; aiormq handles all others.

aiormq spends a task, two queues and a dozen turns of the event loop on every message. That is half
of the cost of a hop. aiormq still opens, watches and closes the connection and its channels
(decision record 0011).
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
"""aiormq closes a connection to one of several nodes after 5 s of silence; this is well below."""
_KINDS = frozenset({FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT})
_BEFORE_CONTENT = frozenset({frames.DELIVER, frames.RETURN})
_ANSWERS = frozenset({frames.ACK, frames.NACK})


OnMessage = Callable[[bytes, bytes, bytes], None]
"""Called with each message: the payloads of its method frame and content header, and its body."""

OnAnswer = Callable[[bytes], None]
"""Called with each answer to a publish: the payload of `Basic.Ack` or `Basic.Nack`."""


class ChannelReader:
    """Joins the frames of one channel into messages. The two functions it calls must not raise.

    Args:
        on_message: Called with each whole message.
        on_answer: Called with each answer to a publish. Without it, aiormq gets the answers.

    Attributes:
        closed: The broker has closed the channel. A frame that is sent on it now makes the broker
            close the connection. aiormq learns of it a few turns of the event loop later.
    """

    def __init__(self, *, on_message: OnMessage, on_answer: OnAnswer | None = None) -> None:
        self.closed = False
        self._on_message = on_message
        self._on_answer = on_answer
        self._method = b""
        self._header = b""
        self._parts: list[bytes] = []
        self._missing = 0

    def takes(self, kind: int, payload: bytes) -> bool:
        """Process a frame if it belongs to a message; otherwise return False: it is for aiormq."""
        if frames.is_cut_off(kind, payload):
            return False  # aiormq then closes the connection
        if kind == FRAME_METHOD:
            (method,) = frames.METHOD.unpack_from(payload)
            if method in _BEFORE_CONTENT:
                self._method = payload
                return True
            if method in _ANSWERS and self._on_answer is not None:
                self._on_answer(payload)
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
            self._on_message(method, self._header, body)
        return True


class MessageTransport(TransportFactory):
    """The transport of one connection. It sends the frames of messages without aiormq.

    Args:
        blocked: Called with True when the broker stops taking publishes (alarm), with False when
            it takes them again. Must not raise.
    """

    def __init__(self, *, blocked: Callable[[bool], None] = lambda _: None) -> None:
        self._blocked = blocked
        self._channels: dict[int, ChannelReader] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._outgoing: list[bytes] = []

    async def create(
        self, url: URL, **kwargs: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect as aiormq does, but with `FrameReader` as the protocol."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        context: ssl.SSLContext | None = None
        if url.scheme == "amqps":
            provider = cast("SSLContextProvider", kwargs["ssl_context_provider"])
            context = await provider.get_context()
        try:
            transport, protocol = await loop.create_connection(
                lambda: FrameReader(reader, self._channels, time=loop.time, blocked=self._blocked),
                url.host or "localhost",
                url.port or 0,
                ssl=context,
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return reader, self._writer

    def attach(self, channel: int, reader: ChannelReader) -> None:
        """Give the messages of this channel to this reader from now on."""
        self._channels[channel] = reader

    def detach(self, channel: int, reader: ChannelReader) -> None:
        """Remove the reader of a closed channel, unless a new channel already uses the number."""
        if self._channels.get(channel) is reader:
            del self._channels[channel]

    def write(self, data: bytes) -> None:
        """Send whole frames, in order, in one write with all others of this turn of the event loop.

        When the connection has died, the frames are lost, as are all frames that were on the way.
        """
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append(data)

    async def drain(self) -> None:
        """Send now, then wait until the write buffer is below its limit. Raises `OSError`."""
        self._flush()
        if self._writer is not None:
            await self._writer.drain()

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        if outgoing and self._writer is not None and not self._writer.is_closing():
            self._writer.write(b"".join(outgoing))


class FrameReader(asyncio.StreamReaderProtocol):
    """Splits received bytes into frames: messages go to their channel's reader, the rest to aiormq.

    Args:
        channels: The readers by channel number. The caller may change the mapping at any time.
        time: Returns the event loop's time in seconds.
        blocked: As for `MessageTransport`.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        channels: Mapping[int, ChannelReader],
        *,
        time: Callable[[], float],
        blocked: Callable[[bool], None] = lambda _: None,
    ) -> None:
        super().__init__(reader)
        self._blocked = blocked
        self._channels = channels
        self._time = time
        self._rest = b""
        self._heard_at = time()

    def data_received(self, data: bytes) -> None:
        """Split into frames; keep an incomplete last frame until the rest of it arrives."""
        data = self._rest + data
        for_driver: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= frames.HEAD.size:
            kind, channel, size = frames.HEAD.unpack_from(data, at)
            if kind not in _KINDS:  # not a frame: the broker refuses the version of the protocol
                for_driver.append(data[at:])
                at = end
                break
            start = at + frames.HEAD.size
            stop = start + size
            if stop >= end:
                break
            reader = self._channels.get(channel) if data[stop] == FRAME_END else None
            if reader is None or not reader.takes(kind, data[start:stop]):
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
        # aiormq closes a connection on which it receives nothing, and the broker sends no
        # heartbeats while it sends messages (RabbitMQ manual, Heartbeats). So give it one.
        now = self._time()
        if not parts and now - self._heard_at > _LONGEST_SILENCE_SECONDS:
            parts = [_HEARTBEAT]
        if parts:
            self._heard_at = now
            super().data_received(b"".join(parts))
