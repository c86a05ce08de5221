"""Preview: what an order would take, counted before it is placed, and told."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bus.bootstrap.process import now
from bus.cli.dlq.desk import Desk
from bus.cli.dlq.style import counted, states_of
from bus.cli.legible import legible
from bus.cli.moment import ZONE, shown
from bus.cli.output import say, show_table
from bus.core.dead_letters.letter import LetterState
from bus.core.dead_letters.order import ACTED_UPON, Action, Order, OrderState
from bus.core.dead_letters.preview import Share, added_up
from bus.core.dead_letters.selection import Selection, Sort
from bus.ports import DeadLetters
from bus.settings import Settings

_PAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What an order is about, as far as it can be known before it is placed.

    Attributes:
        selection: What the order will be placed with: only states that the action acts upon.
        found: Letters that are meant and can be acted upon.
        taken: Those within the limit.
        left: Letters that are meant, but stand where the action leaves them alone.
        busy: Orders under way: what they hold is not taken.
    """

    action: Action
    selection: Selection
    found: int
    taken: int
    shares: tuple[Share, ...]
    left: Mapping[LetterState, int]
    busy: tuple[Order, ...]
    needs_yes: bool
    needs_approval: bool


async def foresee(
    action: Action,
    selection: Selection,
    *,
    limit: int | None,
    letters: DeadLetters,
    settings: Settings,
) -> Preview:
    """Count, without changing anything. The selection's states are those asked for, if any."""
    asked = selection.states or tuple(LetterState)
    acted = tuple(state for state in asked if state in ACTED_UPON[action])
    narrowed = selection.model_copy(update={"states": acted})
    found = await letters.count(narrowed) if acted else 0
    taken = found if limit is None else min(found, limit)
    if taken < found:
        shares = await _oldest(narrowed, taken, letters)
    elif found:
        causes = await letters.groups(narrowed, now=now())
        shares = added_up(map(Share.of_cause, causes))
    else:
        shares = ()
    left = {
        state: await letters.count(selection.model_copy(update={"states": (state,)}))
        for state in asked
        if state not in acted and _is_worth_telling(state, action, selection)
    }
    return Preview(
        action=action,
        selection=narrowed,
        found=found,
        taken=taken,
        shares=shares,
        left={state: count for state, count in left.items() if count},
        busy=tuple(await letters.orders((OrderState.PENDING, OrderState.RUNNING))),
        needs_yes=settings.bulk_limits.confirmation_needed(taken),
        needs_approval=settings.bulk_limits.approval_needed(taken),
    )


def row_of(preview: Preview) -> dict[str, object]:
    """The same for scripts."""
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


def tell(preview: Preview, console: Console, desk: Desk) -> None:
    """Print it for people."""
    most = f" of {preview.found:,}, the oldest" if preview.taken < preview.found else ""
    say(console, f"{preview.action} of {counted(preview.taken, 'dead letter')}{most}", "bold")
    show_table(_table(preview.shares), console=console)
    say(console, ZONE, "dim")
    tell_left(preview, console, desk)
    for order in preview.busy:
        say(
            console,
            f"order {order.id} of {order.operator} is under way: what it holds is not taken",
            "yellow",
        )
    if preview.needs_yes:
        say(console, f"more than {desk.settings.bulk_limit:,}: it needs --yes", "yellow")
    if preview.needs_approval:
        above = desk.settings.approval_above
        say(console, f"more than {above:,}: it needs a second operator's approval", "yellow")


def tell_left(preview: Preview, console: Console, desk: Desk) -> None:
    """Say what is meant but left alone, and how to get at it."""
    if not preview.left:
        return
    say(console, Text("left alone: ").append_text(states_of(preview.left)))
    if preview.action is Action.REPLAY and LetterState.QUARANTINED in preview.left:
        say(console, "  what came back too often must be restored first", "dim")
        say(console, f"  $ {desk.typed('lienthong dlq restore ID')}", "cyan")


def _is_worth_telling(state: LetterState, action: Action, selection: Selection) -> bool:
    """Who names a letter wants to hear of it; a group is full of what was settled long ago."""
    return bool(selection.ids) or (action, state) == (Action.REPLAY, LetterState.QUARANTINED)


async def _oldest(selection: Selection, count: int, letters: DeadLetters) -> tuple[Share, ...]:
    """The shares of the letters that a limited order would take; held ones it passes over."""
    shares: tuple[Share, ...] = ()
    offset, missing = 0, count
    while missing:
        page = await letters.find(selection, sort=Sort.OLDEST, limit=_PAGE, offset=offset)
        if not page:
            break
        free = [letter for letter in page if letter.order is None][:missing]
        shares = added_up([*shares, *map(Share.of_letter, free)])
        offset, missing = offset + len(page), missing - len(free)
    return shares


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
