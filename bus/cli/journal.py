"""`lienthong journal`: what operators did, when, to what and why."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from bus.bootstrap.dead_letter_store import reached_journal
from bus.cli.moment import FORMS, ZONE, read_moment, shown_exactly
from bus.cli.options import Home
from bus.cli.output import AsJson, listing, note
from bus.core.journal import JournalEntry, JournalFilter
from bus.settings import Settings, load_settings


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return read_moment(text, now=datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time; say {FORMS}") from error


def journal(
    since: Annotated[
        str | None, typer.Option(help=f"Of this time and later: {FORMS}.", show_default=False)
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.", show_default=False)] = None,
    who: Annotated[str, typer.Option(help="Of this operator.", show_default=False)] = "",
    what: Annotated[
        str, typer.Option(help="How the command begins, for example keys.", show_default=False)
    ] = "",
    about: Annotated[
        str, typer.Option(help="A part of what it was done to.", show_default=False)
    ] = "",
    last: Annotated[int, typer.Option(min=1, help="At most so many, the last ones.")] = 50,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List what operators did: who, when, what, about what, why, and how it ended.

    Every command that changes dead letters, agencies, keys or the broker has a row, the newest at
    the end. "begun" says that a command is under way, or was killed.
    """
    wanted = JournalFilter(
        since=_moment(since), until=_moment(until), operator=who, what=what, about=about
    )
    found = asyncio.run(_find(load_settings(home=home), wanted, limit=last))
    if as_json:
        listing([entry.model_dump(mode="json") for entry in found], as_json=True)
        return
    listing([_row(entry) for entry in found], as_json=False, title="Journal")
    if found:
        note(ZONE)


def _row(entry: JournalEntry) -> dict[str, object]:
    return {
        "when": shown_exactly(entry.at),
        "who": entry.operator,
        "what": entry.what,
        "about": entry.about,
        "why": entry.why,
        "outcome": f"{entry.outcome}{f': {entry.code}' if entry.code else ''}",
    }


async def _find(settings: Settings, wanted: JournalFilter, *, limit: int) -> Sequence[JournalEntry]:
    async with reached_journal(settings) as kept:
        return await kept.find(wanted, limit=limit)
