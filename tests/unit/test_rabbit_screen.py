"""Properties that nobody can read do not reach the driver; all others do, untouched."""

from datetime import UTC, datetime

import pamqp.frame
import pytest
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from bus.rabbit.screen import UNREADABLE, screened

CHANNEL, SIZE = 7, 4096


def a_header(properties: Basic.Properties) -> bytes:
    return pamqp.frame.marshal(ContentHeader(properties=properties, body_size=SIZE), CHANNEL)


def nested(depth: int) -> bytes:
    """The header frame of a table within a table, and so on."""
    table = b""
    for _ in range(depth):
        entry = b"\x01kF" + len(table).to_bytes(4, "big") + table
        table = entry
    payload = b"\x00\x3c\x00\x00" + SIZE.to_bytes(8, "big") + b"\x20\x00"
    payload += len(table).to_bytes(4, "big") + table
    return (
        b"\x02" + CHANNEL.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload + b"\xce"
    )


def test_a_readable_header_passes_as_it_is() -> None:
    frame = a_header(
        Basic.Properties(
            headers={"signature": "x" * 500, "attempt": 2, "Đ": "ữ"},
            message_id="1",
            timestamp=datetime(2026, 11, 22, tzinfo=UTC),
            user_id="agency.H98",
        )
    )

    assert screened(frame, CHANNEL) is frame


@pytest.mark.parametrize(
    "frame",
    [
        a_header(Basic.Properties(message_type="AB")).replace(b"AB", b"\xff\xfe"),
        a_header(Basic.Properties(headers={"AB": 1})).replace(b"AB", b"\xff\xfe"),
        a_header(Basic.Properties(timestamp=datetime.fromtimestamp(0x01020304, UTC))).replace(
            b"\x00\x00\x00\x00\x01\x02\x03\x04", b"\xff" * 8
        ),
        nested(5_000),
    ],
    ids=["text", "header name", "time", "nesting"],
)
def test_what_cannot_be_read_is_replaced_and_says_so(frame: bytes) -> None:
    with pytest.raises((pamqp.exceptions.PAMQPException, RecursionError)):
        pamqp.frame.unmarshal(frame)

    _, channel, header = pamqp.frame.unmarshal(screened(frame, CHANNEL))

    assert channel == CHANNEL
    assert isinstance(header, ContentHeader)
    assert header.body_size == SIZE
    assert header.properties.message_type == UNREADABLE
