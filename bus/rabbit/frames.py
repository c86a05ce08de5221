"""Frames: what carries messages, to and from bytes (AMQP 0-9-1, sections 2.3.5 and 4.2).

Only the five frames that pass for every message are known here, and only in the form in which we
write them; all others, and what others write otherwise, are pamqp's.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import assert_never

from pamqp.constants import (
    FRAME_BODY,
    FRAME_END,
    FRAME_END_CHAR,
    FRAME_HEADER,
    FRAME_METHOD,
    FRAME_MIN_SIZE,
)
from pamqp.header import ContentHeader

from bus.core.message import WireMessage
from bus.ports import Settlement

HEAD = struct.Struct(">BHI")
"""Kind, channel, size; the payload follows, and one byte that ends the frame."""

PUBLISH, RETURN, DELIVER = 0x003C_0028, 0x003C_0032, 0x003C_003C
ACK, REJECT, NACK = 0x003C_0050, 0x003C_005A, 0x003C_0078
CHANNEL_CLOSE = 0x0014_0028
BLOCKED, UNBLOCKED = 0x000A_003C, 0x000A_003D
"""Class and method, as they begin the payload of a method frame."""

METHOD = struct.Struct(">I")

UNREADABLE = "unreadable"
"""`type` given to a message whose properties could not be read; its body is as it was."""

UNREAD_PART = "properties"
"""What is called foreign of such a message."""

_CONTENT_HEAD = struct.Struct(">HHQH")
_SETTLE = struct.Struct(">BHIIQBB")
_SETTLE_BYTES = 13
_ANSWER = struct.Struct(">4xQB")
_DELIVER = METHOD.pack(DELIVER)
_ANSWERS = frozenset({METHOD.pack(ACK), METHOD.pack(NACK)})
_MULTIPLE = 1
_DELIVERY = struct.Struct(">Q?")
_LENGTH, _COUNT, _SECONDS = (struct.Struct(form) for form in (">I", ">i", ">Q"))
# Numbers of a table by their type (the RabbitMQ errata to section 4.2.5.5).
_NUMBERS = {ord(t): struct.Struct(f">{f}") for t, f in zip("bBsuIil", "bBhHiIq", strict=True)}
_TEXT = ord("S")
_LAST_SECOND = 0xFFFF_FFFF
"""Later times are given in milliseconds by some; pamqp knows them."""

# Flags of the properties, in the order in which their values follow (section 4.2.6.1).
_CONTENT_TYPE, _HEADERS, _DELIVERY_MODE, _MESSAGE_ID, _TIMESTAMP, _TYPE, _USER_ID = (
    1 << bit for bit in (15, 13, 12, 7, 6, 5, 4)
)
_OURS = _CONTENT_TYPE | _HEADERS | _DELIVERY_MODE | _MESSAGE_ID | _TIMESTAMP | _TYPE | _USER_ID

_BASIC = 0x003C
_JSON = b"\x10application/json"
_PERSISTENT = b"\x02"
_MANDATORY = b"\x01"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """Which message of which queue this is, as `Basic.Deliver` says."""

    tag: int
    redelivered: bool
    exchange: str
    routing_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Properties:
    """What goes with a body. `headers` hold texts and numbers; what is neither is not kept.

    Attributes:
        foreign: A header that is neither; empty: all are.
    """

    headers: Mapping[str, str | int]
    message_id: str = ""
    timestamp: datetime | None = None
    type: str = ""
    user_id: str | None = None
    foreign: str = ""


# --- out ----------------------------------------------------------------------------------------


def publish(message: WireMessage, *, channel: int, user_id: str, frame_bytes: int) -> bytes:
    """The frames of a mandatory and persistent publish.

    Args:
        frame_bytes: How long a whole frame may be, as the broker said.

    Raises:
        ValueError: A name is longer than 255 bytes, or all properties together than a frame.
    """
    body = message.body
    header = _properties(message, user_id, len(body))
    most = frame_bytes - HEAD.size - len(FRAME_END_CHAR)
    if len(header) > max(most, FRAME_MIN_SIZE):
        raise ValueError(f"the properties have {len(header)} bytes, a frame has room for {most}")
    frames = [
        _publish_method(channel, message.exchange, message.routing_key),
        HEAD.pack(FRAME_HEADER, channel, len(header)),
        header,
        FRAME_END_CHAR,
    ]
    for start in range(0, len(body), most):
        part = body[start : start + most]
        frames += HEAD.pack(FRAME_BODY, channel, len(part)), part, FRAME_END_CHAR
    return b"".join(frames)


def settle(tag: int, settlement: Settlement, *, channel: int) -> bytes:
    """The frame that tells the broker what became of a delivery."""
    match settlement:
        case Settlement.ACK:
            method, bits = ACK, 0
        case Settlement.REJECT:
            method, bits = REJECT, 1  # requeue
        case Settlement.REQUEUE:
            method, bits = NACK, 2  # not multiple, requeue
        case _:
            assert_never(settlement)
    return _SETTLE.pack(FRAME_METHOD, channel, _SETTLE_BYTES, method, tag, bits, FRAME_END)


@lru_cache(maxsize=1024)
def _publish_method(channel: int, exchange: str, routing_key: str) -> bytes:
    payload = b"".join(
        (METHOD.pack(PUBLISH), b"\0\0", _short(exchange), _short(routing_key), _MANDATORY)
    )
    return HEAD.pack(FRAME_METHOD, channel, len(payload)) + payload + FRAME_END_CHAR


def _properties(message: WireMessage, user_id: str, size: int) -> bytes:
    headers = [b"\x07attemptI", _COUNT.pack(message.attempt)]
    for name, text in message.headers.items():
        headers += _text(name, text)
    if message.signature:
        headers += _text("signature", message.signature)
    table = b"".join(headers)
    flags, timestamp = _OURS, b""
    if message.timestamp is None:
        flags &= ~_TIMESTAMP
    else:
        timestamp = _SECONDS.pack(int(message.timestamp.timestamp()))
    return b"".join(
        (
            _CONTENT_HEAD.pack(_BASIC, 0, size, flags),
            _JSON,
            _LENGTH.pack(len(table)),
            table,
            _PERSISTENT,
            _short(message.message_id),
            timestamp,
            _short(message.type),
            _short(user_id),
        )
    )


def _text(name: str, text: str) -> tuple[bytes, bytes, bytes, bytes]:
    data = text.encode()
    return _short(name), b"S", _LENGTH.pack(len(data)), data


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data


# --- in -----------------------------------------------------------------------------------------


def is_cut_off(kind: int, payload: bytes) -> bool:
    """Whether a frame is too short for what it must hold; no broker sends such a frame."""
    if kind == FRAME_HEADER:
        return len(payload) < _CONTENT_HEAD.size
    if kind != FRAME_METHOD:
        return False
    if payload.startswith(_DELIVER):
        at = METHOD.size
        for apart in (0, _DELIVERY.size, 0):  # before each of three names
            at += apart
            if at >= len(payload):
                return True
            at += 1 + payload[at]
        return at > len(payload)
    return len(payload) < _ANSWER.size if payload[:4] in _ANSWERS else len(payload) < METHOD.size


def says_blocked(kind: int, payload: bytes) -> bool | None:
    """Whether a frame of channel 0 begins or ends a block of publishes; None: neither."""
    if kind != FRAME_METHOD or len(payload) < METHOD.size:
        return None
    (method,) = METHOD.unpack_from(payload)
    return {BLOCKED: True, UNBLOCKED: False}.get(method)


def content_size(header: bytes) -> int:
    """How long the body will be that follows a content header."""
    size: int = _CONTENT_HEAD.unpack_from(header)[2]
    return size


def is_ack(method: bytes) -> bool:
    """Whether an answer to a publish is `Basic.Ack`."""
    return METHOD.unpack_from(method) == (ACK,)


def answered(method: bytes) -> tuple[int, bool]:
    """Which publish a `Basic.Ack` or `Basic.Nack` answers, and whether all before it, too."""
    tag, bits = _ANSWER.unpack_from(method)
    return tag, bool(bits & _MULTIPLE)


def delivery(method: bytes) -> Delivery:
    """Read `Basic.Deliver`."""
    at = METHOD.size + 1 + method[METHOD.size]  # the consumer's tag
    tag, redelivered = _DELIVERY.unpack_from(method, at)
    exchange, at = _shown(method, at + _DELIVERY.size)
    routing_key, at = _shown(method, at)
    return Delivery(tag=tag, redelivered=redelivered, exchange=exchange, routing_key=routing_key)


def properties(header: bytes) -> Properties:
    """Read a content header; what nobody can read is replaced and says so.

    The broker passes properties on as bytes: text that is not UTF-8, a time beyond the calendar,
    or tables nested without end, from one careless or hostile account, must not stop the others.
    """
    try:
        return _ours(header)
    except (_NotOursError, ValueError, struct.error, IndexError):
        return _anybodys(header)


class _NotOursError(Exception):
    """A content header in a form that we do not write ourselves."""


def _ours(header: bytes) -> Properties:
    flags = _CONTENT_HEAD.unpack_from(header)[3]
    if flags | _TIMESTAMP != _OURS:
        raise _NotOursError
    at = _CONTENT_HEAD.size
    at += 1 + header[at]  # the media type
    headers, at = _table(header, at)
    message_id, at = _exact(header, at + len(_PERSISTENT))
    timestamp = None
    if flags & _TIMESTAMP:
        (seconds,) = _SECONDS.unpack_from(header, at)
        if seconds > _LAST_SECOND:
            raise _NotOursError
        timestamp, at = datetime.fromtimestamp(seconds, UTC), at + _SECONDS.size
    kind, at = _exact(header, at)
    user_id, at = _exact(header, at)
    if at != len(header):
        raise _NotOursError
    return Properties(
        headers=headers, message_id=message_id, timestamp=timestamp, type=kind, user_id=user_id
    )


def _table(header: bytes, at: int) -> tuple[dict[str, str | int], int]:
    (length,) = _LENGTH.unpack_from(header, at)
    at += _LENGTH.size
    end = at + length
    values: dict[str, str | int] = {}
    while at < end:
        name, at = _exact(header, at)
        kind, at = header[at], at + 1
        if kind == _TEXT:
            (length,) = _LENGTH.unpack_from(header, at)
            at += _LENGTH.size
            values[name], at = header[at : at + length].decode(), at + length
        elif (number := _NUMBERS.get(kind)) is not None:
            (values[name],) = number.unpack_from(header, at)
            at += number.size
        else:
            raise _NotOursError
    if at != end:
        raise _NotOursError
    return values, at


def _anybodys(header: bytes) -> Properties:
    read = ContentHeader()
    try:
        read.unmarshal(header)
    except Exception:  # noqa: BLE001 (whatever the driver trips over, one message alone is odd)
        return Properties(headers={}, type=UNREADABLE, foreign=UNREAD_PART)
    said = read.properties
    headers = said.headers or {}
    plain = {name: value for name, value in headers.items() if isinstance(value, str | int)}
    return Properties(
        headers=plain,
        message_id=said.message_id or "",
        timestamp=said.timestamp if isinstance(said.timestamp, datetime) else None,
        type=said.message_type or "",
        user_id=said.user_id or None,
        foreign=next((name for name in headers if name not in plain), ""),
    )


def _exact(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(), end


def _shown(data: bytes, at: int) -> tuple[str, int]:
    """A name that decides nothing here."""
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(errors="replace"), end
