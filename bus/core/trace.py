"""Trace: the name of a trace as it travels with a message (W3C Trace Context, 3.2).

What a trace is made of is left to `bus.ports.tracer` and its implementations.
"""

import re

from bus.core.message import WireMessage
from schemas.envelope import Envelope

TRACEPARENT = "traceparent"
"""The header. Like every unsigned header a hint, never a fact: anybody on the way may set it."""

_FORM = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id(traceparent: str) -> str | None:
    """The 32 hexadecimal digits that name the trace; None when the header holds no such name."""
    found = _FORM.fullmatch(traceparent)
    return found[1] if found else None


def traced(message: WireMessage) -> dict[str, str]:
    """The header of a message that goes on in its trace; none where it names no trace."""
    said = message.headers.get(TRACEPARENT, "")
    return {TRACEPARENT: said} if trace_id(said) else {}


# What is told of a message, by the names of OpenTelemetry's semantic conventions for messaging and
# RabbitMQ: who, where and how much, never what.


def sending(message: WireMessage) -> dict[str, str | int]:
    """Of a message that is published."""
    return {
        **_of(message),
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": f"{message.exchange}:{message.routing_key}",
    }


def processing(message: WireMessage, *, queue: str) -> dict[str, str | int]:
    """Of a message that a queue gave out."""
    return {
        **_of(message),
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": f"{message.exchange}:{message.routing_key}:{queue}",
    }


def about(envelope: Envelope) -> dict[str, str | int]:
    """Of an envelope, once it is known."""
    return {
        "messaging.message.conversation_id": envelope.envelope_id,
        "lienthong.kind": envelope.kind,
        "lienthong.sender": envelope.sender,
    }


def _of(message: WireMessage) -> dict[str, str | int]:
    return {
        "messaging.system": "rabbitmq",
        "messaging.message.id": message.message_id,
        "messaging.message.body.size": len(message.body),
        "messaging.rabbitmq.destination.routing_key": message.routing_key,
        "lienthong.attempt": message.attempt,
    }
