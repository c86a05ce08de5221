"""Which agency a code names, which mailbox serves it, and who may send as whom."""

from datetime import date
from unicodedata import normalize

import pytest

from bus.core.receivers import route
from bus.core.routing import Routing
from schemas.directory import Agency, AgencyAlias, Directory
from schemas.document import Organization
from schemas.identifiers import AgencyCode, CodeScheme, MailboxName
from schemas.problem import ConfigurationError, DocumentError

TODAY = date(2026, 3, 12)
PAST = date(2020, 9, 15)


def agency(code: str, **changes: object) -> Agency:
    return Agency.model_validate({"code": code, "name_vi": f"Cơ quan {code}", **changes})


def alias(code: str, of: str, **changes: object) -> AgencyAlias:
    fields = {"code": code, "scheme": CodeScheme.OPAQUE, "agency": of, **changes}
    return AgencyAlias.model_validate(fields)


def routing(*agencies: Agency, aliases: tuple[AgencyAlias, ...] = ()) -> Routing:
    return Routing(Directory(agencies=agencies, aliases=aliases))


def to(*codes: str) -> tuple[Organization, ...]:
    return tuple(Organization(organ_id=code) for code in codes)


PROVINCE = agency("H53", connected=True)
DEPARTMENT = agency("H53.13", parent="H53")
OFFICE = agency("H53.13.00.001", parent="H53.13")


@pytest.mark.parametrize(
    "code", ["H53.13.00.001", "001.00.13.H53"], ids=["decision-20", "qcvn-102"]
)
def test_a_code_and_its_conversion_name_the_same_agency(code: str) -> None:
    resolved = routing(PROVINCE, DEPARTMENT, OFFICE).resolve(code, TODAY)

    assert resolved.agency == OFFICE
    assert resolved.warnings == ()


def test_a_decision_20_code_finds_an_agency_that_is_listed_under_its_qcvn_code() -> None:
    assert routing(agency("000.00.13.H53")).resolve("H53.13", TODAY).agency.code == "000.00.13.H53"


def test_a_short_qcvn_code_is_converted() -> None:
    assert routing(agency("H17.22.28")).resolve("28.22.H17", TODAY).agency.code == "H17.22.28"


def test_the_alias_table_wins_over_the_conversion() -> None:
    renumbered = routing(
        DEPARTMENT.model_copy(update={"parent": None}),
        agency("H53.77"),
        aliases=(alias("000.00.13.H53", "H53.77"),),
    )

    assert renumbered.resolve("000.00.13.H53", TODAY).agency.code == "H53.77"


def test_one_code_names_different_agencies_at_different_times() -> None:
    reused = routing(
        agency("H53.77"),
        agency("H53.88"),
        aliases=(
            alias("ma-cu", "H53.88", valid_from=date(2020, 9, 16)),
            alias("ma-cu", "H53.77", valid_to=PAST),
        ),
    )

    assert reused.resolve("ma-cu", PAST).agency.code == "H53.77"
    assert reused.resolve("ma-cu", TODAY).agency.code == "H53.88"


def test_an_opaque_code_routes_only_because_the_directory_holds_it() -> None:
    opaque = routing(agency("000.1137.H53"))

    resolved = opaque.resolve("000.1137.H53", TODAY)

    assert [warned.code for warned in resolved.warnings] == ["W_CODE_SHAPE"]
    with pytest.raises(DocumentError, match="E_UNKNOWN_RECEIVER"):
        opaque.resolve("000.1138.H53", TODAY)


def test_a_well_shaped_code_that_the_directory_lacks_is_unknown() -> None:
    with pytest.raises(DocumentError, match=r"E_UNKNOWN_RECEIVER.*H54"):
        routing(PROVINCE).resolve("H54", TODAY)


def test_a_code_that_is_not_yet_valid_is_unknown() -> None:
    with pytest.raises(DocumentError, match="E_UNKNOWN_RECEIVER"):
        routing(agency("H64", valid_from=date(2026, 7, 1))).resolve("H64", TODAY)


def test_an_expired_agency_leads_through_all_its_successors() -> None:
    merged = routing(
        agency("G05", valid_to=PAST, merged_into="G12"),
        agency("G12", valid_to=PAST, merged_into="G37"),
        agency("G37"),
    )

    resolved = merged.resolve("G05", TODAY)

    assert resolved.agency.code == "G37"
    assert [str(warned) for warned in resolved.warnings] == [
        "W_CODE_EXPIRED: The code G05 has expired; delivered to G37."
    ]


def test_an_expired_alias_of_a_living_agency_still_leads_to_it() -> None:
    moved = routing(PROVINCE, aliases=(alias("001", "H53", valid_to=PAST),))

    resolved = moved.resolve("001", TODAY)

    assert resolved.agency == PROVINCE
    assert [warned.code for warned in resolved.warnings] == ["W_CODE_SHAPE", "W_CODE_EXPIRED"]


