"""Dead letters by the million: filled at once, then looked at and acted upon as operators do."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, func, insert, literal, select

from bus.core.dead_letters.letter import DeadLetter, Happening, LetterId, LetterState, OrderId
from bus.core.dead_letters.order import Action, NewOrder
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.failure import Stage, failure_class, fingerprint
from bus.core.message import WireMessage
from bus.ports import DeadLetters
from bus.store.database import BULK, connect
from bus.store.dead_letters.causes import cause_numbers
from bus.store.dead_letters.letter_row import letter_columns, original_columns
from bus.store.dead_letters.moves import Kind
from bus.store.migration import migrate
from bus.store.schema import history, letters, originals, tallies
from bus.store.sql import open_dead_letters
from schemas.errors import FailureClass
from schemas.identifiers import MailboxName
from schemas.problem import Problem
from tests.support.letters import an_attempt, park

NOW = datetime(2019, 6, 30, 12, tzinfo=UTC)
DAYS = 90
DELIVERY = WireMessage(
    exchange="",
    routing_key="H95.H01.standard.document",
    body=b"x" * 1_000,
    type="document",
    message_id="9bfa4b58-cff7-4b0c-9c19-2a1a49a8b1f4",
    signature="e30.." + "s" * 86,
)
PAGE = 50
BATCH = 500
"""Letters that the handler takes at a time."""
CHUNK = 20_000
ROUNDS = 5

_AGENCIES = [MailboxName(f"H{number:02}") for number in range(1, 96)]
_CODES = {
    "E_ENDPOINT_DOWN": 40,
    "E_ENDPOINT_REFUSED": 20,
    "E_SIGNATURE_INVALID": 10,
    "E_CERTIFICATE_EXPIRED": 10,
    "E_SCHEMA": 10,
    "E_INTERNAL": 5,
    "E_CONFLICT": 3,
    "E_DELIVERY_LIMIT": 2,
}
_STATES = {
    LetterState.PARKED: 60,
    LetterState.REDELIVERED: 24,
    LetterState.DISCARDED: 10,
    LetterState.WAITING: 5,
    LetterState.QUARANTINED: 1,
}
_OPEN = (LetterState.WAITING, LetterState.PARKED, LetterState.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Timed:
    """What was done, and how long it took."""

    name: str
    milliseconds: float


async def measure(folder: Path, number: int) -> list[Timed]:
    """Fill a store and time what is done with it."""
    url = f"sqlite:///{folder / 'failures.db'}"
    await fill(url, number)
    async with open_dead_letters(url) as store:
        looked = await _look(store, number)
        return looked + await _act(store, number)


async def fill(url: str, number: int) -> None:
    """Put letters straight into the tables of a new database, with their tallies and history."""
    database = connect(url, load=BULK)
    try:
        await database.write(migrate)
        await database.write(_drop_indexes)
        made = a_million(number)
        while chunk := list(islice(made, CHUNK)):
            await database.write(partial(_insert, chunk))
        await database.write(_finish)
    finally:
        await database.aclose()


def a_million(number: int) -> Iterator[tuple[int, DeadLetter]]:
    """Invented letters of 95 agencies over 90 days: a few agencies have most, a few codes too."""
    chance = random.Random(7)
    weights = [1 / rank for rank in range(1, len(_AGENCIES) + 1)]
    mailboxes = chance.choices(_AGENCIES, weights, k=number)
    senders = chance.choices(_AGENCIES[::-1], weights, k=number)
    codes = chance.choices(list(_CODES), list(_CODES.values()), k=number)
    states = chance.choices(list(_STATES), list(_STATES.values()), k=number)
    begin, step = NOW - timedelta(days=DAYS), timedelta(days=DAYS) / number
    for key in range(1, number + 1):
        yield (
            key,
            _letter(
                key,
                state=states[key - 1],
                mailbox=mailboxes[key - 1],
                sender=senders[key - 1],
                code=codes[key - 1],
                attempts=chance.randint(1, 7) if codes[key - 1] == "E_ENDPOINT_DOWN" else 1,
                at=begin + key * step,
            ),
        )


def _letter(
    key: int,
    *,
    state: LetterState,
    mailbox: MailboxName,
    sender: str,
    code: str,
    attempts: int,
    at: datetime,
) -> DeadLetter:
    problem = Problem(code=code, params={"cause": "HTTP 503"})
    # Built without validation: ten times as fast, and what is measured is the store.
    return DeadLetter.model_construct(
        id=LetterId(sha256(b"%d" % key).hexdigest()[:32]),
        state=state,
        mailbox=mailbox,
        sender=sender,
        lane="standard",
        kind="document",
        failure_class=failure_class(problem),
        stage=Stage.HAND_OVER,
        fingerprint=fingerprint(Stage.HAND_OVER, problem, mailbox),
        problem=problem,
        number=f"{key}/UBND-VP",
        document_id=f"000.00.00.{sender},2019/03/12,{key}/UBND-VP",
        envelope_id=sha256(b"envelope %d" % key).hexdigest(),
        attempts=attempts,
        replays=3 if state is LetterState.QUARANTINED else 0,
        returned=key % 20 == 0,
        order=None,
        first_failed_at=at,
        failed_at=at,
        due_at=NOW if state is LetterState.WAITING else None,
        changed_at=at,
    )


def _drop_indexes(connection: Connection) -> None:
    """Built once at the end they cost a fraction; a store in use keeps them all the time."""
    for index in letters.indexes:
        index.drop(connection)


def _insert(chunk: list[tuple[int, DeadLetter]], connection: Connection) -> None:
    numbers = cause_numbers(connection, [letter for _, letter in chunk])
    rows = [
        {"key": key, **letter_columns(letter, cause=cause)}
        for (key, letter), cause in zip(chunk, numbers, strict=True)
    ]
    connection.execute(insert(letters), rows)


def _finish(connection: Connection) -> None:
    """Everything that follows from the letters, made by the database itself."""
    for index in letters.indexes:
        index.create(connection)
    delivery = original_columns(DELIVERY)
    original = (literal(value).label(name) for name, value in delivery.items())
    connection.execute(
        insert(originals).from_select(["letter", *delivery], select(letters.c.key, *original))
    )
    kind = [letters.c[name] for name in Kind._fields]
    connection.execute(
        insert(tallies).from_select(
            [*Kind._fields, "letters"], select(*kind, func.count()).group_by(*kind)
        )
    )
    failed = select(
        letters.c.key,
        letters.c.failed_at,
        literal(Happening.FAILED),
        literal("a").concat(letters.c.id),
    )
    connection.execute(
        insert(history).from_select(["letter", "at", "happening", "attempt_id"], failed)
    )


async def _look(store: DeadLetters, number: int) -> list[Timed]:
    """What only reads."""
    [letter] = await store.find(Selection(states=_OPEN), limit=1, offset=PAGE)
    timed = [
        await _median("groups", lambda: store.groups(Selection(), now=NOW)),
        await _median("groups: open", lambda: store.groups(Selection(states=_OPEN), now=NOW)),
        await _median("show: letter", lambda: store.letter(letter.id[:10])),
        await _median("show: history", lambda: store.history(letter.id)),
        await _median("show: message", lambda: store.message(letter.id)),
    ]
    for name, selection in selections(letter).items():
        timed += [
            await _median(
                f"page: {name}, {sort}", partial(store.find, selection, sort=sort, limit=PAGE)
            )
            for sort in Sort
        ]
        timed.append(await _median(f"count: {name}", partial(store.count, selection)))
    middle = number // 2
    deep = partial(store.find, Selection(), limit=PAGE, offset=middle)
    return [*timed, await _median(f"page: everything from {middle:,} on", deep)]


def selections(letter: DeadLetter) -> dict[str, Selection]:
    """Each filter alone, and pairs of them."""
    day = timedelta(days=1)
    one: dict[str, dict[str, object]] = {
        "state": {"states": _OPEN},
        "mailbox": {"mailbox": _AGENCIES[0]},
        "sender": {"sender": _AGENCIES[-1]},
        "class": {"failure_class": FailureClass.RECIPIENT_DOWN},
        "code": {"code": "E_ENDPOINT_REFUSED"},
        "fingerprint": {"fingerprint": letter.fingerprint},
        "number": {"number": letter.number},
        "window": {"since": NOW - 40 * day, "until": NOW - 30 * day},
        "returned": {"returned": True},
    }
    pairs = [
        ("mailbox", "state"),
        ("mailbox", "code"),
        ("mailbox", "class"),
        ("mailbox", "sender"),
        ("mailbox", "window"),
        ("sender", "state"),
        ("sender", "code"),
        ("sender", "window"),
        ("code", "state"),
        ("code", "window"),
        ("class", "state"),
        ("class", "window"),
        ("fingerprint", "state"),
        ("fingerprint", "window"),
        ("state", "window"),
        ("state", "returned"),
    ]
    asked = {name: Selection.model_validate(values) for name, values in one.items()}
    asked |= {
        f"{first} and {second}": Selection.model_validate(one[first] | one[second])
        for first, second in pairs
    }
    rare = {"states": (LetterState.QUARANTINED,), "mailbox": _AGENCIES[0], "sender": "H01"}
    return {"everything": Selection(), **asked, "few of many": Selection.model_validate(rare)}


async def _act(store: DeadLetters, number: int) -> list[Timed]:
    """What changes letters."""

    async def place(order_id: str, action: Action, limit: int, **selected: object) -> None:
        order = NewOrder(
            action=action,
            selection=Selection.model_validate(selected),
            operator="an.nguyen",
            limit=limit,
            reason="measured",
        )
        await store.place(order, order_id=OrderId(order_id), now=NOW)

    async def record() -> None:
        attempts = (an_attempt(f"late {each}", at=NOW, mailbox="H01") for each in range(2_000))
        await asyncio.gather(*(store.record(each, park, now=NOW) for each in attempts))

    replay, one, whole = OrderId("replay"), OrderId("replay of one cause"), OrderId("whole")
    [largest, *_] = await store.groups(Selection(), now=NOW)
    return [
        await _once("record 2,000 failures", record),
        await _once("place: replay of all", lambda: place(whole, Action.REPLAY, number)),
        await _median("due: all are held by an order", lambda: store.due(now=NOW, limit=BATCH)),
        await _once(
            "cancel: replay of all", lambda: store.cancel(whole, operator="an.nguyen", now=NOW)
        ),
        await _once("place: replay of 50,000", lambda: place(replay, Action.REPLAY, 50_000)),
        await _median(f"next_of: {BATCH}", lambda: store.next_of(replay, limit=BATCH)),
        await _replay(store, replay, batches=20),
        await _once(
            "place: replay of the largest group",
            lambda: place(one, Action.REPLAY, number, fingerprint=largest.fingerprint),
        ),
        await _replay(store, one, batches=20),
        await _once(
            "discard 10,000",
            lambda: place("discard", Action.DISCARD, 10_000, states=(LetterState.PARKED,)),
        ),
        await _once(
            "restore 10,000",
            lambda: place("restore", Action.RESTORE, 10_000, states=(LetterState.DISCARDED,)),
        ),
    ]


async def _replay(store: DeadLetters, order_id: OrderId, *, batches: int) -> Timed:
    """The store's part in a replay for each batch."""
    began = time.perf_counter()
    for _ in range(batches):
        found = await store.next_of(order_id, limit=BATCH)
        await store.replayed(order_id, [each.letter.id for each in found], now=NOW)
    seconds = time.perf_counter() - began
    return Timed(f"{order_id}: next_of and replayed, {BATCH}", seconds / batches * 1e3)


async def _once(name: str, work: Callable[[], Awaitable[object]]) -> Timed:
    began = time.perf_counter()
    await work()
    return Timed(name, (time.perf_counter() - began) * 1e3)


async def _median(name: str, work: Callable[[], Awaitable[object]]) -> Timed:
    return Timed(name, median([(await _once(name, work)).milliseconds for _ in range(ROUNDS)]))
