"""`dlq replay`, `discard` and `restore`: preview an order, place it and watch it."""

import shlex
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from bus.bootstrap.process import fresh_order_id
from bus.cli.dlq.orders import is_worked_on, tell_if_nobody_works
from bus.cli.dlq.preview import row_of, tell, tell_left
from bus.cli.dlq.progress import tell_end, tell_left_alone, watch_order
from bus.cli.dlq.selection import FiltersOrIds, select
from bus.cli.dlq.session import Operator, Session
from bus.cli.dlq.style import counted
from bus.cli.legible import legible
from bus.cli.option_set import takes_sets
from bus.cli.output import Exit, print_json, say, screen
from bus.core.dead_letters.letter import OrderId
from bus.core.dead_letters.order import Action, NewOrder, Order, OrderState
from bus.core.dead_letters.preview import Preview
from schemas.identifiers import MailboxName

_HOW = "How"


@dataclass(frozen=True, kw_only=True)
class OrderOptions:
    """How an order is placed."""

    everything: Annotated[
        bool,
        typer.Option("--all", help="Everything that can be acted upon.", rich_help_panel=_HOW),
    ] = False
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be done; change nothing.", rich_help_panel=_HOW
        ),
    ] = False
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="At most so many, the oldest first.", rich_help_panel=_HOW),
    ] = None
    yes: Annotated[
        bool,
        typer.Option(
            "--yes",
            help="Needed for more letters than LIENTHONG_BULK_LIMIT.",
            rich_help_panel=_HOW,
        ),
    ] = False


@takes_sets
def replay(
    chosen: FiltersOrIds,
    options: OrderOptions,
    session: Session,
    operator: Operator,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="At most so many a second.", rich_help_panel=_HOW)
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="MAILBOX",
            help="Deliver to another mailbox that now serves the same recipient. With IDs only.",
            rich_help_panel=_HOW,
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait/--no-wait", help="Watch until it is done.", rich_help_panel=_HOW),
    ] = True,
) -> None:
    """Deliver dead letters again, the same signed bytes, through the running axis."""
    if to is not None and not chosen.ids:
        raise typer.BadParameter("--to goes with the IDs of dead letters only")
    order = _Draft(
        action=Action.REPLAY,
        operator=operator,
        rate=rate,
        to=None if to is None else MailboxName(to),
    )
    _act(order, chosen, options, session, wait=wait)


@takes_sets
def discard(
    chosen: FiltersOrIds,
    options: OrderOptions,
    session: Session,
    operator: Operator,
    reason: Annotated[str, typer.Option(help="Why; it stands in the history.", show_default=False)],
) -> None:
    """Give dead letters up. Their bytes stay, and `restore` brings them back."""
    if not reason.strip():
        raise typer.BadParameter("say why with --reason")
    order = _Draft(action=Action.DISCARD, operator=operator, reason=reason.strip())
    _act(order, chosen, options, session, wait=True)


