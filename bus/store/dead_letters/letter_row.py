"""Letter row: converts dead letters and their deliveries to columns, and back."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import (
    JSON,
    Connection,
    RowMapping,
    Select,
    String,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

from bus.core.crash import cause_of
from bus.core.dead_letters.letter import DeadLetter, LetterId, LetterState
from bus.core.dead_letters.report import BEGINNING, NOBODYS
from bus.core.failure import Stage, fingerprint
from bus.core.message import WireMessage
from bus.ports import StoredLetter
from bus.store.schema import causes, holds, letters, orders, originals
from schemas.errors import FailureClass
from schemas.problem import AxisError, Problem
from schemas.term import term

Read = TypeVar("Read")

_STATES = frozenset(LetterState)
_NOTHING = WireMessage(exchange="", routing_key="", body=b"", type="", message_id="")
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
    """A query for letters, each with the order that holds it."""
    return select(*_SHOWN).select_from(_LETTERS)


def stored_query() -> Select[tuple[object, ...]]:
    """A query for letters with their order and their delivery."""
    source = _LETTERS.join(originals, originals.c.letter == letters.c.key)
    return select(*_SHOWN, originals.c.body, originals.c.properties).select_from(source)


def letters_of(connection: Connection, query: Select[Any]) -> tuple[DeadLetter, ...]:
    """The letters of a `letter_query`, in its order; unreadable rows are included."""
    return _each(connection, query, letter_query, letter_in, _unreadable)


def stored_of(connection: Connection, query: Select[Any]) -> tuple[StoredLetter, ...]:
    """The letters with deliveries of a `stored_query`, likewise."""

    def broken(letter_id: str, error: Exception) -> StoredLetter:
        return StoredLetter(letter=_unreadable(letter_id, error), message=_NOTHING)

    return _each(connection, query, stored_query, stored_in, broken)


def _each(
    connection: Connection,
    query: Select[Any],
    whole: Callable[[], Select[Any]],
    read: Callable[[RowMapping], Read],
    broken: Callable[[str, Exception], Read],
) -> tuple[Read, ...]:
    """Read all rows at once; if one is unreadable, read them one by one."""
    try:
        return tuple(map(read, connection.execute(query).mappings()))
    except SQLAlchemyError:
        raise
    except Exception:  # noqa: BLE001 (whoever wrote the row, the others are served)
        found = connection.execute(query.with_only_columns(letters.c.key, letters.c.id)).all()
    rows: list[Read] = []
    for key, letter_id in found:
        try:
            row = connection.execute(whole().where(letters.c.key == key)).mappings().one()
            rows.append(read(row))
        except SQLAlchemyError:
            raise
        except Exception as error:  # noqa: BLE001 (as above)
            rows.append(broken(str(letter_id), error))
    return tuple(rows)


def _unreadable(letter_id: str, error: Exception) -> DeadLetter:
    """The letter of an unreadable row, with the little that is certain."""
    problem = unreadable(error)
    return DeadLetter(
        id=LetterId(letter_id),
        state=LetterState.PARKED,
        mailbox=NOBODYS,
        sender="",
        lane="",
        kind="",
        failure_class=FailureClass.OURS,
        stage=Stage.MAILBOX,
        fingerprint=fingerprint(Stage.MAILBOX, problem, NOBODYS),
        problem=problem,
        first_failed_at=BEGINNING,
        failed_at=BEGINNING,
        changed_at=BEGINNING,
    )


def unreadable(error: Exception) -> Problem:
    """The problem of a row that cannot be read."""
    return AxisError.of("E_LETTER_UNREADABLE", cause=term("crash", error=cause_of(error))).problem


def problem_in(text: str) -> Problem:
    """The problem in a row; if it contains none, the problem of an unreadable row."""
    try:
        return Problem.model_validate_json(text)
    except (ValidationError, TypeError) as error:
        return unreadable(error)


def state_in(text: str) -> LetterState:
    """The state in a row; a state that does not exist counts as parked."""
    return LetterState(text) if text in _STATES else LetterState.PARKED


def letter_in(row: RowMapping) -> DeadLetter:
    """The letter in a row of `letter_query` or `stored_query`."""
    read = {"problem": problem_in(row["problem"]), "state": state_in(row["state"])}
    return DeadLetter(**{**row, **read})


def stored_in(row: RowMapping) -> StoredLetter:
    """The letter and the delivery in a row of `stored_query`.

    Raises:
        ValueError: The row is unreadable.
    """
    if row["state"] not in _STATES:
        raise ValueError("it stands nowhere")
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
    """The columns of `letters` without the key; the table `holds` names its order."""
    columns = dict(letter)
    for name in (*_OF_THE_CAUSE, "order"):
        del columns[name]
    columns["problem"] = letter.problem.model_dump_json(exclude_defaults=True)
    columns["cause"] = cause
    return columns


def original_columns(message: WireMessage) -> dict[str, object]:
    """The columns of `originals` without the key. JSON in ASCII can contain every text."""
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
    """Any number of values for an `IN`; a statement may have some ten thousand parameters."""
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
