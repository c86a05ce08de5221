"""What makes a directory consistent, and how it changes."""

import csv
from datetime import date
from importlib.resources import files

import pytest

from bus.core.directory import add, check, resume, seed_directory, suspend
from bus.core.routing import Routing
from schemas.directory import Agency, AgencyAlias, AgencyKind, Confidence, Directory
from schemas.identifiers import CodeScheme
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
        ((H53, agency("H53", name_vi="Khác")), (), "the agency H53 stands there twice"),
        ((agency("H53.1", parent="H53"),), (), "the parent H53 of H53.1 is unknown"),
        ((agency("H53", parent="H53"),), (), "H53 is its own parent, by way of H53"),
        (
            (agency("A1", parent="A2"), agency("A2", parent="A3"), agency("A3", parent="A2")),
            (),
            "A2 is its own parent, by way of A3",
        ),
        ((agency("H53", merged_into="H54"),), (), "the successor H54 of H53 is unknown"),
        (
            (agency("H53", merged_into="H54"), agency("H54", merged_into="H53")),
            (),
            "H53 is its own successor, by way of H54",
        ),
        ((H53,), (alias("x", "H54"),), "the alias x names the unknown agency H54"),
        (
            (H53, H54),
            (alias("x", "H53"), alias("x", "H54")),
            "the code x names H53 and H54 at the same time",
        ),
        (
            (H53, H54),
            (
                alias("x", "H54", valid_from=date(2020, 9, 15)),
                alias("x", "H53", valid_to=date(2020, 9, 15)),
            ),
            "the code x names H53 and H54 at the same time",
        ),
        (
            (H53, H54),
            (alias("H54", "H53"),),
            "the code H54 names H54 and H53 at the same time",
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
    with pytest.raises(ConfigurationError, match=f"E_DIRECTORY.*{entry}"):
        check(Directory(agencies=agencies, aliases=aliases))


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

    suspended = suspend(before, "H53")
    resumed = resume(suspended, "H53")

    assert [agency.suspended for agency in suspended.agencies] == [True, False]
    assert (suspended.version, resumed.version) == (2, 3)
    assert resumed.agencies == before.agencies


def test_suspending_twice_changes_nothing() -> None:
    suspended = suspend(Directory(agencies=(H53,)), "H53")

    assert suspend(suspended, "H53") is suspended


def test_an_unknown_agency_cannot_be_suspended() -> None:
    with pytest.raises(ConfigurationError, match=r"E_AGENCY_UNKNOWN.*H99"):
        suspend(Directory(agencies=(H53,)), "H99")


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
