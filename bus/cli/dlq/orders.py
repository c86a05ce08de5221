"""The commands `dlq orders`, `follow`, `cancel` and `approve`."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bus.bootstrap.process import now
from bus.cli.dlq.progress import tell_end, watch_order
from bus.cli.dlq.selection import told
from bus.cli.dlq.session import Operator, Session
from bus.cli.dlq.style import counted
from bus.cli.legible import legible
from bus.cli.moment import ZONE, shown
from bus.cli.option_set import takes_sets
from bus.cli.output import print_json, say, screen, show_table
from bus.core.dead_letters.letter import OrderId
from bus.core.dead_letters.order import Action, Order, OrderState

_STYLE: dict[OrderState, str] = {
    OrderState.PENDING: "yellow",
    OrderState.RUNNING: "cyan",
    OrderState.DONE: "green",
    OrderState.CANCELLED: "dim",
}

OrderName = Annotated[str, typer.Argument(metavar="ORDER", help="An order of `dlq orders`.")]


@takes_sets
def orders(
    session: Session,
    states: Annotated[
        list[OrderState] | None,
        typer.Option("--state", help="In this state; repeatable. Default: any."),
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="At most so many, the last placed.")] = 20,
) -> None:
    """List orders, the last placed at the end."""
    found = session.run(_orders(session, states or ()))[-last:]
    if session.as_json:
        print_json([order.model_dump(mode="json") for order in found])
        return
    console = screen()
    if not found:
        say(console, "No orders.", "dim")
        return
    show_table(_table(found), console=console)
    say(console, ZONE, "dim")
    for order in found:
        if order.state is OrderState.PENDING:
            say(console, f"{order.id} waits for somebody other than {order.operator} to type")
            say(console, f"  $ {session.typed(f'lienthong dlq approve {order.id}')}", "cyan")


@takes_sets
def follow(order_id: OrderName, session: Session) -> None:
    """Watch an order until it ends. Exit 3 when you stop before, 1 when it is cancelled."""
    raise typer.Exit(watch_order(OrderId(order_id), session))


@takes_sets
def cancel(order_id: OrderName, session: Session, operator: Operator) -> None:
    """End an order: what it has not dealt with is free again, where it stood."""
    tell_end(session.run(_cancel(session, OrderId(order_id), operator)), session)


@takes_sets
def approve(order_id: OrderName, session: Session, operator: Operator) -> None:
    """Let an order run that another operator has placed."""
    order = session.run(_approve(session, OrderId(order_id), operator))
    if order.state is OrderState.DONE or session.as_json:
        tell_end(order, session)
        return
    console = screen()
    letters = counted(order.total, "dead letter")
    say(console, f"approved: {order.action} of {letters}, asked for by {order.operator}")
    tell_if_nobody_works(order, session)
    say(console, f"  $ {session.typed(f'lienthong dlq follow {order.id}')}", "cyan")


def is_worked_on(order: Order, session: Session) -> bool:
    """Whether somebody carries out replays; with a shared database that may be another machine."""
    return (
        order.action is not Action.REPLAY
        or session.settings.database_url is not None
        or session.folder.running() is not None
    )


def tell_if_nobody_works(order: Order, session: Session) -> None:
    """Print that an order waits for the axis, if no axis runs."""
    if not is_worked_on(order, session):
        say(
            screen(stderr=True),
            f"The axis does not run in {session.settings.home}: "
            f"order {order.id} is carried out once it runs.",
            "yellow",
        )


async def _orders(session: Session, states: Sequence[OrderState]) -> Sequence[Order]:
    async with session.letters() as letters:
        return await letters.orders(states)


async def _cancel(session: Session, order_id: OrderId, operator: str) -> Order:
    async with session.letters() as letters:
        return await letters.cancel(order_id, operator=operator, now=now())


async def _approve(session: Session, order_id: OrderId, operator: str) -> Order:
    async with session.letters() as letters:
        return await letters.approve(order_id, operator=operator, now=now())


def _table(found: Sequence[Order]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1), pad_edge=False)
    table.add_column("order", no_wrap=True, style="magenta")
    table.add_column("action")
    table.add_column("state", no_wrap=True)
    table.add_column("done", justify="right", no_wrap=True)
    table.add_column("which", overflow="fold", ratio=1)
    table.add_column("by", overflow="fold")
    table.add_column("placed", no_wrap=True)
    for order in found:
        table.add_row(
            order.id,
            order.action,
            Text(order.state, _STYLE[order.state]),
            f"{order.done:,}/{order.total:,}",
            legible(_which(order)),
            legible(order.operator + (f", {order.approved_by}" if order.approved_by else "")),
            shown(order.placed_at),
        )
    return table


def _which(order: Order) -> str:
    """The facts that a second operator needs before the approval."""
    parts = (
        told(order.selection),
        f"to {order.to}" if order.to else "",
        f"{order.rate:g} a second" if order.rate else "",
        f"because: {order.reason}" if order.reason else "",
    )
    return ", ".join(filter(None, parts))