def test_a_code_is_valid_on_its_last_day() -> None:
    assert routing(agency("G05", valid_to=TODAY)).resolve("G05", TODAY).warnings == ()


def test_an_expired_code_without_successor_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"E_RECEIVER_EXPIRED.*G05 expired on 2020-09-15"):
        routing(agency("G05", valid_to=PAST)).resolve("G05", TODAY)


def test_the_nearest_connected_ancestor_serves_an_agency() -> None:
    connected = agency("H53.13", parent="H53", connected=True)
    table = routing(PROVINCE, connected, OFFICE)

    assert table.mailbox_of(AgencyCode("H53"), TODAY) == "H53"
    assert table.mailbox_of(AgencyCode("H53.13.00.001"), TODAY) == "H53.13"
    assert table.mailboxes == ("H53", "H53.13")


def test_a_receiver_without_any_connected_ancestor_is_refused() -> None:
    routed = route(routing(agency("H54"), agency("H54.01", parent="H54")), to("H54.01"), TODAY)

    assert [problem.code for problem in routed.problems] == ["E_RECEIVER_UNCONNECTED"]
    assert routed.recipients == ()


def test_a_mailbox_is_asked_for_by_the_agencys_own_code() -> None:
    with pytest.raises(DocumentError, match="E_UNKNOWN_RECEIVER"):
        routing(PROVINCE).mailbox_of(AgencyCode("000.00.00.H53"), TODAY)


def test_a_single_receiver_is_addressed_by_the_same_rules() -> None:
    table = routing(PROVINCE, DEPARTMENT.model_copy(update={"suspended": True}))

    assert table.recipient("000.00.00.H53", TODAY).mailbox == "H53"
    with pytest.raises(DocumentError, match="E_RECEIVER_SUSPENDED"):
        table.recipient("H53.13", TODAY)


def test_a_listing_shows_who_is_served_by_nobody() -> None:
    table = routing(PROVINCE, agency("H54"))

    codes = ("H53", "H54", "H99")
    assert [table.mailbox_or_none(AgencyCode(code), TODAY) for code in codes] == ["H53", None, None]


def test_a_bad_receiver_is_refused_and_the_others_are_served() -> None:
    routed = route(routing(PROVINCE, DEPARTMENT), to("H53", "H99", "H53.13"), TODAY)

    assert [(r.agency, r.mailbox) for r in routed.recipients] == [
        ("H53", "H53"),
        ("H53.13", "H53"),
    ]
    assert [(p.code, p.place.field) for p in routed.problems] == [
        ("E_UNKNOWN_RECEIVER", "to_agencies.1.organ_id")
    ]


def test_a_recipient_keeps_the_code_it_was_addressed_by() -> None:
    (recipient,) = route(routing(PROVINCE), to("000.00.00.H53"), TODAY).recipients

    assert (recipient.agency, recipient.named) == ("H53", "000.00.00.H53")


def test_a_receiver_named_under_two_of_its_codes_is_served_once() -> None:
    routed = route(routing(PROVINCE), to("H53", "000.00.00.H53"), TODAY)

    assert [recipient.named for recipient in routed.recipients] == [None]
    assert [(w.code, w.place.field) for w in routed.warnings] == [
        ("W_DUPLICATE_RECEIVER", "to_agencies.1.organ_id")
    ]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (None, []),
        ("Bộ  Y tế", []),
        ("BỘ Y TẾ", []),
        (normalize("NFD", "Bộ Y tế"), []),
        ("Ministry of Health", []),
        ("Bộ Y", ["W_NAME_MISMATCH"]),
    ],
    ids=["absent", "blanks", "case", "decomposed", "english", "another"],
)
def test_a_name_is_compared_but_never_routes(named: str | None, expected: list[str]) -> None:
    health = agency("G18", name_vi="Bộ Y tế", name_en="Ministry of Health", connected=True)

    routed = route(routing(health), (Organization(organ_id="G18", name=named),), TODAY)

    assert [recipient.agency for recipient in routed.recipients] == ["G18"]
    assert [warned.code for warned in routed.warnings] == expected


@pytest.mark.parametrize("suspended", ["H53", "H53.13"])
def test_who_is_suspended_or_served_by_a_suspended_system_takes_no_part(suspended: str) -> None:
    province = PROVINCE.model_copy(update={"suspended": suspended == "H53"})
    department = DEPARTMENT.model_copy(update={"suspended": suspended == "H53.13"})
    table = routing(province, department)

    routed = route(table, to("H53.13"), TODAY)

    assert [problem.code for problem in routed.problems] == ["E_RECEIVER_SUSPENDED"]
    with pytest.raises(DocumentError, match="E_SENDER_SUSPENDED"):
        table.may_send(MailboxName("H53"), "H53.13", TODAY)


