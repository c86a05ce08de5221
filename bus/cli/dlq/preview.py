"""Prints the preview of an order."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bus.cli.dlq.session import Session
from bus.cli.dlq.style import counted, states_of
from bus.cli.legible import legible
from bus.cli.moment import ZONE, shown
from bus.cli.output import say, show_table
from bus.core.dead_letters.letter import LetterState
from bus.core.dead_letters.order import Action
from bus.core.dead_letters.preview import Preview, Share

_PAGE = 500


def row_of(preview: Preview) -> dict[str, object]:
    """The preview as JSON."""
    return {
        "action": preview.action,
        "found": preview.found,
        "letters": preview.taken,
        "needs_yes": preview.needs_yes,
        "needs_approval": preview.needs_approval,
        "causes": [
            {
                "agency": share.mailbox,
                "code": share.code,
                "group": share.fingerprint,
                "letters": share.letters,
                "oldest": share.oldest.isoformat(),
                "newest": share.newest.isoformat(),
            }
            for share in preview.shares
        ],
        "left_alone": {str(state): count for state, count in preview.left.items()},
        "orders_under_way": [order.id for order in preview.busy],
    }


def tell(preview: Preview, console: Console, session: Session) -> None:
    """Print it for people."""
    most = f" of {preview.found:,}, the oldest" if preview.taken < preview.found else ""
    say(console, f"{preview.action} of {counted(preview.taken, 'dead letter')}{most}", "bold")
    show_table(_table(preview.shares), console=console)
    say(console, ZONE, "dim")
    tell_left(preview, console, session)
    for order in preview.busy:
        say(
            console,
            f"order {order.id} of {order.operator} is under way: what it holds is not taken",
            "yellow",
        )
    if preview.needs_yes:
        say(console, f"more than {session.settings.bulk_limit:,}: it needs --yes", "yellow")
    if preview.needs_approval:
        above = session.settings.approval_above
        say(console, f"more than {above:,}: it needs a second operator's approval", "yellow")


def tell_left(preview: Preview, console: Console, session: Session) -> None:
    """Print the selected letters that the action does not change, and what helps."""
    if not preview.left:
        return
    say(console, Text("left alone: ").append_text(states_of(preview.left)))
    if preview.action is Action.REPLAY and LetterState.QUARANTINED in preview.left:
        say(console, "  what came back too often must be restored first", "dim")
        say(console, f"  $ {session.typed('lienthong dlq restore ID')}", "cyan")


def _table(shares: tuple[Share, ...]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1))
    table.add_column("letters", justify="right")
    table.add_column("agency", overflow="fold")
    table.add_column("cause", overflow="fold", style="red")
    table.add_column("oldest", no_wrap=True)
    table.add_column("newest", no_wrap=True)
    for share in shares:
        table.add_row(
            f"{share.letters:,}",
            legible(share.mailbox),
            legible(share.code),
            shown(share.oldest),
            shown(share.newest),
        )
    return table
