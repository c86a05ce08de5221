"""Queries of operators: pages of dead letters, single letters, and their history."""

import re
from collections.abc import Sequence

from sqlalchemy import Connection, select

from bus.core.dead_letters.letter import DeadLetter, HistoryEntry, LetterId, LetterState
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.message import WireMessage
from bus.store.dead_letters.letter_row import (
    letter_query,
    letters_of,
    listed,
    message_in,
    state_in,
    unreadable,
)
from bus.store.dead_letters.scope import Scope, order_of
from bus.store.schema import causes, history, letters, originals
from schemas.identifiers import EnvelopeId, MailboxName
from schemas.problem import AxisError, InternalError

_DIGITS = re.compile(r"[0-9a-f]{1,32}")


def find(
    connection: Connection, selection: Selection, sort: Sort, limit: int, offset: int
) -> tuple[DeadLetter, ...]:
    """One page of letters."""
    keys = Scope(selection, connection.dialect.name).page(sort, limit=limit, offset=offset)
    query = letter_query().where(letters.c.key.in_(keys)).order_by(*order_of(sort))
    return letters_of(connection, query)


def count(connection: Connection, selection: Selection) -> int:
    """The number of letters that match a selection."""
    return connection.scalar(Scope(selection, connection.dialect.name).count()) or 0


def states(
    connection: Connection, envelope_ids: Sequence[EnvelopeId]
) -> dict[tuple[EnvelopeId, MailboxName], LetterState]:
    """The states of the dead letters of these envelopes."""
    query = (
        select(letters.c.envelope_id, causes.c.mailbox, letters.c.state)
        .join(causes, causes.c.number == letters.c.cause)
        .where(letters.c.envelope_id.in_(listed(envelope_ids, connection.dialect.name)))
    )
    return {
        (EnvelopeId(row.envelope_id), MailboxName(row.mailbox)): state_in(row.state)
        for row in connection.execute(query)
    }


def letter(connection: Connection, id_or_prefix: str) -> DeadLetter:
    """One letter. Raises `ConfigurationError` E_LETTER_UNKNOWN, E_LETTER_AMBIGUOUS."""
    first = id_or_prefix.lower()
    if not _DIGITS.fullmatch(first):
        raise AxisError.of("E_LETTER_UNKNOWN", id=id_or_prefix)
    # An upper bound in place of LIKE, which would read the whole table.
    query = letter_query().where(letters.c.id >= first, letters.c.id < f"{first}g").limit(2)
    found = letters_of(connection, query)
    if not found:
        raise AxisError.of("E_LETTER_UNKNOWN", id=id_or_prefix)
    if len(found) > 1:
        raise AxisError.of("E_LETTER_AMBIGUOUS", id=id_or_prefix)
    return found[0]


def happened(connection: Connection, letter_id: LetterId) -> tuple[HistoryEntry, ...]:
    """Everything that happened to a letter."""
    query = (
        select(
            history.c.at,
            history.c.happening,
            history.c.operator,
            history.c.order_id.label("order"),
            history.c.text,
        )
        .join(letters, letters.c.key == history.c.letter)
        .where(letters.c.id == letter_id)
        .order_by(history.c.entry)
    )
    entries = tuple(HistoryEntry(**row) for row in connection.execute(query).mappings())
    if not entries:
        raise AxisError.of("E_LETTER_UNKNOWN", id=letter_id)
    return entries


def message(connection: Connection, letter_id: LetterId) -> WireMessage:
    """The delivery a letter is about, byte for byte."""
    query = (
        select(originals.c.body, originals.c.properties)
        .join(letters, letters.c.key == originals.c.letter)
        .where(letters.c.id == letter_id)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        raise AxisError.of("E_LETTER_UNKNOWN", id=letter_id)
    try:
        return message_in(row)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise InternalError(unreadable(error)) from error
