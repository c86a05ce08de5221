"""View: how a terminal shows a snapshot."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bus.cli.dlq.style import counted, states_of
from bus.cli.legible import legible
from bus.cli.moment import age, shown_alone
from bus.cli.table_width import least_width
from bus.cli.top.snapshot import AgencyRow, Broker, Snapshot
from bus.core.dead_letters.cause import Cause

_LATE_SECONDS = 600
_WARN_DAYS = 30
_BROKER_STYLE = {Broker.READY: "green", Broker.BLOCKED: "yellow", Broker.AWAY: "bold red"}


def _days_of(row: AgencyRow) -> float:
    return float("inf") if row.certificate_days is None else row.certificate_days


class Column(Enum):
    """The columns of the table of agencies.

    Each has a title, the title on two lines, a key that sorts by it, a value, and whether the
    largest value comes first.
    """

    AGENCY = ("agency", "agency", "a", lambda row: row.agency, False)
    SENT = ("sent/s", "sent\n/s", "s", lambda row: row.sent_per_second, True)
    RECEIVED = ("received/s", "received\n/s", "r", lambda row: row.received_per_second, True)
    OLDEST = ("oldest waiting", "oldest\nwaiting", "o", lambda r: r.oldest_waiting_seconds, True)
    OUTBOX = ("outbox", "outbox", "u", lambda row: row.outbox_oldest_seconds, True)
    FAILING = ("failing/s", "failing\n/s", "f", lambda row: row.failing_per_second, True)
    STATUS = ("status", "status", "p", lambda row: bool(_status(row)), True)
    RETRIES = ("retries", "retries", "t", lambda row: row.retries_waiting, True)
    LETTERS = ("dead letters", "dead\nletters", "d", lambda row: row.dead_letters, True)
    CERTIFICATE = ("certificate", "certi-\nficate", "c", _days_of, False)

    def __init__(
        self,
        title: str,
        short: str,
        key: str,
        of: Callable[[AgencyRow], float | str],
        falling: bool,
    ) -> None:
        self.title, self.short = title, short
        self.key, self.of, self.falling = key, of, falling


_DROPPED_FIRST = (
    Column.CERTIFICATE,
    Column.RETRIES,
    Column.FAILING,
    Column.SENT,
    Column.RECEIVED,
    Column.OUTBOX,
    Column.LETTERS,
)
"""The columns that a narrow terminal does not show, in this order; a line names them."""

BY_KEY = {column.key: column for column in Column}


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewState:
    """What the operator wants to see.

    Attributes:
        filter: Only agencies whose code begins with it are shown.
        typing: The operator is typing the filter.
        cursor: The index of the marked agency among those shown.
        opened: The agency that is shown alone.
    """

    sort: Column = Column.OLDEST
    filter: str = ""
    typing: bool = False
    cursor: int = 0
    opened: str | None = None


def rows_of(snapshot: Snapshot, state: ViewState) -> Sequence[AgencyRow]:
    """The agencies to show, sorted by the column and then by their codes."""
    wanted = state.filter.casefold()
    rows = [row for row in snapshot.agencies if row.agency.casefold().startswith(wanted)]
    rows.sort(key=lambda row: row.agency)
    return sorted(rows, key=state.sort.of, reverse=state.sort.falling)


def overview(
    snapshot: Snapshot, state: ViewState, *, width: int, height: int | None = None
) -> Group:
    """The axis and its agencies; with a height only as many as fit, and the keys."""
    rows, marked = rows_of(snapshot, state), -1
    columns, compact = _columns(rows, state, width)
    head, foot = _head(snapshot, width), _foot(state, columns, keys=height is not None)
    if height is not None:
        beside = sum(-(-max(1, line.cell_len) // width) for line in (*head, *foot))
        room = max(1, height - beside - (2 if compact else 1))
        first = max(0, min(state.cursor - room // 2, len(rows) - room))
        rows, marked = rows[first : first + room], state.cursor - first
    table = _table(rows, state, columns, compact=compact, marked=marked)
    return Group(*head, table, *foot)


def _columns(
    rows: Sequence[AgencyRow], state: ViewState, width: int
) -> tuple[tuple[Column, ...], bool]:
    """What fits, and whether titles need two lines for it."""
    columns = tuple(Column)
    if least_width(_table(rows, state, columns, compact=False)) <= width:
        return columns, False
    for dropped in _DROPPED_FIRST:
        if least_width(_table(rows, state, columns, compact=True)) <= width:
            break
        columns = tuple(each for each in columns if each is not dropped or each is state.sort)
    return columns, True


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
            shown_alone(cause.newest),
        )
    nothing = Text("no dead letters", "green")
    status = _status(row)
    stands = Text(_MEANS[status], "bold red" if status else "green")
    foot = Text("Esc back   q ends", "dim")
    name = Text(legible(row.agency), "bold")
    shown = failed if causes else nothing
    return Group(name, stands, Text(), numbers, Text(), shown, Text(), foot)


def _head(snapshot: Snapshot, width: int) -> tuple[Text, ...]:
    unaccounted = snapshot.unaccounted
    letters = ", ".join(f"{count:,} {state}" for state, count in snapshot.dead_letters.items())
    missing = snapshot.workers_wanted - snapshot.workers_running
    rates = Text.assemble(
        (f"{snapshot.sent_per_second:,.1f} sent/s   ", "bold"),
        (f"{snapshot.received_per_second:,.1f} received/s   ", "bold"),
        f"end to end p50 {_span(snapshot.p50_seconds)}, p99 {_span(snapshot.p99_seconds)}",
    )
    processes = Text.assemble(
        "broker ",
        (snapshot.broker, _BROKER_STYLE[snapshot.broker]),
        f"   workers {snapshot.workers_running}/{snapshot.workers_wanted}",
        ("  missing" if missing > 0 else "", "bold red"),
    )
    account = Text.assemble(
        f"{snapshot.accepted:,} accepted = {snapshot.delivered:,} delivered + "
        f"{snapshot.waiting:,} waiting + {snapshot.stopped:,} stopped + ",
        (f"{unaccounted:,} unaccounted", "bold red" if unaccounted else "green"),
    )
    dead = Text(f"dead letters: {letters or 'none'}")
    lines = []
    for left, right in ((rates, processes), (account, dead)):
        together = Text("   ").join((left, right))
        lines += [together] if together.cell_len <= width else [left, right]
    return (*lines, Text())


def _table(
    rows: Sequence[AgencyRow],
    state: ViewState,
    columns: Sequence[Column],
    *,
    compact: bool,
    marked: int = -1,
) -> Table:
    table = Table(
        box=None, header_style="bold", padding=(0, 1, 0, 0 if compact else 1), pad_edge=False
    )
    for column in columns:
        title = f"{column.short if compact else column.title}{'▾' if column is state.sort else ''}"
        left = column is Column.AGENCY
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for number, row in enumerate(rows):
        cells = _cells(row)
        shown = (cells[column] for column in columns)
        table.add_row(*shown, style="reverse" if number == marked else None)
    return table


def _cells(row: AgencyRow) -> dict[Column, Text]:
    late = "yellow" if row.oldest_waiting_seconds > _LATE_SECONDS else ""
    stuck = "yellow" if row.outbox_oldest_seconds > _LATE_SECONDS else ""
    return {
        Column.AGENCY: Text(legible(row.agency)),
        Column.SENT: Text(_number(row.sent_per_second)),
        Column.RECEIVED: Text(_number(row.received_per_second)),
        Column.OLDEST: Text(_age(row.oldest_waiting_seconds), late),
        Column.OUTBOX: Text(_age(row.outbox_oldest_seconds), stuck),
        Column.FAILING: Text(_number(row.failing_per_second), "red"),
        Column.STATUS: Text(_status(row), "bold red"),
        Column.RETRIES: Text(f"{row.retries_waiting:,}" if row.retries_waiting else "", "cyan"),
        Column.LETTERS: Text(f"{row.dead_letters:,}" if row.dead_letters else "", "yellow"),
        Column.CERTIFICATE: _certificate(row),
    }


def _status(row: AgencyRow) -> str:
    """Why nobody takes from its mailbox, if nobody does."""
    if row.suspended:
        return "suspended"
    return "paused" if row.paused else "no worker" if row.worker_away else ""


_MEANS = {
    "suspended": "suspended: it may neither send nor receive (lienthong agency resume)",
    "paused": "paused: its system is away (lienthong dlq groups)",
    "no worker": "no worker: no adapter runs here for it, and no worker of its own is connected",
    "": "served",
}


def _foot(state: ViewState, columns: Sequence[Column], *, keys: bool) -> tuple[Text, ...]:
    absent = [column.title for column in Column if column not in columns]
    narrow = [Text(f"too narrow for: {', '.join(absent)}", "dim")] if absent else []
    if not keys:
        return tuple(narrow)
    if state.typing:
        return (*narrow, Text(f"filter: {state.filter}▏  Enter keeps it, Esc drops it"))
    pressed = " ".join(column.key for column in Column)
    kept = f"filter {state.filter}   " if state.filter else ""
    line = f"{kept}{pressed} sort by their column   / filter   ↑↓ Enter opens   q ends"
    return (*narrow, Text(line, "dim"))


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
