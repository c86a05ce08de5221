"""View: a snapshot as a terminal shows it. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bus.cli.dlq.style import counted, states_of
from bus.cli.legible import legible
from bus.cli.moment import age
from bus.cli.top.snapshot import AgencyRow, Broker, Snapshot
from bus.core.dead_letters.cause import Cause

HEAD_LINES = 6
"""Lines above and below the agencies."""

_LATE_SECONDS = 600
_WARN_DAYS = 30
_BROKER_STYLE = {Broker.READY: "green", Broker.BLOCKED: "yellow", Broker.AWAY: "bold red"}


def _days_of(row: AgencyRow) -> float:
    return float("inf") if row.certificate_days is None else row.certificate_days


class Column(Enum):
    """What the agencies are shown and sorted by: title, key to press, value, largest first."""

    AGENCY = ("agency", "a", lambda row: row.agency, False)
    SENT = ("sent/s", "s", lambda row: row.sent_per_second, True)
    RECEIVED = ("received/s", "r", lambda row: row.received_per_second, True)
    OLDEST = ("oldest waiting", "o", lambda row: row.oldest_waiting_seconds, True)
    OUTBOX = ("outbox", "u", lambda row: row.outbox_oldest_seconds, True)
    FAILING = ("failing/s", "f", lambda row: row.failing_per_second, True)
    PAUSED = ("paused", "p", lambda row: row.paused or row.worker_away, True)
    RETRIES = ("retries", "t", lambda row: row.retries_waiting, True)
    LETTERS = ("dead letters", "d", lambda row: row.dead_letters, True)
    CERTIFICATE = ("certificate", "c", _days_of, False)

    def __init__(
        self, title: str, key: str, of: Callable[[AgencyRow], float | str], falling: bool
    ) -> None:
        self.title, self.key, self.of, self.falling = title, key, of, falling


BY_KEY = {column.key: column for column in Column}


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What the operator wants to see.

    Attributes:
        filter: Only agencies whose code begins so.
        typing: The filter is being typed.
        cursor: Which of the agencies shown is marked.
        opened: The agency that is looked at alone.
    """

    sort: Column = Column.OLDEST
    filter: str = ""
    typing: bool = False
    cursor: int = 0
    opened: str | None = None


def rows_of(snapshot: Snapshot, choice: Choice) -> Sequence[AgencyRow]:
    """The agencies as chosen, those that agree in the order of their codes."""
    wanted = choice.filter.casefold()
    rows = [row for row in snapshot.agencies if row.agency.casefold().startswith(wanted)]
    rows.sort(key=lambda row: row.agency)
    return sorted(rows, key=choice.sort.of, reverse=choice.sort.falling)


