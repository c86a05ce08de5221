"""Selection: the options that select dead letters."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from bus.bootstrap.process import now
from bus.cli.moment import FORMS, read_moment, shown
from bus.core.dead_letters.letter import LetterState
from bus.core.dead_letters.selection import Selection
from bus.services.worklist import Worklist
from schemas.errors import FailureClass

OPEN = (LetterState.PARKED, LetterState.WAITING, LetterState.QUARANTINED)
"""The states of letters on the operators' work list."""

_WHICH = "Which dead letters"


def _moment(text: str) -> datetime:
    try:
        return read_moment(text, now=now())
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is no time; write {FORMS}") from error


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Filters; a letter must match all that are given."""

    agency: Annotated[
        str | None,
        typer.Option(help="For this agency (its mailbox).", rich_help_panel=_WHICH),
    ] = None
    sender: Annotated[
        str | None, typer.Option(help="From this agency.", rich_help_panel=_WHICH)
    ] = None
    failure_class: Annotated[
        FailureClass | None,
        typer.Option("--class", help="What kind of failure.", rich_help_panel=_WHICH),
    ] = None
    code: Annotated[
        str | None,
        typer.Option(help="Error code, for example E_ENDPOINT_DOWN.", rich_help_panel=_WHICH),
    ] = None
    group: Annotated[
        str | None,
        typer.Option(help="A group of `dlq groups`; its first digits do.", rich_help_panel=_WHICH),
    ] = None
    number: Annotated[
        str | None,
        typer.Option(help="Full number, for example 147/UBND-VP.", rich_help_panel=_WHICH),
    ] = None
    since: Annotated[
        datetime | None,
        typer.Option(
            parser=_moment,
            metavar="TIME",
            help=f"Failed last at this time or later: {FORMS}.",
            rich_help_panel=_WHICH,
        ),
    ] = None
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=_moment,
            metavar="TIME",
            help="Failed last before this time.",
            rich_help_panel=_WHICH,
        ),
    ] = None
    states: Annotated[
        list[LetterState] | None,
        typer.Option("--state", help="In this state; repeatable.", rich_help_panel=_WHICH),
    ] = None
    returned: Annotated[
        bool,
        typer.Option(
            "--returned", help="Only what failed again after a replay.", rich_help_panel=_WHICH
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class FiltersOrIds(Filters):
    """Filters, or the ids of letters."""

    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Dead letters; their first digits do."),
    ] = None


async def select(
    filters: Filters, worklist: Worklist, *, states: Collection[LetterState]
) -> Selection:
    """The selection that the options mean. Raises as `Worklist.select`.

    Args:
        states: The states when none is asked for.
    """
    asked = Selection(
        states=tuple(filters.states or states),
        failure_class=filters.failure_class,
        code=filters.code,
        number=filters.number,
        since=filters.since,
        until=filters.until,
        returned=True if filters.returned else None,
    )
    return await worklist.select(
        asked,
        named=(filters.ids or ()) if isinstance(filters, FiltersOrIds) else (),
        group=filters.group,
        agency=filters.agency,
        sender=filters.sender,
    )


def told(selection: Selection) -> str:
    """A selection in a few words: `group 1a2b3c4d, agency G98`."""
    ids = selection.ids
    parts = {
        "letter": ids[0][:8] if len(ids) == 1 else None,
        "letters": f"{ids[0][:8]} … ({len(ids)})" if len(ids) > 1 else None,
        "group": selection.fingerprint and selection.fingerprint[:8],
        "agency": selection.mailbox,
        "sender": selection.sender,
        "class": selection.failure_class,
        "code": selection.code,
        "number": selection.number,
        "since": selection.since and shown(selection.since),
        "until": selection.until and shown(selection.until),
    }
    words = [f"{name} {value}" for name, value in parts.items() if value]
    return ", ".join([*words, *(["returned"] if selection.returned else [])]) or "all"
