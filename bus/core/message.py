"""WireMessage: a message as it lies on the wire, without the broker's own word on it."""

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
