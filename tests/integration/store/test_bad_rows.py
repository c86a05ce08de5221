"""Rows that somebody has written by hand: the handler sets them aside, and the others go on."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus.core.dead_letters.letter import FailedAttempt, LetterState, OrderId
from bus.core.dead_letters.report import read_attempt
from bus.core.dead_letters.retry import Disposition, Retry
from bus.core.dead_letters.selection import Selection
from bus.core.events import FailureRecorded
from bus.core.failure import Stage, fail
from bus.core.message import WireMessage
from bus.core.topology import account_of
from bus.ports import DeadLetters
from bus.store.sql import open_dead_letters
from schemas.identifiers import MailboxName
from schemas.problem import Problem
from tests.support.envelopes import RECIPIENT, a_document, an_envelope
from tests.support.letters import an_order
from tests.support.two_agencies import TwoAgencies, eventually

MAILBOX = MailboxName(RECIPIENT)
PAST = datetime(2026, 1, 1, tzinfo=UTC)

BAD = {
    "its problem is no JSON": "UPDATE letters SET problem = '{' WHERE key = 1",
    "its problem is a number": "UPDATE letters SET problem = 7 WHERE key = 1",
    "its state is none": "UPDATE letters SET state = 'elsewhere' WHERE key = 1",
    "its attempts are no number": "UPDATE letters SET attempts = 'many' WHERE key = 1",
    "its attempts are too many": "UPDATE letters SET attempts = 9223372036854775807 WHERE key = 1",
    "its time is none": "UPDATE letters SET first_failed_at = 'yesterday' WHERE key = 1",
    "its delivery is no JSON": "UPDATE originals SET properties = x'00ff' WHERE letter = 1",
    "its delivery is a list": "UPDATE originals SET properties = '[]' WHERE letter = 1",
    "its delivery lacks a field": "UPDATE originals SET properties = '{}' WHERE letter = 1",
    "its delivery has an odd time": (
        "UPDATE originals SET properties = json_set(CAST(properties AS TEXT), '$.timestamp', 7)"
        " WHERE letter = 1"
    ),
    "its body is a text": "UPDATE originals SET body = 'text' WHERE letter = 1",
    "its body is gone": "DELETE FROM originals WHERE letter = 1",
    "its key leads to nobody": (
        "UPDATE originals SET properties = json_set(CAST(properties AS TEXT), '$.routing_key',"
        " printf('%.*c', 300, 'x')) WHERE letter = 1"
    ),
}


@contextmanager
def by_hand(file: Path) -> Iterator[sqlite3.Connection]:
    """The database, past our program."""
    with closing(sqlite3.connect(file)) as connection:
        yield connection
        connection.commit()


@pytest.fixture
async def letters(tmp_path: Path) -> AsyncIterator[DeadLetters]:
    async with open_dead_letters(f"sqlite:///{tmp_path / 'failures.db'}") as store:
        yield store


def a_failure(axis: TwoAgencies, number: str) -> WireMessage:
    return fail(
        axis.signers.message(an_envelope(a_document(number=number))),
        problem=Problem(code="E_ENDPOINT_DOWN"),
        stage=Stage.HAND_OVER,
        mailbox=MAILBOX,
        message_id=axis.new_id(),
        user_id=account_of(MAILBOX),
        now=PAST,
    )


def due_now(_attempt: FailedAttempt, _attempts: int, _replays: int) -> Disposition:
    return Retry(due_at=PAST)


@pytest.mark.parametrize("statement", BAD.values(), ids=BAD)
async def test_a_bad_row_is_set_aside_and_the_others_are_delivered(
    letters: DeadLetters, tmp_path: Path, statement: str
) -> None:
    axis = TwoAgencies(tmp_path)
    handler = axis.handler(letters)
    for number in ("1", "2", "3"):
        attempt = read_attempt(a_failure(axis, number), handler.believed(), now=PAST)
        await letters.record(attempt, due_now, now=PAST)
    with by_hand(tmp_path / "failures.db") as database:
        database.execute(statement)

    async with axis.running(handler):
        await eventually(lambda: len(axis.documents(RECIPIENT)) >= 2)
        quiet = len(axis.of_type(FailureRecorded))
        await asyncio.sleep(20 * handler.poll.total_seconds())
        told = axis.of_type(FailureRecorded)

    assert len(told) <= max(quiet, 1)
    assert len(await letters.find(Selection(), limit=10)) == 3
    assert await letters.groups(Selection(), now=PAST + timedelta(days=1))
    assert await letters.due(now=datetime.now(UTC), limit=10) == ()


async def test_a_bad_row_ends_no_order(letters: DeadLetters, tmp_path: Path) -> None:
    axis = TwoAgencies(tmp_path)
    handler = axis.handler(letters)
    for number in ("1", "2", "3"):
        attempt = read_attempt(a_failure(axis, number), handler.believed(), now=PAST)
        await letters.record(attempt, due_now, now=PAST)
    for order_id in ("bad", "good"):
        await letters.place(
            an_order(selection=Selection() if order_id == "good" else Selection(number="x")),
            order_id=OrderId(order_id),
            now=PAST,
        )
    with by_hand(tmp_path / "failures.db") as database:
        database.execute(BAD["its attempts are no number"])
        database.execute("UPDATE orders SET placed = '{', state = 'running' WHERE id = 'bad'")

    async with axis.running(handler):
        await eventually(lambda: len(axis.documents(RECIPIENT)) == 2)
        await eventually(lambda: axis.of_type(FailureRecorded))

    [order] = await letters.orders()
    assert order.id == "good"
    states = [letter.state for letter in await letters.find(Selection(), limit=10)]
    assert states.count(LetterState.REDELIVERED) == 2
