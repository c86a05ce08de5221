"""Report: compares what was planned with what was seen, for every agency and every delivery."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from bus.demo.drop import Drop, DropKind
from schemas.directory import Directory
from schemas.identifiers import AgencyCode

NUMBERS = ("sent", "repeated", "reported", "refused", "received", "receipts", "statuses")
"""What is counted for each agency.

sent, repeated, reported: its accepted documents, documents that were sent again, status reports;
refused: its refused files; received, statuses: documents and status reports that it received;
receipts: signed receipts for its documents, one for each delivery.
"""
ARRIVING = ("received", "receipts", "statuses")
"""Those of them that arrive in an inbox."""
_COLUMNS = ("sent", "received", "receipts", "reported", "statuses", "refused")


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """What was counted.

    Attributes:
        numbers: By agency and one of `NUMBERS`.
        refusals: How many files were refused with each code.
    """

    numbers: Counter[tuple[AgencyCode, str]]
    refusals: Counter[str]

    @property
    def agencies(self) -> set[AgencyCode]:
        """The agencies with any number."""
        return {agency for agency, _ in self.numbers}

    def of(self, agency: AgencyCode | None) -> dict[str, int]:
        """The numbers of one agency; None: of all together."""
        agencies = self.agencies if agency is None else (agency,)
        return {name: sum(self.numbers[a, name] for a in agencies) for name in NUMBERS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciliation:
    """What was expected, and what was seen.

    Attributes:
        names: Of all agencies, in the order of the directory.
    """

    names: Mapping[AgencyCode, str]
    expected: Count
    seen: Count

    def lost(self, *agencies: AgencyCode) -> int:
        """How much was expected and did not come, at these agencies or at all.

        A surplus at another agency does not reduce it.
        """
        missing = self.expected.numbers - self.seen.numbers
        return sum(missing[a, name] for a in agencies or self.names for name in ARRIVING)

    def twice(self, *agencies: AgencyCode) -> int:
        """How much came and was not expected: a second time, or at the wrong agency."""
        surplus = self.seen.numbers - self.expected.numbers
        return sum(surplus[a, name] for a in agencies or self.names for name in ARRIVING)

    @property
    def exact(self) -> bool:
        """Whether every number is the planned one."""
        same_refusals = self.expected.refusals == self.seen.refusals
        return same_refusals and self.expected.numbers == self.seen.numbers


def count_files(
    drops: Iterable[Drop], refusals: Mapping[tuple[AgencyCode, str], str | None]
) -> Count:
    """Count the accepted and refused files; what agencies received is not counted here.

    Args:
        refusals: (outbox, file name) → the code with which it was refused; None: it was accepted.
            A file that is absent has no answer and is not counted.
    """
    accepted = {DropKind.STATUS: "reported", DropKind.REPEAT: "repeated"}
    count = Count(numbers=Counter(), refusals=Counter())
    for drop in drops:
        if (drop.sender, drop.name) in refusals:
            code = refusals[drop.sender, drop.name]
            if code is not None:
                count.refusals[code] += 1
            name = accepted.get(drop.kind, "sent") if code is None else "refused"
            count.numbers[drop.sender, name] += 1
    return count


def expect(drops: Sequence[Drop]) -> Count:
    """The numbers that a plan must lead to."""
    count = count_files(drops, {(drop.sender, drop.name): drop.refusal for drop in drops})
    for drop in drops:
        for recipient in drop.recipients:
            if drop.kind is DropKind.STATUS:
                count.numbers[recipient, "statuses"] += 1
            else:
                count.numbers[recipient, "received"] += 1
                count.numbers[drop.sender, "receipts"] += 1
    return count


def reconcile(directory: Directory, *, expected: Count, seen: Count) -> Reconciliation:
    """Compare the counts, in the order of the directory; unknown agencies come last."""
    names = {agency.code: agency.name_vi for agency in directory.agencies if agency.connected}
    unknown = dict.fromkeys(sorted((expected.agencies | seen.agencies) - names.keys()), "?")
    return Reconciliation(names=names | unknown, expected=expected, seen=seen)


def agency_table(account: Reconciliation) -> Table:
    """Every agency with its numbers; fits into 80 columns."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_footer=True,
        header_style="bold",
        footer_style="bold",
    )
    table.add_column("Code", no_wrap=True, min_width=4)
    table.add_column("Agency", footer=f"{len(account.names)} agencies", max_width=28)
    totals = [*_numbers(account, None), _alarm(account.lost())]
    for name, total in zip((*_COLUMNS, "lost"), totals, strict=True):
        table.add_column(
            name.capitalize(),
            footer=total,
            justify="right",
            no_wrap=True,
            min_width=max(len(name), len(total)),
        )
    for code, name in account.names.items():
        # The name is shortened in its cell: a column that does not wrap would not get narrower.
        short = Text(name.replace("Ủy ban nhân dân", "UBND"), no_wrap=True, overflow="ellipsis")
        table.add_row(code, short, *_numbers(account, code), _alarm(account.lost(code)))
    return table


def refusal_table(account: Reconciliation) -> Table:
    """The refusals that were expected, and those that were seen."""
    table = Table(box=box.SIMPLE_HEAD, header_style="bold")
    table.add_column("Refused with")
    table.add_column("Expected", justify="right")
    table.add_column("Seen", justify="right")
    for code in sorted({*account.expected.refusals, *account.seen.refusals}):
        due, seen = account.expected.refusals[code], account.seen.refusals[code]
        table.add_row(code, f"{due:,}", Text(f"{seen:,}", style="" if due == seen else "bold red"))
    return table


def as_json_values(account: Reconciliation) -> dict[str, object]:
    """The account as JSON values."""
    refusals = {"expected": account.expected.refusals, "seen": account.seen.refusals}
    return {
        "exact": account.exact,
        "lost": account.lost(),
        "twice": account.twice(),
        "total": _row(account, None, f"{len(account.names)} agencies"),
        "refusals": refusals,
        "agencies": [_row(account, code, name) for code, name in account.names.items()],
    }


def _row(account: Reconciliation, agency: AgencyCode | None, name: str) -> dict[str, object]:
    which = () if agency is None else (agency,)
    return {
        "code": agency or "",
        "name": name,
        "expected": account.expected.of(agency),
        "seen": account.seen.of(agency),
        "lost": account.lost(*which),
        "twice": account.twice(*which),
    }


def _numbers(account: Reconciliation, agency: AgencyCode | None) -> list[Text]:
    expected, seen = account.expected.of(agency), account.seen.of(agency)
    return [_number(expected[name], seen[name]) for name in _COLUMNS]


def _number(due: int, came: int) -> Text:
    if due == came:
        return Text(f"{came:,}", style="dim" if came == 0 else "")
    return Text(f"{came:,}/{due:,}", style="bold red")


def _alarm(lost: int) -> Text:
    return Text(f"{lost:,}", style="bold red" if lost else "green")