def overview(snapshot: Snapshot, choice: Choice, *, height: int | None = None) -> Group:
    """The axis, and as many agencies as fit into `height` lines."""
    rows = rows_of(snapshot, choice)
    first = 0
    if height is not None:
        room = max(1, height - HEAD_LINES)
        first = max(0, min(choice.cursor - room // 2, len(rows) - room))
        rows = rows[first : first + room]
    marked = choice.cursor - first if height is not None else -1
    return Group(*_head(snapshot), _table(rows, choice, marked), _foot(choice))


def one_agency(row: AgencyRow, causes: Sequence[Cause]) -> Group:
    """One agency: its numbers, and why its dead letters failed, the newest cause first."""
    numbers = Table(box=None, show_header=False, padding=(0, 2), pad_edge=False)
    numbers.add_column(style="bold")
    numbers.add_column(justify="right")
    for label, value in (
        ("sent", f"{row.sent:,} ({row.sent_per_second:.1f}/s)"),
        ("received", f"{row.received:,} ({row.received_per_second:.1f}/s)"),
        ("refused files", f"{row.refused:,}"),
        ("failed attempts", f"{row.failed:,} ({row.failing_per_second:.1f}/s)"),
        ("oldest waiting", _age(row.oldest_waiting_seconds)),
        ("oldest in outbox", _age(row.outbox_oldest_seconds)),
        ("last success", _ago(row.last_success_seconds)),
        ("paused", _standing(row) or "no"),
        ("retries waiting", f"{row.retries_waiting:,}"),
        ("dead letters", f"{row.dead_letters:,}"),
        ("certificate", _certificate(row).plain),
    ):
        numbers.add_row(label, value)
    failed = Table(box=None, header_style="bold", padding=(0, 2), pad_edge=False)
    for title in ("failed with", "stage", "letters", "newest"):
        failed.add_column(title)
    for cause in sorted(causes, key=lambda each: each.newest, reverse=True):
        failed.add_row(
            Text(legible(cause.code), "red"),
            legible(cause.stage),
            states_of(cause.counts),
            f"{cause.newest:%d/%m %H:%M:%S} UTC",
        )
    nothing = Text("no dead letters", "green")
    foot = Text("Esc back   q ends", "dim")
    name = Text(legible(row.agency), "bold")
    return Group(name, Text(), numbers, Text(), failed if causes else nothing, Text(), foot)


def _head(snapshot: Snapshot) -> tuple[Text, ...]:
    unaccounted = snapshot.unaccounted
    letters = ", ".join(f"{count:,} {state}" for state, count in snapshot.dead_letters.items())
    missing = snapshot.workers_wanted - snapshot.workers_running
    return (
        Text.assemble(
            (f"{snapshot.sent_per_second:,.1f} sent/s   ", "bold"),
            (f"{snapshot.received_per_second:,.1f} received/s   ", "bold"),
            f"end to end p50 {_span(snapshot.p50_seconds)}, p99 {_span(snapshot.p99_seconds)}   ",
            "broker ",
            (snapshot.broker, _BROKER_STYLE[snapshot.broker]),
            f"   workers {snapshot.workers_running}/{snapshot.workers_wanted}",
            ("  missing" if missing > 0 else "", "bold red"),
        ),
        Text.assemble(
            f"{snapshot.accepted:,} accepted = {snapshot.delivered:,} delivered + "
            f"{snapshot.waiting:,} waiting + {snapshot.parked:,} parked + ",
            (f"{unaccounted:,} unaccounted", "bold red" if unaccounted else "green"),
            f"   dead letters: {letters or 'none'}",
        ),
        Text(),
    )


def _table(rows: Sequence[AgencyRow], choice: Choice, marked: int) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 1), pad_edge=False)
    for column in Column:
        title = f"{column.title}{'▾' if column is choice.sort else ''}"
        left = column is Column.AGENCY
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for number, row in enumerate(rows):
        table.add_row(*_cells(row), style="reverse" if number == marked else None)
    return table


def _cells(row: AgencyRow) -> tuple[Text, ...]:
    late = "yellow" if row.oldest_waiting_seconds > _LATE_SECONDS else ""
    stuck = "yellow" if row.outbox_oldest_seconds > _LATE_SECONDS else ""
    return (
        Text(legible(row.agency)),
        Text(_number(row.sent_per_second)),
        Text(_number(row.received_per_second)),
        Text(_age(row.oldest_waiting_seconds), late),
        Text(_age(row.outbox_oldest_seconds), stuck),
        Text(_number(row.failing_per_second), "red"),
        Text(_standing(row), "bold red"),
        Text(f"{row.retries_waiting:,}" if row.retries_waiting else "", "cyan"),
        Text(f"{row.dead_letters:,}" if row.dead_letters else "", "yellow"),
        _certificate(row),
    )


def _standing(row: AgencyRow) -> str:
    """Why nobody takes from its mailbox."""
    return "paused" if row.paused else "worker away" if row.worker_away else ""


def _foot(choice: Choice) -> Text:
    if choice.typing:
        return Text(f"filter: {choice.filter}▏  Enter keeps it, Esc drops it")
    keys = " ".join(column.key for column in Column)
    kept = f"filter {choice.filter}   " if choice.filter else ""
    return Text(f"{kept}{keys} sort by their column   / filter   ↑↓ Enter opens   q ends", "dim")


def _certificate(row: AgencyRow) -> Text:
    if row.certificate_days is None:
        return Text("")
    days = int(row.certificate_days)
    style = "bold red" if days < 0 else "yellow" if days < _WARN_DAYS else ""
    return Text(counted(days, "day"), style)


def _number(rate: float) -> str:
    return f"{rate:,.1f}" if rate else ""


def _age(seconds: float) -> str:
    return age(timedelta(seconds=seconds)) if seconds else ""


def _ago(seconds: float | None) -> str:
    return "none since the start" if seconds is None else f"{age(timedelta(seconds=seconds))} ago"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.2f} s" if seconds < 60 else age(timedelta(seconds=seconds))
