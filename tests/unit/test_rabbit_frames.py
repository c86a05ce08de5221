"""The frames of messages are those of AMQP: pamqp reads what we write, and we what it writes."""

from datetime import UTC, datetime
from struct import unpack_from

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from bus.core.message import WireMessage
from bus.ports import Settlement
from bus.rabbit import frames
from tests.support.envelopes import NOW

CHANNEL, SIZE = 7, 4096


def a_message(**changes: object) -> WireMessage:
    valid: dict[str, object] = {
        "exchange": "documents",
        "routing_key": "H98.G98.standard.document",
        "body": b"body",
        "type": "document",
        "message_id": "m1",
        "signature": "e30..sig",
        "timestamp": NOW,
        "attempt": 3,
        "headers": {"traceparent": "00-ữ"},
    }
    return WireMessage(**(valid | changes))  # type: ignore[arg-type]


def read_all(data: bytes) -> list[pamqp.frame.FrameTypes]:
    """What pamqp makes of frames one after another."""
    read = []
    while data:
        consumed, channel, frame = pamqp.frame.unmarshal(data)
        assert channel == CHANNEL
        read.append(frame)
        data = data[consumed:]
    return read


def header_of(properties: Basic.Properties) -> bytes:
    return ContentHeader(properties=properties, body_size=SIZE).marshal()


def nested(depth: int) -> bytes:
    """The content header with a table within a table, and so on."""
    table = b""
    for _ in range(depth):
        table = b"\x01kF" + len(table).to_bytes(4, "big") + table
    payload = b"\x00\x3c\x00\x00" + SIZE.to_bytes(8, "big") + b"\x20\x00"
    return payload + len(table).to_bytes(4, "big") + table


def test_a_publish_is_mandatory_persistent_and_says_all_of_its_message() -> None:
    message = a_message()

    data = frames.publish(message, channel=CHANNEL, user_id="agency.H98", frame_bytes=4096)

    method, header, body = read_all(data)
    assert isinstance(method, Basic.Publish)
    assert (method.exchange, method.routing_key) == (message.exchange, message.routing_key)
    assert method.mandatory
    assert not method.immediate
    assert isinstance(header, ContentHeader)
    assert header.body_size == len(message.body)
    assert dict(header.properties) == dict(
        Basic.Properties(
            content_type="application/json",
            headers={"attempt": 3, "traceparent": "00-ữ", "signature": "e30..sig"},
            delivery_mode=2,
            message_id="m1",
            timestamp=NOW,
            message_type="document",
            user_id="agency.H98",
        )
    )
    assert isinstance(body, ContentBody)
    assert body.value == b"body"


@given(st.binary(max_size=300))
def test_a_body_of_any_length_is_cut_to_the_frame_and_whole_again(body: bytes) -> None:
    data = frames.publish(a_message(body=body), channel=CHANNEL, user_id="u", frame_bytes=64)

    _, header, *parts = read_all(data)
    assert isinstance(header, ContentHeader)
    assert header.body_size == len(body)
    values = [part.value for part in parts if isinstance(part, ContentBody)]
    assert b"".join(values) == body
    assert all(0 < len(value) <= 64 - 8 for value in values)


def test_a_name_that_does_not_fit_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="256"):
        frames.publish(a_message(message_id="x" * 256), channel=1, user_id="u", frame_bytes=4096)


@pytest.mark.parametrize(
    ("settlement", "expected"),
    [
        (Settlement.ACK, Basic.Ack(delivery_tag=9, multiple=False)),
        (Settlement.REJECT, Basic.Reject(delivery_tag=9, requeue=True)),
        (Settlement.REQUEUE, Basic.Nack(delivery_tag=9, multiple=False, requeue=True)),
    ],
)
def test_a_settlement_is_one_frame(settlement: Settlement, expected: Basic.Ack) -> None:
    data = frames.settle(9, settlement, channel=CHANNEL)

    assert data == pamqp.frame.marshal(expected, CHANNEL)


