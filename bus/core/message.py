"""Message: what travels: a signed envelope, and the AMQP message that carries it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

MAX_ATTEMPT = 2**31 - 1
"""What the header `attempt` has room for, and the database."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedEnvelope:
    """The exact bytes of an envelope and their detached signature."""

    body: bytes
    signature: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WireMessage:
    """A message as it lies on the wire. `headers` are hints, never facts.

    Attributes:
        message_id: Fresh for every publish attempt.
        user_id: The broker account; the broker checks it.
        attempt: Delivery attempt number, 1 to `MAX_ATTEMPT`, in the header `attempt`.
        foreign: A header that no sender of the axis sets, or sets so; empty: there is none. Its
            value is not kept.
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
    foreign: str = ""
