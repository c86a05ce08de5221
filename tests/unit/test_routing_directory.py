"""What makes a directory consistent, and how it changes."""

import csv
from datetime import date
from importlib.resources import files

import pytest

from bus.core.directory import (
    add,
    edit,
    remove,
    retire,
    seed_directory,
    unserved,
)
from bus.core.directory_rules import alias_of, check, clean_name, own_code
from bus.core.routing import Routing
from schemas.directory import Agency, AgencyAlias, AgencyKind, Confidence, Directory
from schemas.identifiers import AgencyCode, CodeScheme
from schemas.problem import ConfigurationError

SEED = (files("schemas") / "seed" / "agencies.csv").read_text(encoding="utf-8")
TODAY = date(2026, 3, 12)


def agency(code: str, **changes: object) -> Agency:
    return Agency.model_validate({"code": code, "name_vi": f"Cơ quan {code}", **changes})


def alias(code: str, of: str, **changes: object) -> AgencyAlias:
    fields = {"code": code, "scheme": CodeScheme.OPAQUE, "agency": of, **changes}
    return AgencyAlias.model_validate(fields)


H53 = agency("H53")
H54 = agency("H54")


@pytest.mark.parametrize(
    ("agencies", "aliases", "entry"),
    [
        ((agency("H24.*"),), (), r"H24\.\* cannot be an agency's own code"),
        ((agency("H24-07", connected=True), agency("H24.07", connected=True)), (), "same queues"),
        ((agency("h24", connected=True), agency("H24", connected=True)), (), "same queues"),
        ((H53,), (alias(" x", "H53"),), "' x' cannot be a code of H53"),
        ((H53, agency("H53", name_vi="Khác")), (), "the directory contains the agency H53 twice"),
        ((agency("H53.1", parent="H53"),), (), "the parent H53 of H53.1 is not in the directory"),
        ((agency("H53", parent="H53"),), (), "H53 is its own parent, through H53"),
        (
            (agency("A1", parent="A2"), agency("A2", parent="A3"), agency("A3", parent="A2")),
            (),
            "A2 is its own parent, through A3",
        ),
        (
            (agency("H53", merged_into="H54"),),
            (),
            "the successor H54 of H53 is not in the directory",
        ),
        (
            (agency("H53", merged_into="H54"), agency("H54", merged_into="H53")),
            (),
            "H53 is its own successor, through H54",
        ),
        ((H53,), (alias("x", "H54"),), "the alias x names H54, which is not in the directory"),
        (
            (H53, H54),
            (alias("x", "H53"), alias("x", "H54")),
            "the code x names H5[34] and H5[34] at the same time",
        ),
        (
            (H53, H54),
            (
                alias("x", "H54", valid_from=date(2020, 9, 15)),
                alias("x", "H53", valid_to=date(2020, 9, 15)),
            ),
            "the code x names H5[34] and H5[34] at the same time",
        ),
        (
            (H53, H54),
            (alias("H54", "H53"),),
            "the code H54 names H5[34] and H5[34] at the same time",
        ),
        (
            (agency("H53", valid_from=date(2021, 1, 1), valid_to=date(2020, 1, 1)),),
            (),
            "the code H53 of H53 ends before it begins",
        ),
    ],
)
def test_an_inconsistent_directory_is_refused_and_the_entry_named(
    agencies: tuple[Agency, ...], aliases: tuple[AgencyAlias, ...], entry: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"(?i)E_DIRECTORY.*{entry}"):
        check(Directory(agencies=agencies, aliases=aliases))


ODD_CODES = [
    "",
    " H24.05",
    "H24.05 ",
    "H24 05",
    "H24.*",
    "H24.#",
    "../../x",
    "..",
    ".H24",
    "/etc",
    "H24/05",
    "H24\n",
    "H24\x00",
    "H24\x1b[31m",
    "Đ01",
    "\u041d24",  # a Cyrillic letter that looks like H
    "H24\u200b",
    "\ufeffH24",
    "H24\u202e",
    "H\uff12\uff14",  # full-width digits
    "H\u0662\u0664",  # Arabic digits
    "H24\udc80",  # a byte of the command line that is no UTF-8
    "H" * 65,
]


