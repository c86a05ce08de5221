"""Causes: the reasons why dead letters failed, numbered, and counted without reading letters."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Select, func, insert, select

from bus.core.dead_letters.cause import Cause
from bus.core.dead_letters.letter import DeadLetter, LetterId, LetterState
from bus.core.dead_letters.selection import Selection, Sort
from bus.store.dead_letters.letter_row import listed, problem_in, state_in
from bus.store.dead_letters.scope import Scope, hinted, order_of
from bus.store.schema import causes, letters, tallies
from schemas.identifiers import MailboxName

_HOUR = timedelta(hours=1)


class _Value(NamedTuple):
    """The columns that identify a cause."""

    fingerprint: str
    mailbox: str
    stage: str
    failure_class: str
    code: str


_VALUE = tuple(causes.c[name] for name in _Value._fields)


def cause_numbers(connection: Connection, of: Sequence[DeadLetter]) -> list[int]:
    """The numbers of the causes of letters; a new cause gets the next number."""
    if not of:
        return []
    values = [
        _Value(
            letter.fingerprint,
            letter.mailbox,
            letter.stage,
            letter.failure_class,
            letter.problem.code,
        )
        for letter in of
    ]
    fingerprints = sorted({value.fingerprint for value in values})
    known_ones = select(causes.c.number, *_VALUE).where(
        causes.c.fingerprint.in_(listed(fingerprints, connection.dialect.name))
    )
    numbers = {_Value(*value): number for number, *value in connection.execute(known_ones)}
    new = sorted(set(values) - numbers.keys())
    if new:
        last = connection.scalar(select(func.max(causes.c.number))) or 0
        numbers |= {value: number for number, value in enumerate(new, last + 1)}
        connection.execute(
            insert(causes), [{"number": numbers[value], **value._asdict()} for value in new]
        )
    return [numbers[value] for value in values]


def groups(connection: Connection, selection: Selection, now: datetime) -> tuple[Cause, ...]:
    """Letters by cause, most letters first."""
    scope = Scope(selection, connection.dialect.name)
    arrived = {row.cause: row for row in connection.execute(_arrived(scope, now))}
    parts: defaultdict[str, list[RowMapping]] = defaultdict(list)
    counted = _counted_by_tally(scope) if scope.is_tallied else _counted_by_letter(scope)
    for part in connection.execute(counted).mappings():
        parts[part["fingerprint"]].append(part)
    found = []
    for members in parts.values():
        numbers = {part["cause"] for part in members} & arrived.keys()
        found.append(
            _cause(
                members,
                recent=sum(arrived[number].recent for number in numbers),
                earlier=sum(arrived[number].earlier for number in numbers),
            )
        )
    return tuple(sorted(found, key=lambda cause: (-sum(cause.counts.values()), cause.fingerprint)))


def _counted_by_tally(scope: Scope) -> Select[Any]:
    """Counts from the tallies; the oldest and the newest moment from the index."""
    kind = (tallies.c.cause, tallies.c.state, tallies.c.attempts)
    cells = select(*kind, tallies.c.letters).where(*scope.kinds()).subquery("cells")
    oldest = scope.rows_in(cells, func.min(letters.c.failed_at)).scalar_subquery()
    newest = scope.rows_in(cells, letters.c.key).order_by(*order_of(Sort.NEWEST)).limit(1)
    parts = select(
        cells.c.cause,
        cells.c.state,
        cells.c.letters,
        oldest.label("oldest"),
        newest.scalar_subquery().label("newest"),
    )
    return _with_example(parts)


def _counted_by_letter(scope: Scope) -> Select[Any]:
    """The same, by reading letters, where the tallies do not contain what is selected."""
    kind = (letters.c.cause, letters.c.state)
    ranked = scope.rows(
        *kind,
        func.count().over(partition_by=kind).label("letters"),
        func.min(letters.c.failed_at).over(partition_by=kind).label("oldest"),
        letters.c.key.label("newest"),
        func.row_number().over(partition_by=kind, order_by=order_of(Sort.NEWEST)).label("rank"),
    ).subquery("ranked")
    return _with_example(select(ranked).where(ranked.c.rank == 1))


def _with_example(query: Select[Any]) -> Select[Any]:
    """The counts, with the cause and its newest letter as an example."""
    parts = query.subquery("parts")
    example = letters.alias("example")
    return select(
        parts.c.cause,
        parts.c.state,
        parts.c.letters,
        parts.c.oldest,
        *_VALUE,
        example.c.key,
        example.c.id,
        example.c.problem,
        example.c.failed_at,
    ).select_from(
        parts.join(causes, causes.c.number == parts.c.cause).join(
            example, example.c.key == parts.c.newest
        )
    )


def _arrived(scope: Scope, now: datetime) -> Select[Any]:
    """How many letters of each cause failed first in the last hour, and in the one before."""
    first = letters.c.first_failed_at
    recent = first > now - _HOUR
    query = (
        select(
            letters.c.cause,
            func.count().filter(recent).label("recent"),
            func.count().filter(~recent).label("earlier"),
        )
        .where(first > now - 2 * _HOUR, first <= now, *scope.conditions())
        .group_by(letters.c.cause)
    )
    return hinted(query, "letters_by_origin")


def _cause(parts: Sequence[RowMapping], *, recent: int, earlier: int) -> Cause:
    example = max(parts, key=lambda part: (part["failed_at"], part["key"]))
    counts: Counter[LetterState] = Counter()
    for part in parts:
        counts[state_in(part["state"])] += part["letters"]
    return Cause(
        fingerprint=example["fingerprint"],
        mailbox=MailboxName(example["mailbox"]),
        stage=example["stage"],
        failure_class=example["failure_class"],
        code=example["code"],
        field=problem_in(example["problem"]).place.field,
        example=LetterId(example["id"]),
        counts=dict(counts),
        oldest=min(part["oldest"] for part in parts),
        newest=example["failed_at"],
        recent=recent,
        earlier=earlier,
    )