@takes_sets
def restore(
    chosen: FiltersOrIds, options: OrderOptions, session: Session, operator: Operator
) -> None:
    """Bring back what was discarded or quarantined: parked, ready for a replay."""
    _act(_Draft(action=Action.RESTORE, operator=operator), chosen, options, session, wait=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Draft:
    """An order without its letters yet."""

    action: Action
    operator: str
    rate: float | None = None
    to: MailboxName | None = None
    reason: str | None = None

    def about(self, preview: Preview, options: OrderOptions) -> NewOrder:
        """The order. Its limit is the previewed number of letters, so it never takes more."""
        return NewOrder(
            action=self.action,
            selection=preview.selection,
            operator=self.operator,
            limit=preview.taken,
            rate=self.rate,
            to=self.to,
            reason=self.reason,
            confirmed=options.yes,
            everything=options.everything,
        )


def _act(
    draft: _Draft, chosen: FiltersOrIds, options: OrderOptions, session: Session, *, wait: bool
) -> None:
    order_id = fresh_order_id()
    try:
        raise typer.Exit(_carry_through(order_id, draft, chosen, options, session, wait=wait))
    except KeyboardInterrupt:
        # Ctrl-C may have come before the order was placed, meanwhile, or after.
        order = session.run(_placed(order_id, session))
        if order is None or order.state is OrderState.DONE:
            raise
        raise typer.Exit(tell_left_alone(order_id, session)) from None


def _carry_through(
    order_id: OrderId,
    draft: _Draft,
    chosen: FiltersOrIds,
    options: OrderOptions,
    session: Session,
    *,
    wait: bool,
) -> Exit:
    preview, order = session.run(_place(order_id, draft, chosen, options, session))
    if preview.taken == 0 and session.as_json:
        print_json(row_of(preview))
    if preview.taken == 0:
        console = screen(stderr=True)
        say(console, f"Nothing to {draft.action}: no dead letter matches.", "yellow")
        tell_left(preview, console, session)
        return Exit.REFUSED
    if order is None:
        _tell_dry(preview, session)
        return Exit.DONE
    _tell_placed(order, session)
    return _end(order, session, wait=wait)


async def _placed(order_id: OrderId, session: Session) -> Order | None:
    async with session.letters() as letters:
        return next((order for order in await letters.orders() if order.id == order_id), None)


async def _place(
    order_id: OrderId, draft: _Draft, chosen: FiltersOrIds, options: OrderOptions, session: Session
) -> tuple[Preview, Order | None]:
    """The preview, and the placed order; None for a dry run or an order without letters.

    Raises:
        ConfigurationError: E_SELECTION_EMPTY, E_NEEDS_YES, E_REROUTE, or one of `select`.
    """
    async with session.letters() as letters:
        worklist = session.worklist(letters)
        selection = await select(chosen, worklist, states=())
        preview = await worklist.preview(draft.action, selection, limit=options.limit)
        order = draft.about(preview, options)
        await worklist.check(order)
        if preview.taken == 0 or options.dry_run:
            return preview, None
        return preview, await worklist.place(order, order_id=order_id)


def _tell_dry(preview: Preview, session: Session) -> None:
    if session.as_json:
        print_json(row_of(preview))
        return
    console = screen()
    tell(preview, console, session)
    again = [word for word in sys.argv[1:] if word != "--dry-run"]
    if preview.needs_yes and "--yes" not in again:
        again.append("--yes")
    say(console, "Nothing was changed. To do it:")
    say(console, f"  $ lienthong {shlex.join(again)}", "cyan")


def _tell_placed(order: Order, session: Session) -> None:
    """Print which letters the order took, and which it could not take."""
    console = screen(stderr=True)
    if order.held:
        held = counted(order.held, "dead letter")
        others = legible(", ".join(order.others))
        say(console, f"{held} not taken: held by order {others}, which is under way", "yellow")
        for other in order.others:
            follow = f"lienthong dlq follow {other.partition(' ')[0]}"
            say(console, f"  $ {session.typed(follow)}", "cyan")
    rate = f", {order.rate:g} a second" if order.rate else ""
    to = f", to {order.to}" if order.to else ""
    if order.state is OrderState.PENDING:
        letters = counted(order.total, "dead letter")
        say(console, f"order {order.id}: {order.action} of {letters}{rate}{to}", "bold")
        say(console, "It needs a second operator, who must type", "yellow")
        say(console, f"  $ {session.typed(f'lienthong dlq approve {order.id}')}", "cyan")
    elif order.state is OrderState.RUNNING:
        letters = counted(order.total, "dead letter")
        say(console, f"order {order.id}: {order.action} of {letters}{rate}{to}", "bold")


def _end(order: Order, session: Session, *, wait: bool) -> Exit:
    """Watch the order, if that is wanted and possible."""
    if order.total == 0:
        return Exit.REFUSED
    if order.state is OrderState.DONE:
        tell_end(order, session)
        return Exit.DONE
    worked_on = is_worked_on(order, session)
    if wait and worked_on and order.state is OrderState.RUNNING:
        return watch_order(order.id, session)
    if session.as_json:
        print_json(order.model_dump(mode="json"))
    if order.state is OrderState.PENDING:
        return Exit.WAITING
    tell_if_nobody_works(order, session)
    say(screen(stderr=True), f"  $ {session.typed(f'lienthong dlq follow {order.id}')}", "cyan")
    return Exit.WAITING if wait else Exit.DONE
