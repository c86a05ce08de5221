"""Frames: what the process of a format and its worker say to each other, over one socket.

A frame is a head, a JSON object, and a body of bytes; before both stand their sizes.
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

_SIZES = struct.Struct("!II")
_MOST_HEAD_BYTES = 1024 * 1024
MOST_BODY_BYTES = 16 * 1024 * 1024
"""Of one frame: a chunk of a file, or a message."""
_RECEIVED_AT_ONCE = 256 * 1024


class Frame(NamedTuple):
    """One thing that was said."""

    head: dict[str, Any]
    body: bytes = b""


class Line:
    """One end of the socket. What arrives in pieces is put together, whatever the waits."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self._arrived = bytearray()

    def say(self, head: Mapping[str, object], body: bytes = b"") -> None:
        """Send a frame. Raises `OSError`; `TimeoutError` after the timeout of the socket."""
        told = json.dumps(head).encode()
        self.socket.sendall(_SIZES.pack(len(told), len(body)) + told + body)

    def hear(self) -> Frame | None:
        """Wait for a frame; None when the other end is gone.

        Raises:
            TimeoutError: After the timeout of the socket; what came so far is not lost.
            ValueError: What came is no frame.
        """
        while (frame := self._whole()) is None:
            piece = self.socket.recv(_RECEIVED_AT_ONCE)
            if not piece:
                return None
            self._arrived += piece
        return frame

    def _whole(self) -> Frame | None:
        if len(self._arrived) < _SIZES.size:
            return None
        told, size = _SIZES.unpack_from(self._arrived)
        if told > _MOST_HEAD_BYTES or size > MOST_BODY_BYTES:
            raise ValueError(f"a frame of {told} and {size} bytes")
        end = _SIZES.size + told + size
        if len(self._arrived) < end:
            return None
        head = json.loads(self._arrived[_SIZES.size : _SIZES.size + told])
        body = bytes(self._arrived[_SIZES.size + told : end])
        del self._arrived[:end]
        if not isinstance(head, dict):
            raise ValueError("the head of a frame is an object")  # noqa: TRY004 (of what came)
        return Frame(head, body)
