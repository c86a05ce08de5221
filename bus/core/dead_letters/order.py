"""Order: what an operator asks to be done with a set of dead letters, frozen when it is placed."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime

from bus.core.dead_letters.letter import (
    REPLAYABLE,
    LetterId,
    LetterState,
    OrderId,
    states_before,
)
from bus.core.dead_letters.selection import Selection
from bus.core.life_cycle import DeliveryEvent
from bus.core.routing import Routing
from schemas.envelope import Envelope
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.value import Value


class Action(StrEnum):
    """What an order does with its letters."""

    REPLAY = "replay"
    DISCARD = "discard"
    RESTORE = "restore"


class OrderState(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    """It waits for a second operator's approval; its letters are held for it."""
    RUNNING = "running"
    """The dead-letter handler carries it out, and goes on after a crash."""
    DONE = "done"
    CANCELLED = "cancelled"


class NewOrder(Value):
    """What an operator asks for. The set of letters is frozen when the order is placed.

    Attributes:
        limit: At most so many letters, the oldest first.
        rate: At most so many a second.
        to: Another mailbox that serves the same recipient (replay only).
        reason: Why; a discard needs one.
        confirmed: The operator has confirmed an order that exceeds `BulkLimits.confirm_above`.
        everything: The operator means all letters, though the selection names none.
        needs_approval: A second operator must approve it first. Who asks may wish it; the
            limits may require it.
    """

    action: Action
    selection: Selection
    operator: str
    limit: int | None = None
    rate: float | None = None
    to: MailboxName | None = None
    reason: str | None = None
    confirmed: bool = False
    everything: bool = False
    needs_approval: bool = False


class Order(NewOrder):
    """A placed order.

    Attributes:
        total: Letters in its frozen set.
        done: Those it has dealt with: published and confirmed, or moved.
        held: Letters that were meant, but belong to another order that is under way.
        others: Those orders, with their operators, as `id (operator)`.
    """

    id: OrderId
    state: OrderState
    placed_at: AwareDatetime
    approved_by: str | None = None
    cancelled_by: str | None = None
    finished_at: AwareDatetime | None = None
    total: int = 0
    done: int = 0
    held: int = 0
    others: tuple[str, ...] = ()


ACTED_UPON: dict[Action, frozenset[LetterState]] = {
    Action.REPLAY: REPLAYABLE,
    Action.DISCARD: states_before(DeliveryEvent.DISCARD),
    Action.RESTORE: states_before(DeliveryEvent.RESTORE),
}
"""In which states an action finds its letters. What is in another state is left alone."""


class BulkLimits(Value):
    """How many letters one order may take on the word of one operator.

    Attributes:
        confirm_above: An order that takes more must be confirmed; absent: none must.
        approve_above: An order that takes more needs a second operator; absent: none does.
    """

    confirm_above: int | None = None
    approve_above: int | None = None

    def confirmation_needed(self, letters: int) -> bool:
        """Whether an order that takes so many letters must be confirmed."""
        return self.confirm_above is not None and letters > self.confirm_above

    def approval_needed(self, letters: int) -> bool:
        """Whether an order that takes so many letters needs a second operator."""
        return self.approve_above is not None and letters > self.approve_above


NO_LIMITS = BulkLimits()


def within_limits(order: Order, limits: BulkLimits) -> Order:
    """The order as it may be placed, by the number of letters that it really takes.

    Raises:
        ConfigurationError: E_NEEDS_YES.
    """
    if limits.confirmation_needed(order.total) and not order.confirmed:
        raise AxisError.of("E_NEEDS_YES", count=order.total, limit=limits.confirm_above)
    needed = order.needs_approval or limits.approval_needed(order.total)
    return order.model_copy(update={"needs_approval": needed})


def must_approve(order: Order, operator: str) -> None:
    """Two pairs of eyes.

    Raises:
        ConfigurationError: E_ORDER_STATE, E_SAME_OPERATOR.
    """
    if order.state is not OrderState.PENDING:
        raise AxisError.of("E_ORDER_STATE", id=order.id, state=order.state)
    if order.operator == operator:
        raise AxisError.of("E_SAME_OPERATOR", operator=operator)


def must_serve(
    envelope: Envelope | None, *, letter: LetterId, to: MailboxName, routing: Routing, on: date
) -> None:
    """A letter may go to another mailbox only if that serves one of its recipients on a day.

    The envelope need not be proven: whoever receives it proves it again.

    Raises:
        ConfigurationError: E_REROUTE.
    """
    recipients = envelope.recipients if envelope else ()
    if not any(to in routing.serve(each.agency, on) for each in recipients):
        raise AxisError.of("E_REROUTE", mailbox=to, id=letter)
