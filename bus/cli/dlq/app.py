"""The command group `lienthong dlq`."""

import typer

from bus.cli.dlq.action import discard, replay, restore
from bus.cli.dlq.export import export
from bus.cli.dlq.groups import groups
from bus.cli.dlq.letter import show
from bus.cli.dlq.listing import list_letters
from bus.cli.dlq.orders import approve, cancel, follow, orders
from bus.cli.dlq.watch import watch

_LOOK, _ACT, _ORDERS = "Look", "Act", "Orders"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Dead letters: deliveries that failed, why, and what to do about them.\n\n"
    "Start with [bold]lienthong dlq groups[/]: each cause, its advice and the command to type. "
    "Content is signed and never edited. Needs no broker; a replay is carried out by the running "
    "axis.\n\n"
    "Exit codes: 0 done. 1 refused, cancelled, or nothing matched. 2 wrongly asked. "
    "3 waiting: an order needs approval, or a replay still runs when the watching ends.",
)
app.command(rich_help_panel=_LOOK)(groups)
app.command("list", rich_help_panel=_LOOK)(list_letters)
app.command(rich_help_panel=_LOOK)(show)
app.command(rich_help_panel=_LOOK)(watch)
app.command(rich_help_panel=_LOOK)(export)
app.command(rich_help_panel=_ACT)(replay)
app.command(rich_help_panel=_ACT)(discard)
app.command(rich_help_panel=_ACT)(restore)
app.command(rich_help_panel=_ORDERS)(orders)
app.command(rich_help_panel=_ORDERS)(follow)
app.command(rich_help_panel=_ORDERS)(cancel)
app.command(rich_help_panel=_ORDERS)(approve)
