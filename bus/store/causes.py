"""Causes: dead letters by what they failed for, counted without reading them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select

from bus.core.cause import Cause
from bus.core.dead_letter import LetterId, LetterState
from bus.core.selection import Selection, Sort
from bus.store.schema import letters, tallies
from bus.store.scope import Scope, order_of
from schemas.identifiers import MailboxName
from schemas.problem import Problem

_HOUR = timedelta(hours=1)
_SHOWN = tuple(
    letters.c[name]
    for name in (
        "id",
        "fingerprint",
        "mailbox",
        "stage",
        "failure_class",
        "code",
        "problem",
        "failed_at",
    )
)


def groups(connection: Connection, selection: Selection, now: datetime) -> tuple[Cause, ...]:
    """Letters by cause, most letters first."""
    scope = Scope(selection, connection.dialect.name)
    tallied = scope.is_tallied
    counted = _counted_by_tally(scope, now) if tallied else _counted_by_letter(scope, now)
    newest = _newest_by_tally(scope) if tallied else _newest_by_letter(scope)
    parts: dict[str, list[RowMapping]] = {}
    for part in connection.execute(counted).mappings():
        parts.setdefault(part["fingerprint"], []).append(part)
    keys = {row.fingerprint: row.key for row in connection.execute(newest)}
    shown = select(*_SHOWN).where(letters.c.key.in_(keys.values()))
    causes = [
        _cause(example, parts[example["fingerprint"]])
        for example in connection.execute(shown).mappings()
    ]
    return tuple(sorted(causes, key=lambda cause: (-sum(cause.counts.values()), cause.fingerprint)))


def _counted_by_tally(scope: Scope, now: datetime) -> Select[Any]:
    """Numbers of each cause and state from the tallies; moments from the ends of an index."""
    kind = (tallies.c.fingerprint, tallies.c.state)
    number = func.sum(tallies.c.letters).label("number")
    parts = select(*kind, number).where(*scope.kinds()).group_by(*kind).subquery("parts")
    recent, earlier = _recent(now), _earlier(now)

    def of_part(value: ColumnElement[Any], *within: ColumnElement[bool]) -> Any:
        query = scope.rows_by("letters_by_origin", value).where(
            letters.c.fingerprint == parts.c.fingerprint,
            letters.c.state == parts.c.state,
            *within,
        )
        return query.correlate(parts).scalar_subquery()

    return select(
        parts,
        of_part(func.min(letters.c.first_failed_at)).label("oldest"),
        of_part(func.count(), *recent).label("recent"),
        of_part(func.count(), *earlier).label("earlier"),
    )


def _counted_by_letter(scope: Scope, now: datetime) -> Select[Any]:
    """The same, of letters that the tallies cannot tell from others."""
    kind = (letters.c.fingerprint, letters.c.state)
    return scope.rows(
        *kind,
        func.count().label("number"),
        func.min(letters.c.first_failed_at).label("oldest"),
        func.count().filter(*_recent(now)).label("recent"),
        func.count().filter(*_earlier(now)).label("earlier"),
    ).group_by(*kind)


def _newest_by_tally(scope: Scope) -> Select[Any]:
    """The key of the newest letter of each cause: one look for each state and attempts."""
    kind = (tallies.c.fingerprint, tallies.c.state, tallies.c.attempts)
    cells = select(*kind).where(*scope.kinds()).distinct().subquery("cells")
    head = (
        scope.rows_by("letters_by_cause", letters.c.key)
        .where(*(letters.c[column.name] == column for column in cells.c))
        .order_by(*order_of(Sort.NEWEST))
        .limit(1)
    )
    heads = select(head.correlate(cells).scalar_subquery()).select_from(cells)
    return _first_of_each(select(letters.c.key).where(letters.c.key.in_(heads)))


def _newest_by_letter(scope: Scope) -> Select[Any]:
    return _first_of_each(scope.rows(letters.c.key))


def _first_of_each(query: Select[Any]) -> Select[Any]:
    rank = func.row_number().over(
        partition_by=letters.c.fingerprint, order_by=order_of(Sort.NEWEST)
    )
    ranked = query.with_only_columns(
        letters.c.fingerprint, letters.c.key, rank.label("rank")
    ).subquery("ranked")
    return select(ranked.c.fingerprint, ranked.c.key).where(ranked.c.rank == 1)


def _recent(now: datetime) -> tuple[ColumnElement[bool], ...]:
    first = letters.c.first_failed_at
    return first > now - _HOUR, first <= now


def _earlier(now: datetime) -> tuple[ColumnElement[bool], ...]:
    first = letters.c.first_failed_at
    return first > now - 2 * _HOUR, first <= now - _HOUR


def _cause(example: RowMapping, parts: Sequence[RowMapping]) -> Cause:
    return Cause(
        fingerprint=example["fingerprint"],
        mailbox=MailboxName(example["mailbox"]),
        stage=example["stage"],
        failure_class=example["failure_class"],
        code=example["code"],
        field=Problem.model_validate_json(example["problem"]).place.field,
        example=LetterId(example["id"]),
        counts={LetterState(part["state"]): int(part["number"]) for part in parts},
        oldest=min(part["oldest"] for part in parts),
        newest=example["failed_at"],
        recent=sum(part["recent"] for part in parts),
        earlier=sum(part["earlier"] for part in parts),
    )
