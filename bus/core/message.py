"""WireMessage: a message as it lies on the wire, without the broker's own word on it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class WireMessage:
    """A message as it lies on the wire. `headers` are hints, never facts.

    Attributes:
        message_id: Fresh for every publish attempt.
        user_id: The broker account; the broker checks it.
        attempt: Delivery attempt number, from 1, in the header `attempt`.
    """

    exchange: str
    routing_key: str
    body: bytes
    type: str
    message_id: str
    signature: str = ""
    user_id: str | None = None
    timestamp: datetime | None = None
    attempt: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def trace_id(self) -> str | None:
        """The trace it claims to belong to (W3C Trace Context, `traceparent`); to search by."""
        told = _TRACEPARENT.fullmatch(self.headers.get("traceparent", ""))
        return told[1] if told else None


_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
