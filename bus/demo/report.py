"""Report: compares what was planned with what was seen, for every agency and every delivery."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from rich import box
from rich.table import Table
from rich.text import Text

from bus.demo.drop import Drop, DropKind
from schemas.directory import Directory
from schemas.identifiers import AgencyCode


@dataclass(kw_only=True, slots=True)
class Tally:
    """The numbers of one agency.

    Attributes:
        sent: Its accepted documents, without those that were sent again.
        repeated: Its documents that were sent and accepted again.
        reported: Its accepted status reports.
        refused: Its refused files.
        received: Documents that it received.
        receipts: Signed receipts for its documents, one for each delivery.
        statuses: Status reports that it received.
    """

    sent: int = 0
    repeated: int = 0
    reported: int = 0
    refused: int = 0
    received: int = 0
    receipts: int = 0
    statuses: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in COUNTS})


COUNTS = tuple(each.name for each in fields(Tally))
_COLUMNS = ("sent", "received", "receipts", "reported", "statuses", "refused")


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """All agencies' tallies, and how many files were refused with each code."""

    tallies: defaultdict[AgencyCode, Tally]
    refusals: Counter[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One agency, or all of them."""

    code: str
    name: str
    expected: Tally
    seen: Tally

    @property
    def lost(self) -> int:
        """Documents, receipts and statuses that were expected and did not come."""
        return sum(max(0, -excess) for excess in self._excesses())

    @property
    def twice(self) -> int:
        """Documents, receipts and statuses that came and were not expected."""
        return sum(max(0, excess) for excess in self._excesses())

    def _excesses(self) -> Iterable[int]:
        names = ("received", "receipts", "statuses")
        return (getattr(self.seen, name) - getattr(self.expected, name) for name in names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """The result for all agencies."""

    rows: tuple[Row, ...]
    total: Row
    refusals_expected: Counter[str]
    refusals_seen: Counter[str]

    @property
    def lost(self) -> int:
        """Lost at any agency; a surplus at another agency does not reduce it."""
        return sum(row.lost for row in self.rows)

    @property
    def twice(self) -> int:
        """Received twice, or by the wrong agency."""
        return sum(row.twice for row in self.rows)

    @property
    def exact(self) -> bool:
        """Whether every number is the planned one."""
        return (
            all(row.expected == row.seen for row in self.rows)
            and self.refusals_expected == self.refusals_seen
        )


def count_files(
    drops: Iterable[Drop], refusals: Mapping[tuple[AgencyCode, str], str | None]
) -> Count:
    """Count the accepted and refused files; what agencies received is not counted here.

    Args:
        refusals: (outbox, file name) → the code with which it was refused; None: it was accepted.
            A file that is absent has no answer and is not counted.
    """
    tallies: defaultdict[AgencyCode, Tally] = defaultdict(Tally)
    codes: Counter[str] = Counter()
    for drop in drops:
        key = (drop.sender, drop.name)
        if key not in refusals:
            continue
        tally, code = tallies[drop.sender], refusals[key]
        if code is not None:
            tally.refused += 1
            codes[code] += 1
        elif drop.kind is DropKind.STATUS:
            tally.reported += 1
        elif drop.kind is DropKind.REPEAT:
            tally.repeated += 1
        else:
            tally.sent += 1
    return Count(tallies=tallies, refusals=codes)


def expect(drops: Sequence[Drop]) -> Count:
    """The numbers that a plan must lead to."""
    count = count_files(drops, {(drop.sender, drop.name): drop.refusal for drop in drops})
    for drop in drops:
        for recipient in drop.recipients:
            if drop.kind is DropKind.STATUS:
                count.tallies[recipient].statuses += 1
            else:
                count.tallies[recipient].received += 1
                count.tallies[drop.sender].receipts += 1
    return count


def reconcile(directory: Directory, *, expected: Count, seen: Count) -> Reconciliation:
    """Compare the counts, in the order of the directory; unknown agencies come last."""
    names = {agency.code: agency.name_vi for agency in directory.agencies if agency.connected}
    for code in (*expected.tallies, *seen.tallies):
        names.setdefault(code, "?")
    rows = tuple(
        Row(
            code=code,
            name=name,
            expected=expected.tallies.get(code) or Tally(),
            seen=seen.tallies.get(code) or Tally(),
        )
        for code, name in names.items()
    )
    total = Row(
        code="",
        name=f"{len(rows)} agencies",
        expected=sum((row.expected for row in rows), Tally()),
        seen=sum((row.seen for row in rows), Tally()),
    )
    return Reconciliation(
        rows=rows,
        total=total,
        refusals_expected=expected.refusals,
        refusals_seen=seen.refusals,
    )


def agency_table(account: Reconciliation) -> Table:
    """Every agency with its numbers; fits into 80 columns."""
    total = account.total
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_footer=True,
        header_style="bold",
        footer_style="bold",
    )
    table.add_column("Code", no_wrap=True, min_width=4)
    table.add_column("Agency", footer=total.name, max_width=28)
    for name in _COLUMNS:
        footer = _number(total.expected, total.seen, name)
        width = max(len(name), len(footer))
        table.add_column(
            name.capitalize(), footer=footer, justify="right", no_wrap=True, min_width=width
        )
    lost = _alarm(account.lost)
    table.add_column("Lost", footer=lost, justify="right", no_wrap=True, min_width=4)
    for row in account.rows:
        # The name is shortened in its cell: a column that does not wrap would not get narrower.
        name = row.name.replace("Ủy ban nhân dân", "UBND")
        shortened = Text(name, no_wrap=True, overflow="ellipsis")
        numbers = (_number(row.expected, row.seen, name) for name in _COLUMNS)
        table.add_row(row.code, shortened, *numbers, _alarm(row.lost))
    return table


def refusal_table(account: Reconciliation) -> Table:
    """The refusals that were expected, and those that were seen."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    table.add_column("Refused with")
    table.add_column("Expected", justify="right")
    table.add_column("Seen", justify="right")
    for code in sorted({*account.refusals_expected, *account.refusals_seen}):
        due, seen = account.refusals_expected[code], account.refusals_seen[code]
        table.add_row(code, f"{due:,}", Text(f"{seen:,}", style="" if due == seen else "bold red"))
    return table


def as_json_values(account: Reconciliation) -> dict[str, object]:
    """The account as JSON values."""
    return {
        "exact": account.exact,
        "lost": account.lost,
        "twice": account.twice,
        "total": _row(account.total),
        "refusals": {"expected": account.refusals_expected, "seen": account.refusals_seen},
        "agencies": [_row(row) for row in account.rows],
    }


def _row(row: Row) -> dict[str, object]:
    return asdict(row) | {"lost": row.lost, "twice": row.twice}


def _number(expected: Tally, seen: Tally, name: str) -> Text:
    due, came = getattr(expected, name), getattr(seen, name)
    if due == came:
        return Text(f"{came:,}", style="dim" if came == 0 else "")
    return Text(f"{came:,}/{due:,}", style="bold red")


def _alarm(lost: int) -> Text:
    return Text(f"{lost:,}", style="bold red" if lost else "green")