@pytest.mark.parametrize("code", ODD_CODES, ids=ascii)
def test_an_odd_code_is_no_agencys_own(code: str) -> None:
    with pytest.raises(ConfigurationError, match="E_DIRECTORY_CODE") as refused:
        own_code(code)

    told = refused.value.problem
    assert all(char.isprintable() for char in told.params["code"])
    assert told.place.field == "code"


@pytest.mark.parametrize("code", ["", " x", "x ", "x\u200b", "x\n", "a\u0301", "x" * 65], ids=ascii)
def test_an_alias_has_nothing_that_is_not_seen(code: str) -> None:
    with pytest.raises(ConfigurationError, match="E_DIRECTORY_ALIAS"):
        alias_of(AgencyCode("H53"), code)


@pytest.mark.parametrize("code", ["000.Đ1.H53", "Sở Y tế", "H53 13", "=cmd", "a/b"])
def test_an_alias_may_be_as_odd_as_real_directories_are(code: str) -> None:
    """Codes of other forms are whatever the directory says."""
    found = alias_of(AgencyCode("H53"), code)

    assert Routing(Directory(agencies=(H53,), aliases=(found,))).resolve(code, TODAY).agency == H53


@pytest.mark.parametrize(
    "name", ["", "  ", "a\u200bb", "a\x1b[31m", "a\u202eb", "x" * 501], ids=ascii
)
def test_a_name_has_nothing_that_is_not_seen(name: str) -> None:
    with pytest.raises(ConfigurationError, match="E_DIRECTORY_NAME"):
        clean_name(name, code="H53")


def test_a_name_is_kept_on_one_line_in_its_normal_form() -> None:
    assert clean_name(" So\u031b\u0309 \n Y te\u0302\u0301 ", code="H53") == "Sở Y tế"


def test_a_long_chain_of_parents_is_consistent() -> None:
    units = [agency(f"H53.{n}", parent=f"H53.{n + 1}") for n in range(2_000)]

    assert len(check(Directory(agencies=(*units, agency("H53.2000"))))) == 2_001


def test_an_added_agency_is_found_in_the_next_version_only() -> None:
    before = Directory(agencies=(H53,))

    after = add(before, agency("H53.13", parent="H53"), (alias("so-mau", "H53.13"),))

    assert (before.version, after.version) == (1, 2)
    assert Routing(after).resolve("so-mau", TODAY).agency.code == "H53.13"


def test_an_agency_is_not_added_twice() -> None:
    with pytest.raises(ConfigurationError, match="E_DIRECTORY"):
        add(Directory(agencies=(H53,)), H53)


def test_suspending_and_resuming_are_versions_of_their_own() -> None:
    before = Directory(agencies=(H53, H54))

    suspended = edit(before, "H53", {"suspended": True})
    resumed = edit(suspended, "H53", {"suspended": False})

    assert [agency.suspended for agency in suspended.agencies] == [True, False]
    assert (suspended.version, resumed.version) == (2, 3)
    assert resumed.agencies == before.agencies


def test_suspending_twice_changes_nothing() -> None:
    suspended = edit(Directory(agencies=(H53,)), "H53", {"suspended": True})

    assert edit(suspended, "H53", {"suspended": True}) is suspended


def test_an_unknown_agency_cannot_be_suspended() -> None:
    with pytest.raises(ConfigurationError, match=r"E_AGENCY_UNKNOWN.*H99"):
        edit(Directory(agencies=(H53,)), "H99", {"suspended": True})


def test_the_seed_holds_the_95_bodies_of_the_launch_all_connected() -> None:
    directory = seed_directory(SEED)

    kinds = [agency.kind for agency in directory.agencies]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        AgencyKind.PARTY: 1,
        AgencyKind.MINISTRY: 31,
        AgencyKind.PROVINCE: 63,
    }
    assert len(Routing(directory).mailboxes) == 95


def test_the_seed_keeps_how_sure_we_are_of_a_code() -> None:
    by_code = {str(agency.code): agency.confidence for agency in seed_directory(SEED).agencies}

    assert by_code["A00"] is Confidence.UNCERTAIN
    assert by_code["G29"] is Confidence.LIKELY
    assert by_code["H53"] is Confidence.CERTAIN


