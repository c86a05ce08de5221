"""Letter row: dead letters and their deliveries, to and from the columns that keep them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import JSON, RowMapping, Select, String, column, func, literal, select

from bus.core.dead_letters.letter import DeadLetter
from bus.core.message import WireMessage
from bus.ports import StoredLetter
from bus.store.schema import causes, holds, letters, orders, originals
from schemas.problem import Problem

_OF_THE_TABLE_ONLY = frozenset({"key", "cause"})
_OF_THE_CAUSE = ("fingerprint", "mailbox", "stage", "failure_class")
_SHOWN = (
    letters.c.key,
    *(column for column in letters.c if column.name not in _OF_THE_TABLE_ONLY),
    *(causes.c[name] for name in _OF_THE_CAUSE),
    orders.c.id.label("order"),
)
_LETTERS = (
    letters.join(causes, causes.c.number == letters.c.cause)
    .outerjoin(holds, holds.c.letter == letters.c.key)
    .outerjoin(orders, orders.c.number == holds.c.order_number)
)


def letter_query() -> Select[tuple[object, ...]]:
    """Letters with the order that each belongs to."""
    return select(*_SHOWN).select_from(_LETTERS)


def stored_query() -> Select[tuple[object, ...]]:
    """Letters with their order and their delivery."""
    source = _LETTERS.join(originals, originals.c.letter == letters.c.key)
    return select(*_SHOWN, originals.c.body, originals.c.properties).select_from(source)


def letter_in(row: RowMapping) -> DeadLetter:
    """The letter that a row of `letter_query` or `stored_query` holds."""
    return DeadLetter(**{**row, "problem": Problem.model_validate_json(row["problem"])})


def stored_in(row: RowMapping) -> StoredLetter:
    """The letter and delivery that a row of `stored_query` holds."""
    return StoredLetter(letter=letter_in(row), message=message_in(row))


def message_in(row: RowMapping) -> WireMessage:
    """The delivery, byte for byte."""
    properties = json.loads(row["properties"])
    timestamp = properties.pop("timestamp")
    return WireMessage(
        **properties,
        timestamp=None if timestamp is None else datetime.fromisoformat(timestamp),
        body=row["body"],
    )


def letter_columns(letter: DeadLetter, *, cause: int) -> dict[str, object]:
    """What `letters` keeps of a letter, but its key; who holds it stands in `holds`."""
    columns = dict(letter)
    for name in (*_OF_THE_CAUSE, "order"):
        del columns[name]
    columns["problem"] = letter.problem.model_dump_json(exclude_defaults=True)
    columns["cause"] = cause
    return columns


def original_columns(message: WireMessage) -> dict[str, object]:
    """What `originals` keeps of a delivery, but whose it is. ASCII holds every text there is."""
    timestamp = message.timestamp
    properties = {
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "type": message.type,
        "message_id": message.message_id,
        "signature": message.signature,
        "user_id": message.user_id,
        "timestamp": None if timestamp is None else timestamp.astimezone(UTC).isoformat(),
        "attempt": message.attempt,
        "headers": dict(message.headers),
    }
    return {"body": message.body, "properties": json.dumps(properties).encode()}


def listed(values: Sequence[str], dialect: str) -> Select[tuple[str]]:
    """Values for an `IN`, however many: a statement may name some ten thousand at most."""
    array = literal(list(values), JSON)
    if dialect == "postgresql":
        each = func.json_array_elements_text(array).table_valued(column("value", String))
    else:
        each = func.json_each(array).table_valued(column("value", String))
    return select(each.c.value)


def keys_of(ids: Sequence[str], dialect: str) -> Select[tuple[int]]:
    """The keys of letters, by their ids."""
    query = select(letters.c.key).where(letters.c.id.in_(listed(ids, dialect)))
    return query.with_hint(letters, "INDEXED BY letters_by_id", "sqlite")
