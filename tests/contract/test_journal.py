"""The journal of what operators did, on SQLite and PostgreSQL alike."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bus.core.dead_letters.letter import OrderId
from bus.core.dead_letters.order import Action, NewOrder
from bus.core.dead_letters.selection import Selection
from bus.core.journal import JournalEntry, JournalFilter, Outcome
from bus.store.journal import SqlJournal
from bus.store.sql import open_dead_letters, open_journal
from schemas.problem import AxisError, ConfigurationError
from schemas.term import foreign
from tests.integration.store.databases import DATABASES, empty_database
from tests.support.envelopes import NOW

HOUR = timedelta(hours=1)


@pytest.fixture(params=DATABASES)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with empty_database(request.param, tmp_path) as found:
        yield found


@pytest.fixture
async def journal(url: str) -> AsyncIterator[SqlJournal]:
    async with open_journal(url) as opened:
        yield opened


def an_entry(number: int, *, what: str = "keys revoke", about: str = "H24") -> JournalEntry:
    return JournalEntry(
        id=f"e{number}",
        at=NOW + number * HOUR,
        operator="lan" if number % 2 else "minh",
        what=what,
        about=about,
        why="mất khóa",
    )


async def found(journal: SqlJournal, *, limit: int = 10, **wanted: object) -> list[str]:
    entries = await journal.find(JournalFilter(**wanted), limit=limit)  # type: ignore[arg-type]
    return [entry.id for entry in entries]


async def test_entries_come_back_as_they_were_written_the_newest_at_the_end(
    journal: SqlJournal,
) -> None:
    entries = [an_entry(number) for number in (2, 1, 3)]
    for entry in entries:
        await journal.write(entry)

    kept = await journal.find(JournalFilter(), limit=10)

    assert list(kept) == sorted(entries, key=lambda entry: entry.at)
    assert await found(journal, limit=2) == ["e2", "e3"]


async def test_entries_are_found_by_time_operator_command_and_what_they_are_about(
    journal: SqlJournal,
) -> None:
    await journal.write(an_entry(1))
    await journal.write(an_entry(2, what="keys rotate", about="H24.05"))
    await journal.write(an_entry(3, what="agency add", about="H41"))
    await journal.write(an_entry(4, what="keys_x", about="100%"))

    assert await found(journal, since=NOW + 2 * HOUR, until=NOW + 4 * HOUR) == ["e2", "e3"]
    assert await found(journal, operator="lan") == ["e1", "e3"]
    assert await found(journal, what="keys r") == ["e1", "e2"]
    assert await found(journal, about="H24") == ["e1", "e2"]
    assert await found(journal, what="keys_", about="%") == ["e4"]


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (None, Outcome.DONE, None),
        (AxisError.of("E_DIRECTORY_CHANGED", version=1), Outcome.REFUSED, "E_DIRECTORY_CHANGED"),
        (AxisError.of("E_STORE_AWAY", cause=foreign("x")), Outcome.FAILED, "E_STORE_AWAY"),
        (KeyboardInterrupt(), Outcome.FAILED, "KeyboardInterrupt"),
    ],
)
async def test_an_entry_that_has_ended_stands_once_with_how_it_ended(
    journal: SqlJournal, error: BaseException | None, outcome: Outcome, code: str | None
) -> None:
    await journal.write(an_entry(1))
    await journal.write(an_entry(1).ended(error))

    [kept] = await journal.find(JournalFilter(), limit=10)

    assert (kept.outcome, kept.code, kept.why) == (outcome, code, "mất khóa")


async def test_an_order_its_approval_and_its_end_each_have_a_row(
    url: str, journal: SqlJournal
) -> None:
    order = NewOrder(
        action=Action.REPLAY, selection=Selection(), operator="lan", needs_approval=True
    )
    async with open_dead_letters(url) as letters:
        await letters.place(order, order_id=OrderId("o1"), now=NOW)
        with pytest.raises(ConfigurationError):
            await letters.cancel(OrderId("o1"), operator="minh", now=NOW)

    [placed] = await journal.find(JournalFilter(), limit=10)

    assert (placed.what, placed.operator, placed.outcome) == ("dlq replay", "lan", Outcome.DONE)
    assert placed.about == "order o1, 0 dead letters"


async def test_an_order_that_is_refused_has_no_row(url: str, journal: SqlJournal) -> None:
    async with open_dead_letters(url) as letters:
        for refused in (letters.approve, letters.cancel):
            with pytest.raises(ConfigurationError):
                await refused(OrderId("nobody's"), operator="minh", now=NOW)

    assert await found(journal) == []
