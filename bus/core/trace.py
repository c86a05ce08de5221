"""Trace: the header that names the trace of a message, and the attributes of its spans.

The header is that of W3C Trace Context, 3.2. The names of attributes are those of OpenTelemetry's
semantic conventions for messaging and RabbitMQ; attributes never hold content.
"""

import re

from bus.core.message import WireMessage
from schemas.envelope import Envelope

TRACEPARENT = "traceparent"
"""The header. It is not signed, so anybody between sender and recipient may have set it."""

_FORM = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id(traceparent: str) -> str | None:
    """The 32 hexadecimal digits that name the trace; None when the header is not valid."""
    found = _FORM.fullmatch(traceparent)
    return found[1] if found else None


def traced(message: WireMessage) -> dict[str, str]:
    """The header that a later message needs to belong to the same trace; empty without one."""
    header = message.headers.get(TRACEPARENT, "")
    return {TRACEPARENT: header} if trace_id(header) else {}


def sending(message: WireMessage) -> dict[str, str | int]:
    """The attributes of a message that is published."""
    return {
        **_of(message),
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": f"{message.exchange}:{message.routing_key}",
    }


def processing(message: WireMessage, *, queue: str) -> dict[str, str | int]:
    """The attributes of a message that was consumed from a queue."""
    return {
        **_of(message),
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": f"{message.exchange}:{message.routing_key}:{queue}",
    }


def about(envelope: Envelope) -> dict[str, str | int]:
    """The attributes of an envelope."""
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
