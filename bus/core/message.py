"""A signed envelope, and the AMQP message that carries it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

MAX_ATTEMPT = 2**31 - 1
"""The largest value that the header `attempt` and the database can hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedEnvelope:
    """The exact bytes of an envelope and their detached signature."""

    body: bytes
    signature: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WireMessage:
    """An AMQP message. Its `headers` are not signed, so they are hints only.

    Attributes:
        message_id: New for every publish.
        user_id: The account that published; the broker checks it.
        attempt: The number of the delivery attempt, 1 to `MAX_ATTEMPT`.
        foreign: The name of a property that no sender on the axis sets, or not to this value;
            empty: there is none. The value is not kept.
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
