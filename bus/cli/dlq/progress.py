"""Progress: watches an order until it ends or the operator stops watching."""

import asyncio
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bus.cli.dlq.session import Session
from bus.cli.dlq.style import counted
from bus.cli.output import Exit, print_json, say, screen
from bus.core.dead_letters.letter import OrderId
from bus.core.dead_letters.order import Action, Order, OrderState

_LOOK_EVERY = timedelta(milliseconds=200)

DONE_WORD = {
    Action.REPLAY: "redelivered",
    Action.DISCARD: "discarded",
    Action.RESTORE: "restored",
}


def watch_order(order_id: OrderId, session: Session) -> Exit:
    """Show how far an order is until it ends. Ctrl-C ends the watching, never the order."""
    console = screen(stderr=True)
    try:
        order = session.run(_until_ended(order_id, session, console))
    except KeyboardInterrupt:
        return tell_left_alone(order_id, session)
    tell_end(order, session)
    return Exit.DONE if order.state is OrderState.DONE else Exit.REFUSED


def tell_left_alone(order_id: OrderId, session: Session) -> Exit:
    """Print that an order goes on unwatched, and how to watch it again."""
    console = screen(stderr=True)
    say(console, f"stopped watching; order {order_id} goes on")
    say(console, f"  to watch again   $ {session.typed(f'lienthong dlq follow {order_id}')}")
    say(console, f"  to end it        $ {session.typed(f'lienthong dlq cancel {order_id}')}")
    return Exit.WAITING


def tell_end(order: Order, session: Session) -> None:
    """Print how an order ended."""
    if session.as_json:
        print_json(order.model_dump(mode="json"))
        return
    console = screen()
    if order.state is OrderState.CANCELLED:
        by = f" by {order.cancelled_by}" if order.cancelled_by else ""
        say(console, f"order {order.id} was cancelled{by}; done: {order.done:,} of {order.total:,}")
        return
    letters = counted(order.done, "dead letter")
    say(console, f"✔ {letters} {DONE_WORD[order.action]}, order {order.id}", "bold green")
    if order.action is Action.REPLAY:
        say(console, "  what fails again shows in", "dim")
        say(console, f"  $ {session.typed('lienthong dlq list --returned')}", "cyan")


async def _until_ended(order_id: OrderId, session: Session, console: Console) -> Order:
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    async with session.letters() as letters:
        order = await letters.order(order_id)
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=order.total)
            while True:
                progress.update(
                    task, completed=order.done, total=order.total, description=_doing(order)
                )
                if order.state in {OrderState.DONE, OrderState.CANCELLED}:
                    return order
                await asyncio.sleep(_LOOK_EVERY.total_seconds())
                order = await letters.order(order_id)


def _doing(order: Order) -> str:
    if order.state is OrderState.PENDING:
        return "waits for a second operator"
    return f"{order.action} {order.id}"
