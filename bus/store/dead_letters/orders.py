"""Orders of operators about sets of dead letters: placed, approved, cancelled and carried out."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    select,
    true,
    tuple_,
    update,
)

from bus.core.dead_letters.course import entry_of
from bus.core.dead_letters.letter import (
    Happening,
    HistoryEntry,
    LetterId,
    LetterState,
    OrderId,
)
from bus.core.dead_letters.order import (
    ACTED_UPON,
    Action,
    BulkLimits,
    NewOrder,
    Order,
    OrderState,
    must_approve,
    within_limits,
)
from bus.core.journal import JournalEntry, Outcome
from bus.core.life_cycle import DeliveryEvent
from bus.ports import StoredLetter
from bus.store.dead_letters.letter_row import keys_of, stored_of, stored_query
from bus.store.dead_letters.moves import move
from bus.store.dead_letters.scope import Scope
from bus.store.journal import write_entry
from bus.store.schema import holds, letters, orders
from schemas.problem import AxisError, ConfigurationError, Problem

_KEY = letters.c.key
_OTHER = holds.alias()
_IS_HELD = exists().where(_OTHER.c.letter == _KEY)


@dataclass(frozen=True, slots=True)
class Held:
    """An order with its number, by which the table `holds` names it."""

    number: int
    order: Order


@dataclass(frozen=True, slots=True)
class Placing:
    """An order that shall be placed."""

    order: NewOrder
    order_id: OrderId
    now: datetime
    limits: BulkLimits


@dataclass(frozen=True, slots=True)
class Approving:
    """The approval of a second operator."""

    order_id: OrderId
    operator: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Cancelling:
    """The cancellation by an operator."""

    order_id: OrderId
    operator: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """Letters of an order that were published."""

    order_id: OrderId
    ids: Sequence[LetterId]
    now: datetime


@dataclass(frozen=True, slots=True)
class PuttingAside:
    """A letter whose row cannot be used."""

    letter_id: LetterId
    problem: Problem
    now: datetime


def load(connection: Connection, order_id: OrderId) -> Held:
    """One order. Raises `ConfigurationError` E_ORDER_UNKNOWN."""
    row = connection.execute(select(orders).where(orders.c.id == order_id)).mappings().first()
    if row is None:
        raise AxisError.of("E_ORDER_UNKNOWN", id=order_id)
    return Held(row["number"], _order_in(row))


def listing(connection: Connection, states: Sequence[OrderState]) -> tuple[Order, ...]:
    """The orders in these states (none named: in any), in the order of placing."""
    query = select(orders).order_by(orders.c.number)
    if states:
        query = query.where(orders.c.state.in_(states))
    read: list[Order] = []
    for row in connection.execute(query).mappings():
        # An unreadable row is left out, and nobody carries it out.
        with suppress(ConfigurationError):
            read.append(_order_in(row))
    return tuple(read)


def place(connection: Connection, asked: Placing) -> Order:
    """Store an order with the letters that it takes, and start it unless it needs approval.

    The limits are checked against the number of these letters, in the same transaction.
    Raises `ConfigurationError` E_NEEDS_YES: nothing was stored.
    """
    wanted, now = asked.order, asked.now
    number = (connection.scalar(select(func.max(orders.c.number))) or 0) + 1
    meant = Scope(wanted.selection, connection.dialect.name, among=ACTED_UPON[wanted.action])
    held, others = _held(connection, meant)
    free = meant.rows(_KEY, literal(number), letters.c.failed_at)
    if held:
        free = free.where(~_IS_HELD)
    taken = insert(holds).from_select(
        ["letter", "order_number", "failed_at"],
        free.order_by(letters.c.failed_at, _KEY).limit(wanted.limit),
    )
    asked_for = Order(
        **dict(wanted),
        id=asked.order_id,
        state=OrderState.PENDING,
        placed_at=now,
        total=connection.execute(taken).rowcount,
        held=held,
        others=others,
    )
    try:
        placed = within_limits(asked_for, asked.limits)
    except ConfigurationError:
        # Other operations share this transaction, so it is committed although this one is refused.
        connection.execute(delete(holds).where(holds.c.order_number == number))
        raise
    connection.execute(
        insert(orders).values(
            number=number,
            id=placed.id,
            placed=placed.model_dump_json(),
            state=placed.state,
            done=0,
        )
    )
    _note(connection, placed, placed.action, operator=placed.operator, now=now)
    if placed.total and placed.needs_approval:
        return placed
    return _run(connection, Held(number, placed), now=now)


def approve(connection: Connection, asked: Approving) -> Order:
    """Let a pending order run. Raises `ConfigurationError` as `must_approve`."""
    held = load(connection, asked.order_id)
    must_approve(held.order, asked.operator)
    _note(connection, held.order, "approve", operator=asked.operator, now=asked.now)
    return _run(connection, held, now=asked.now, approved_by=asked.operator)


def cancel(connection: Connection, asked: Cancelling) -> Order:
    """End an order. Raises `ConfigurationError` E_ORDER_UNKNOWN, E_ORDER_STATE."""
    held = load(connection, asked.order_id)
    ended = {
        "state": OrderState.CANCELLED,
        "cancelled_by": asked.operator,
        "finished_at": asked.now,
    }
    if not _change(connection, held, {OrderState.PENDING, OrderState.RUNNING}, ended):
        raise AxisError.of("E_ORDER_STATE", id=asked.order_id, state=held.order.state)
    connection.execute(delete(holds).where(holds.c.order_number == held.number))
    _note(connection, held.order, "cancel", operator=asked.operator, now=asked.now)
    return load(connection, asked.order_id).order


def next_of(
    connection: Connection, order_id: OrderId, limit: int, after: LetterId | None
) -> tuple[StoredLetter, ...]:
    """The unprocessed letters of a running replay, oldest failure first."""
    held = load(connection, order_id)
    if held.order.state is not OrderState.RUNNING:
        return ()
    mine = holds.c.order_number == held.number
    if after is not None:
        last = connection.execute(
            select(letters.c.failed_at, _KEY).where(letters.c.id == after)
        ).one()
        mine &= tuple_(holds.c.failed_at, holds.c.letter) > tuple_(
            literal(last.failed_at, holds.c.failed_at.type), literal(last.key)
        )
    query = stored_query().where(mine).order_by(holds.c.failed_at, holds.c.letter).limit(limit)
    return stored_of(connection, query)


def replayed(connection: Connection, asked: Replayed) -> None:
    """Mark letters as redelivered by a replay, also of an order that was cancelled meanwhile."""
    held = load(connection, asked.order_id)
    named = keys_of(asked.ids, connection.dialect.name)
    number = move(
        connection,
        named.where(_stands_as_left_by(held)),
        entry_of(held.order, Happening.REPLAYED, now=asked.now),
        event=DeliveryEvent.REDELIVER,
        replays=letters.c.replays + 1,
        returned=False,
    )
    dealt_with(connection, held, holds.c.letter.in_(named), number, asked.now)


def put_aside(connection: Connection, asked: PuttingAside) -> None:
    """Park a letter, whatever its row contains, and release it from its orders."""
    keys = select(_KEY).where(letters.c.id == asked.letter_id)
    entry = HistoryEntry(at=asked.now, happening=Happening.PARKED, text=asked.problem.code)
    holders = select(orders.c.id).join(holds, holds.c.order_number == orders.c.number)
    for order_id in connection.scalars(holders.where(holds.c.letter.in_(keys))).all():
        held = load(connection, OrderId(order_id))
        dealt_with(connection, held, holds.c.letter.in_(keys), 1, asked.now)
    problem = asked.problem.model_dump_json(exclude_defaults=True)
    move(
        connection,
        keys,
        entry,
        event=DeliveryEvent.PARK,
        whatever_state=True,
        problem=problem,
    )


def dealt_with(
    connection: Connection, held: Held, which: ColumnElement[bool], number: int, now: datetime
) -> None:
    """Release letters that were processed, and count them; the last one ends the order."""
    mine = holds.c.order_number == held.number
    connection.execute(delete(holds).where(mine, which))
    connection.execute(
        update(orders).where(orders.c.number == held.number).values(done=orders.c.done + number)
    )
    if connection.execute(select(holds.c.letter).where(mine).limit(1)).first() is None:
        ended = {"state": OrderState.DONE, "finished_at": now}
        _change(connection, held, {OrderState.RUNNING}, ended)


def _held(connection: Connection, meant: Scope) -> tuple[int, tuple[str, ...]]:
    """How many selected letters other unfinished orders hold, and which orders."""
    if connection.execute(select(holds.c.letter).limit(1)).first() is None:
        return 0, ()
    counted = (
        select(holds.c.order_number, func.count().label("letters"))
        .where(holds.c.letter.in_(meant.rows(_KEY)))
        .group_by(holds.c.order_number)
        .subquery()
    )
    query = select(orders, counted.c.letters).join_from(
        counted, orders, orders.c.number == counted.c.order_number
    )
    found = connection.execute(query.order_by(orders.c.number)).mappings().all()
    others = (_order_in(row) for row in found)
    return (
        sum(row["letters"] for row in found),
        tuple(f"{other.id} ({other.operator})" for other in others),
    )


def _run(
    connection: Connection, held: Held, *, now: datetime, approved_by: str | None = None
) -> Order:
    """Start a pending order. Discards, restores and orders without letters also end now."""
    running = {"state": OrderState.RUNNING, "approved_by": approved_by}
    _change(connection, held, {OrderState.PENDING}, running)
    number = 0
    if held.order.action is not Action.REPLAY:
        number = _carry_out(connection, held, now)
    dealt_with(connection, held, true() if number else false(), number, now)
    return load(connection, held.order.id).order


def _carry_out(connection: Connection, held: Held, now: datetime) -> int:
    """Discard or restore the letters that an order holds."""
    order = held.order
    keys = select(holds.c.letter).where(holds.c.order_number == held.number)
    match order.action:
        case Action.DISCARD:
            entry = entry_of(order, Happening.DISCARDED, now=now)
            return move(connection, keys, entry, event=DeliveryEvent.DISCARD)
        case Action.RESTORE:
            entry = entry_of(order, Happening.RESTORED, now=now)
            was_quarantined = letters.c.state == LetterState.QUARANTINED
            return move(
                connection,
                keys,
                entry,
                event=DeliveryEvent.RESTORE,
                # After a quarantine, replays are counted from zero again.
                replays=case((was_quarantined, 0), else_=letters.c.replays),
                returned=case((was_quarantined, false()), else_=letters.c.returned),
            )
        case Action.REPLAY:
            raise ValueError("a replay is carried out by the handler")
        case _ as never:
            assert_never(never)


def _note(connection: Connection, order: Order, verb: str, *, operator: str, now: datetime) -> None:
    """Write the act of an operator to the journal, in the same transaction."""
    entry = JournalEntry(
        id=f"{order.id}-{verb}",
        at=now,
        operator=operator,
        what=f"dlq {verb}",
        about=f"order {order.id}, {order.total} dead letters",
        why=order.reason if verb == order.action else None,
        outcome=Outcome.DONE,
    )
    write_entry(connection, entry)


def _stands_as_left_by(held: Held) -> ColumnElement[bool]:
    """Whether an order holds a letter; after its end, whether the letter has not changed since."""
    if held.order.state is not OrderState.CANCELLED:
        return _IS_HELD.where(_OTHER.c.order_number == held.number)
    return and_(~_IS_HELD, letters.c.failed_at <= held.order.finished_at)


def _change(
    connection: Connection, held: Held, among: set[OrderState], values: Mapping[str, object]
) -> bool:
    """Change an order if it is in one of these states; returns whether it was."""
    statement = update(orders).where(orders.c.number == held.number, orders.c.state.in_(among))
    return connection.execute(statement.values(**values)).rowcount == 1


def _order_in(row: RowMapping) -> Order:
    """The order in a row.

    Raises:
        ConfigurationError: E_ORDER_UNREADABLE.
    """
    try:
        changed = {
            "state": OrderState(row["state"]),
            **{name: row[name] for name in ("done", "approved_by", "cancelled_by", "finished_at")},
        }
        return Order.model_validate_json(row["placed"]).model_copy(update=changed)
    except (ValueError, TypeError) as error:
        raise AxisError.of("E_ORDER_UNREADABLE", id=row["id"]) from error