@pytest.mark.parametrize("code", ["H53", "000.00.00.H53", "H53.13", "H53.13.00.001"])
def test_a_system_sends_as_itself_and_as_whom_it_serves(code: str) -> None:
    served = routing(PROVINCE, DEPARTMENT, OFFICE)

    assert served.may_send(MailboxName("H53"), code, TODAY).agency.code.startswith("H53")


@pytest.mark.parametrize(
    "code", ["G01", "H53.13", "H54.01", "H99"], ids=["stranger", "own-system", "none", "unknown"]
)
def test_a_system_may_not_send_as_anybody_else(code: str) -> None:
    table = routing(
        PROVINCE,
        agency("H53.13", parent="H53", connected=True),
        agency("H54.01"),
        agency("G01", connected=True),
    )

    with pytest.raises(DocumentError, match=f"E_SENDER_UNKNOWN.*{code}.*H53"):
        table.may_send(MailboxName("H53"), code, TODAY)


LAST_DAY, AFTER = date(2025, 6, 30), date(2025, 7, 1)
MERGED = (
    agency("H10", connected=True, valid_to=LAST_DAY, merged_into="H11"),
    agency("H11", connected=True),
    agency("H10.05", parent="H10"),
)


def test_a_merged_agency_and_its_units_are_served_by_the_successor_from_the_day_on() -> None:
    table = routing(*MERGED)

    on_the_last_day, after = (
        [table.recipient(code, day).mailbox for code in ("H10", "H10.05", "000.00.05.H10")]
        for day in (LAST_DAY, AFTER)
    )

    assert (on_the_last_day, after) == (["H10", "H10", "H10"], ["H11", "H11", "H11"])
    assert [w.code for w in table.resolve("H10", AFTER).warnings] == ["W_CODE_EXPIRED"]
    assert table.recipient("H10.05", AFTER).agency == "H10.05"


def test_a_merged_agency_sends_nothing_new_but_answers_what_it_was_sent() -> None:
    table, old, new = routing(*MERGED), MailboxName("H10"), MailboxName("H11")

    assert table.may_send(old, "H10", LAST_DAY).agency.code == "H10"
    with pytest.raises(DocumentError, match="E_SENDER_UNKNOWN"):
        table.may_send(old, "H10", AFTER)
    assert table.may_report(old, "H10", AFTER).agency.code == "H10"
    assert table.may_send(new, "H10", AFTER).agency.code == "H11"
    assert table.may_report(new, "H10", AFTER).agency.code == "H11"
    with pytest.raises(DocumentError, match="E_SENDER_UNKNOWN"):
        table.may_report(MailboxName("H12"), "H10", AFTER)


def test_a_merged_agency_that_is_suspended_answers_nothing() -> None:
    suspended = MERGED[0].model_copy(update={"suspended": True})

    with pytest.raises(DocumentError, match="E_SENDER_SUSPENDED"):
        routing(suspended, *MERGED[1:]).may_report(MailboxName("H10"), "H10", AFTER)


def test_what_lies_in_either_mailbox_is_for_the_merged_agency() -> None:
    table = routing(*MERGED)

    assert table.serve(AgencyCode("H10"), LAST_DAY) == {"H10"}
    assert table.serve(AgencyCode("H10"), AFTER) == {"H10", "H11"}
    assert table.serve(AgencyCode("H10.05"), AFTER) == {"H10", "H11"}
    assert table.serve(AgencyCode("H99"), AFTER) == set()


def test_a_successor_below_the_one_it_succeeds_leads_round_no_circle() -> None:
    table = routing(
        agency("H10", connected=True, valid_to=LAST_DAY, merged_into="H10.05"),
        agency("H10.05", parent="H10"),
    )

    routed = route(table, to("H10", "H10.05"), AFTER)

    assert [problem.code for problem in routed.problems] == ["E_RECEIVER_UNCONNECTED"] * 2


def test_an_agency_that_was_taken_out_owns_no_mailbox() -> None:
    with pytest.raises(ConfigurationError, match="E_AGENCY_UNKNOWN"):
        routing(*MERGED).owner_of(MailboxName("H99"))


def test_a_successor_acts_for_the_merged_agency_which_acts_for_nobody_but_itself() -> None:
    table = routing(*MERGED)
    old, new, unit = AgencyCode("H10"), AgencyCode("H11"), AgencyCode("H10.05")

    assert table.acts_for(new, old, AFTER)
    assert table.acts_for(old, old, AFTER)
    assert table.acts_for(old, unit, AFTER)
    assert not table.acts_for(old, new, AFTER)
    assert not table.acts_for(new, old, LAST_DAY)