def test_a_delivery_is_read() -> None:
    method = pamqp.frame.marshal(
        Basic.Deliver("ctag", 2**40, redelivered=True, exchange="documents", routing_key="a.b"), 1
    )[7:-1]

    assert frames.delivery(method) == frames.Delivery(
        tag=2**40, redelivered=True, exchange="documents", routing_key="a.b"
    )


@pytest.mark.parametrize("multiple", [True, False])
@pytest.mark.parametrize("kind", [Basic.Ack, Basic.Nack])
def test_an_answer_to_a_publish_is_read(kind: type[Basic.Ack], multiple: bool) -> None:
    method = pamqp.frame.marshal(kind(delivery_tag=5, multiple=multiple), 1)[7:-1]

    assert frames.is_ack(method) == (kind is Basic.Ack)
    assert frames.answered(method) == (5, multiple)


@given(
    headers=st.dictionaries(
        st.text(max_size=20), st.text(max_size=300) | st.integers(-(2**63), 2**63 - 1)
    ),
    message_id=st.text(max_size=30),
    seconds=st.integers(0, 2**32 - 1),
    user_id=st.text(min_size=1, max_size=30),
    foreign=st.booleans(),
)
def test_properties_are_read_whoever_wrote_them(
    headers: dict[str, str | int],
    message_id: str,
    seconds: int,
    user_id: str,
    foreign: bool,
) -> None:
    timestamp = datetime.fromtimestamp(seconds, UTC)
    said = Basic.Properties(
        content_type="application/json",
        headers=headers | ({"x-death": [{"count": 1}]} if foreign else {}),
        delivery_mode=2,
        message_id=message_id,
        timestamp=timestamp,
        message_type="document",
        user_id=user_id,
        app_id="theirs" if foreign else None,
    )

    read = frames.properties(header_of(said))

    assert read == frames.Properties(
        headers=headers,
        message_id=message_id,
        timestamp=timestamp,
        type="document",
        user_id=user_id,
        foreign="x-death" if foreign else "",
    )


def test_a_message_without_properties_has_none() -> None:
    assert frames.properties(header_of(Basic.Properties())) == frames.Properties(headers={})


def test_a_text_that_is_not_utf8_is_no_text() -> None:
    said = header_of(Basic.Properties(headers={"spoilt": "AB", "attempt": 2}))

    read = frames.properties(said.replace(b"AB", b"\xff\xfe"))

    assert read.headers == {"attempt": 2}


@pytest.mark.parametrize(
    "header",
    [
        header_of(Basic.Properties(message_type="AB")).replace(b"AB", b"\xff\xfe"),
        header_of(Basic.Properties(headers={"AB": 1})).replace(b"AB", b"\xff\xfe"),
        header_of(Basic.Properties(timestamp=datetime.fromtimestamp(0x01020304, UTC))).replace(
            b"\x00\x00\x00\x00\x01\x02\x03\x04", b"\xff" * 8
        ),
        nested(5_000),
    ],
    ids=["text", "header name", "time", "nesting"],
)
def test_what_cannot_be_read_is_replaced_and_says_so(header: bytes) -> None:
    read = frames.properties(header)

    assert read == frames.Properties(headers={}, type=frames.UNREADABLE, foreign=frames.UNREAD_PART)
    assert frames.content_size(header) == SIZE


@given(cut=st.integers(12, 120), byte=st.integers(0, 255))
def test_no_spoilt_header_raises(cut: int, byte: int) -> None:
    """Cut short or with one byte changed: there are properties, or there are none."""
    data = frames.publish(a_message(), channel=CHANNEL, user_id="agency.H98", frame_bytes=4096)
    (method_bytes,) = unpack_from(">3xI", data)
    header = data[method_bytes + 8 + 7 :]

    frames.properties(header[: cut + 2])
    frames.properties(header[:cut] + bytes((byte,)) + header[cut + 1 :])