def test_every_body_of_the_seed_is_found_under_both_its_codes() -> None:
    routing = Routing(seed_directory(SEED))

    for row in csv.DictReader(SEED.splitlines()):
        by_own = routing.resolve(row["code"], TODAY)
        assert routing.resolve(row["code_qcvn102"], TODAY) == by_own
        assert by_own.agency.name_vi == row["name_vi"]


H10, H11 = agency("H10", connected=True), agency("H11", connected=True)
BOTH = Directory(agencies=(H10, H11), aliases=(alias("000.00.00.H10", "H10"),))
DAY = date(2025, 7, 1)


def test_a_merger_ends_one_agency_on_the_day_before() -> None:
    merged = retire(BOTH, "H10", into="H11", on=DAY)

    ended = merged.agencies[0]
    assert (merged.version, ended.valid_to, ended.merged_into) == (2, date(2025, 6, 30), "H11")
    assert merged.aliases == BOTH.aliases
    assert Routing(merged).resolve("000.00.00.H10", DAY).agency.code == "H11"


@pytest.mark.parametrize(
    ("directory", "code", "into", "refused"),
    [
        (BOTH, "H12", "H11", "E_AGENCY_UNKNOWN"),
        (BOTH, "H10", "H12", "E_AGENCY_UNKNOWN"),
        (BOTH, "H10", "H10", "E_DIRECTORY_SUCCESSOR_CIRCLE"),
        (retire(BOTH, "H11", into="H10", on=DAY), "H10", "H11", "E_AGENCY_SUCCESSOR"),
        (edit(BOTH, "H11", {"valid_from": date(2026, 1, 1)}), "H10", "H11", "E_AGENCY_SUCCESSOR"),
        (edit(BOTH, "H10", {"valid_from": date(2026, 1, 1)}), "H10", "H11", "E_DIRECTORY_PERIOD"),
    ],
)
def test_a_merger_that_cannot_be_is_refused(
    directory: Directory, code: str, into: str, refused: str
) -> None:
    with pytest.raises(ConfigurationError, match=refused):
        retire(directory, code, into=into, on=DAY)


def test_a_retirement_can_be_taken_back() -> None:
    retired = retire(BOTH, "H10", into=None, on=DAY)

    back = edit(retired, "H10", {"valid_to": None, "merged_into": None})

    assert (back.version, back.agencies) == (3, BOTH.agencies)


def test_an_edit_changes_values_and_aliases_as_one_version() -> None:
    edited = edit(
        BOTH,
        "H10",
        {"name_vi": "Tên mới", "parent": "H11"},
        also=[alias("x", "H10")],
        no_more=["000.00.00.H10"],
    )

    assert (edited.version, edited.agencies[0].name_vi) == (2, "Tên mới")
    assert [each.code for each in edited.aliases] == ["x"]
    assert edit(edited, "H10", {"name_vi": "Tên mới"}) is edited
    with pytest.raises(ConfigurationError, match="E_DIRECTORY_PARENT_CIRCLE"):
        edit(edited, "H11", {"parent": "H10"})


def test_what_others_refer_to_is_not_removed_alone() -> None:
    unit = add(BOTH, agency("H10.05", parent="H10"))

    with pytest.raises(ConfigurationError, match=r"E_AGENCY_IN_USE.*H10\.05"):
        remove(unit, ["H10"])
    left = remove(unit, ["H10", "H10.05"])

    assert (left.agencies, left.aliases) == ((H11,), ())


def test_entries_that_no_reader_takes_can_be_removed() -> None:
    """However they came there: the next version is consistent again."""
    wrong = BOTH.model_copy(update={"agencies": (*BOTH.agencies, agency("../x"), agency("H 1"))})

    with pytest.raises(ConfigurationError, match="E_DIRECTORY_CODE"):
        remove(wrong, ["../x"])

    assert remove(wrong, ["../x", "H 1"]).agencies == BOTH.agencies


def test_a_mailbox_that_would_vanish_is_named() -> None:
    assert unserved(BOTH, remove(BOTH, ["H10"])) == ("H10",)
    assert unserved(BOTH, edit(BOTH, "H10", {"connected": False})) == ("H10",)
    assert unserved(BOTH, retire(BOTH, "H10", into="H11", on=DAY)) == ()
