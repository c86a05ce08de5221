"""The work list, as any client meets it: selection, preview, and limits that nobody can skip."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.core.dead_letters.letter import LetterState, OrderId
from bus.core.dead_letters.order import Action, BulkLimits, NewOrder, OrderState
from bus.core.dead_letters.selection import Selection
from bus.core.routing import Routing
from bus.ports import DeadLetters
from bus.services.worklist import Worklist
from bus.store.sql import open_dead_letters
from schemas.directory import Agency, Directory
from schemas.identifiers import AgencyCode, MailboxName
from schemas.problem import ConfigurationError
from tests.integration.store.databases import DATABASES, empty_database
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.letters import NOW, an_attempt, an_order, id_of, park, quarantine, those

ONE, TWO = OrderId("order-1"), OrderId("order-2")
UNIT = f"{RECIPIENT}.05"


@pytest.fixture(params=DATABASES)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    async with empty_database(request.param, tmp_path) as url:
        yield url


def worklist_of(letters: DeadLetters) -> Worklist:
    agencies = [
        Agency(code=AgencyCode(SENDER), name_vi=SENDER, connected=True),
        Agency(code=AgencyCode(RECIPIENT), name_vi=RECIPIENT, connected=True),
        Agency(code=AgencyCode(UNIT), name_vi=UNIT, parent=AgencyCode(RECIPIENT)),
    ]
    routing = Routing(Directory(agencies=tuple(agencies)))
    return Worklist(letters=letters, routing=lambda: routing, clock=lambda: NOW)


def everything(action: Action = Action.REPLAY, **changes: object) -> NewOrder:
    return an_order(action, everything=True, **changes)


async def record(letters: DeadLetters, count: int) -> None:
    attempts = [an_attempt(str(number)) for number in range(count)]
    await asyncio.gather(*(letters.record(each, park, now=NOW) for each in attempts))


async def test_an_order_above_the_limit_is_not_placed_until_it_is_confirmed(url: str) -> None:
    async with open_dead_letters(url, limits=BulkLimits(confirm_above=2)) as letters:
        await record(letters, 3)

        for placing in (
            worklist_of(letters).place(everything(), order_id=ONE),
            letters.place(everything(), order_id=ONE, now=NOW),
        ):
            with pytest.raises(ConfigurationError, match="E_NEEDS_YES"):
                await placing

        assert await letters.orders() == ()
        placed = await worklist_of(letters).place(everything(confirmed=True), order_id=TWO)
    assert (placed.total, placed.held, placed.state) == (3, 0, OrderState.RUNNING)


async def test_a_client_cannot_decline_the_second_operator(url: str) -> None:
    order = everything(needs_approval=False, confirmed=True)
    async with open_dead_letters(url, limits=BulkLimits(approve_above=2)) as letters:
        await record(letters, 3)

        placed = await letters.place(order, order_id=ONE, now=NOW)

        assert (placed.state, placed.needs_approval) == (OrderState.PENDING, True)
        with pytest.raises(ConfigurationError, match="E_SAME_OPERATOR"):
            await letters.approve(ONE, operator=placed.operator, now=NOW)
        assert await letters.next_of(ONE, limit=5) == ()


async def test_limits_count_what_an_order_takes_not_what_it_means(url: str) -> None:
    limits = BulkLimits(confirm_above=3, approve_above=3)
    async with open_dead_letters(url, limits=limits) as letters:
        await record(letters, 6)
        worklist = worklist_of(letters)

        orders = await asyncio.gather(
            *(worklist.place(everything(limit=3), order_id=each) for each in (ONE, TWO))
        )

    assert [(order.total, order.state) for order in orders] == [(3, OrderState.RUNNING)] * 2


async def test_an_order_that_names_nothing_is_refused_unless_everything_is_meant(url: str) -> None:
    async with open_dead_letters(url) as letters:
        await record(letters, 1)
        worklist = worklist_of(letters)

        with pytest.raises(ConfigurationError, match="E_SELECTION_EMPTY"):
            await worklist.place(an_order(), order_id=ONE)

        assert (await worklist.place(everything(), order_id=ONE)).total == 1


async def test_no_client_sends_a_letter_to_a_mailbox_that_serves_no_recipient_of_it(
    url: str,
) -> None:
    async with open_dead_letters(url) as letters:
        await record(letters, 1)
        order = an_order(selection=those("0"), to=MailboxName(SENDER))

        with pytest.raises(ConfigurationError, match="E_REROUTE"):
            await worklist_of(letters).place(order, order_id=ONE)

        assert await letters.orders() == ()


async def test_a_preview_counts_what_an_order_would_take_and_changes_nothing(url: str) -> None:
    limits = BulkLimits(confirm_above=1, approve_above=3)
    async with open_dead_letters(url, limits=limits) as letters:
        await record(letters, 3)
        await letters.record(an_attempt("q"), quarantine, now=NOW)
        worklist = worklist_of(letters)

        whole = await worklist.preview(Action.REPLAY, Selection(), limit=None)
        some = await worklist.preview(Action.REPLAY, Selection(), limit=2)

        assert await letters.orders() == ()
    assert (whole.found, whole.taken, some.taken) == (3, 3, 2)
    assert (whole.needs_yes, whole.needs_approval) == (True, False)
    assert whole.left == {LetterState.QUARANTINED: 1}
    assert sum(share.letters for share in some.shares) == 2


async def test_what_an_operator_names_may_be_short_and_must_be_there(url: str) -> None:
    async with open_dead_letters(url) as letters:
        letter = (await letters.record(an_attempt("a"), park, now=NOW)).letter
        worklist, none = worklist_of(letters), Selection()

        found = await worklist.select(
            none, named=[id_of("a")[:8]], group=letter.fingerprint[:4], agency=RECIPIENT
        )

        assert found.ids == (id_of("a"),)
        assert found.fingerprint == letter.fingerprint
        assert found.mailbox == MailboxName(RECIPIENT)
        for code, named in {
            "E_LETTER_UNKNOWN": worklist.select(none, named=["ffffffff"]),
            "E_GROUP_UNKNOWN": worklist.select(none, group="zzzz"),
            "E_NO_OWN_MAILBOX": worklist.select(none, agency=UNIT),
        }.items():
            with pytest.raises(ConfigurationError, match=code):
                await named


async def test_letters_of_an_agency_that_left_the_directory_are_found(url: str) -> None:
    async with open_dead_letters(url) as letters:
        found = await worklist_of(letters).select(Selection(), agency="Z01")

    assert found.mailbox == "Z01"
