"""What was planned against what was seen."""

import json
from copy import deepcopy
from io import StringIO

import pytest
from rich.console import Console

from bus.demo.drop import Drop, DropKind
from bus.demo.report import (
    Count,
    agency_table,
    as_json_values,
    count_files,
    expect,
    reconcile,
    refusal_table,
)
from schemas.directory import Agency, Directory
from schemas.document import Document, Organization
from schemas.identifiers import AgencyCode

A, B, C = AgencyCode("A01"), AgencyCode("B01"), AgencyCode("C01")
DIRECTORY = Directory(
    agencies=tuple(Agency(code=code, name_vi=f"Cơ quan {code}", connected=True) for code in (A, B))
)
ANY = Document(
    from_agency=Organization(organ_id=A),
    to_agencies=(Organization(organ_id=B),),
    document_id="1",
)


def drop(kind: DropKind, sender: AgencyCode, *to: AgencyCode, refusal: str | None = None) -> Drop:
    return Drop(
        sender=sender,
        kind=kind,
        name=f"{kind.name}.edxml",
        wave=0,
        message=ANY,
        recipients=to,
        refusal=refusal,
    )


PLAN = (
    drop(DropKind.LETTER, A, B),
    drop(DropKind.CIRCULAR, A, B),
    drop(DropKind.REPEAT, A),
    drop(DropKind.STATUS, B, A),
    drop(DropKind.BROKEN, B, refusal="E_DTD"),
)


@pytest.fixture
def seen() -> Count:
    """Everything as planned."""
    return deepcopy(expect(PLAN))


def test_a_plan_says_what_every_agency_must_count() -> None:
    numbers = expect(PLAN).numbers

    assert (numbers[A, "sent"], numbers[A, "repeated"], numbers[A, "receipts"]) == (2, 1, 2)
    assert (numbers[A, "statuses"], numbers[A, "received"]) == (1, 0)
    assert (numbers[B, "received"], numbers[B, "reported"], numbers[B, "refused"]) == (2, 1, 1)


def test_everything_as_planned_is_exact(seen: Count) -> None:
    account = reconcile(DIRECTORY, expected=expect(PLAN), seen=seen)

    assert account.exact
    assert (account.lost(), account.twice()) == (0, 0)


@pytest.mark.parametrize("what", ["received", "receipts", "statuses"])
def test_whatever_does_not_come_is_lost(seen: Count, what: str) -> None:
    owner = B if what == "received" else A
    seen.numbers[owner, what] -= 1

    account = reconcile(DIRECTORY, expected=expect(PLAN), seen=seen)

    assert (account.exact, account.lost(), account.twice()) == (False, 1, 0)


def test_a_surplus_at_one_agency_does_not_hide_a_loss_at_another(seen: Count) -> None:
    seen.numbers[A, "received"] += 1
    seen.numbers[B, "received"] -= 1

    account = reconcile(DIRECTORY, expected=expect(PLAN), seen=seen)

    assert account.expected.of(None) == account.seen.of(None)
    assert (account.exact, account.lost(), account.twice()) == (False, 1, 1)


def test_the_right_number_of_refusals_with_a_wrong_code_is_not_exact(seen: Count) -> None:
    seen.refusals["E_EMPTY"] = seen.refusals.pop("E_DTD")

    account = reconcile(DIRECTORY, expected=expect(PLAN), seen=seen)

    assert not account.exact


def test_what_reaches_an_agency_outside_the_directory_is_seen(seen: Count) -> None:
    seen.numbers[C, "received"] += 1

    account = reconcile(DIRECTORY, expected=expect(PLAN), seen=seen)

    assert list(account.names) == [A, B, C]
    assert account.twice() == 1


def test_a_file_that_nobody_answered_is_not_counted() -> None:
    count = count_files(PLAN, {(A, "LETTER.edxml"): None, (B, "BROKEN.edxml"): "E_DTD"})

    assert (count.numbers[A, "sent"], count.numbers[B, "refused"]) == (1, 1)
    assert count.refusals == {"E_DTD": 1}


@pytest.mark.parametrize("columns", [80, 100])
def test_the_tables_fit_a_terminal_and_show_what_is_missing(seen: Count, columns: int) -> None:
    seen.numbers[B, "received"] -= 1
    account = reconcile(DIRECTORY, expected=expect(PLAN), seen=seen)
    out = StringIO()
    console = Console(file=out, width=columns)

    console.print(agency_table(account), refusal_table(account))

    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines) <= columns
    assert any("Code" in line and "Lost" in line for line in lines)
    assert any("B01" in line and "1/2" in line for line in lines)
    assert any("2 agencies" in line for line in lines)
    assert any("E_DTD" in line for line in lines)


def test_the_account_is_told_to_machines(seen: Count) -> None:
    told = json.loads(
        json.dumps(as_json_values(reconcile(DIRECTORY, expected=expect(PLAN), seen=seen)))
    )

    assert told["exact"] is True
    assert told["total"]["seen"]["received"] == 2
    assert told["refusals"]["expected"] == {"E_DTD": 1}
    assert [row["code"] for row in told["agencies"]] == [A, B]
