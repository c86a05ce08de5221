"""Lines: events and instructions as lines of JSON, for the way between the axis and its workers.

`{"EnvelopeSent":{"mailbox":"G22",…}}`: the type names itself. Both ends are of one version.
"""

from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter

from bus.core.events import Event
from bus.core.instructions import Instruction

Said = TypeVar("Said")

_EVENTS: dict[bytes, TypeAdapter[Event]] = {
    kind.__name__.encode(): TypeAdapter(kind) for kind in get_args(Event)
}
_INSTRUCTIONS: dict[bytes, TypeAdapter[Instruction]] = {
    kind.__name__.encode(): TypeAdapter(kind) for kind in get_args(Instruction)
}
_ALL: dict[bytes, TypeAdapter[Any]] = {**_EVENTS, **_INSTRUCTIONS}


def to_line(said: Event | Instruction) -> bytes:
    """One line, with its end."""
    name = type(said).__name__.encode()
    return b'{"%b":%b}\n' % (name, _ALL[name].dump_json(said))


def event_of(line: bytes) -> Event:
    """The event that a line holds. Raises `ValueError` when it holds none."""
    return _of(line, _EVENTS)


def instruction_of(line: bytes) -> Instruction:
    """The instruction that a line holds. Raises `ValueError` when it holds none."""
    return _of(line, _INSTRUCTIONS)


def _of(line: bytes, kinds: dict[bytes, TypeAdapter[Said]]) -> Said:
    name, _, rest = line.removeprefix(b'{"').partition(b'":')
    if name not in kinds or not rest.endswith(b"}\n"):
        raise ValueError(f"not a line of ours: {line[:80]!r}")
    return kinds[name].validate_json(rest[:-2])
