"""The invented traffic of the demonstration."""

import random
from collections import Counter
from datetime import date
from importlib.resources import files

import pytest

from bus.core.directory import seed_directory
from bus.core.identity import document_identity
from bus.core.receivers import route
from bus.core.reference import targets_of
from bus.core.routing import Routing
from bus.demo.bodies import ascii_name, bodies_of
from bus.demo.drop import ANSWERS, Drop, DropKind
from bus.demo.generator import plan
from bus.demo.outline import FIRST_MONTH_DELIVERIES, FIRST_MONTH_DOCUMENTS, outline
from bus.demo.samples import FilePool, SampleFile
from schemas.codes import BusinessType
from schemas.directory import Directory
from schemas.document import Document
from schemas.status import StatusReport

TODAY = date(2026, 3, 12)
DIRECTORY = seed_directory((files("schemas") / "seed" / "agencies.csv").read_text(encoding="utf-8"))
FILES = FilePool(
    [
        SampleFile(stem=f"Phụ lục {n}", pages=1, content=b"%d" % n, sha256=f"{n:064x}")
        for n in range(3)
    ]
)


def planned(directory: Directory = DIRECTORY, **changes: int) -> tuple[Drop, ...]:
    return plan(directory, FILES, **{"documents": 400, "seed": 7, **changes}, today=TODAY)


@pytest.fixture(scope="module")
def drops() -> tuple[Drop, ...]:
    return planned()


def documents(drops: tuple[Drop, ...]) -> list[tuple[Drop, Document]]:
    """The documents that are to arrive."""
    return [
        (drop, drop.message)
        for drop in drops
        if isinstance(drop.message, Document) and drop.recipients
    ]


def test_the_first_month_comes_out_to_the_last_delivery() -> None:
    sent = documents(planned(documents=FIRST_MONTH_DOCUMENTS, deliveries=FIRST_MONTH_DELIVERIES))

    assert len(sent) == 8_315
    assert sum(len(drop.recipients) for drop, _ in sent) == 19_296


@pytest.mark.parametrize("bodies", [2, 3, 7, 95])
@pytest.mark.parametrize("count", [1, 10, 250])
def test_any_number_of_documents_among_any_number_of_bodies_is_planned(
    bodies: int, count: int
) -> None:
    agencies = DIRECTORY.agencies[30 : 30 + bodies] if bodies < 95 else DIRECTORY.agencies
    few = Directory(agencies=agencies)

    assert len(documents(planned(few, documents=count))) == count


@pytest.mark.parametrize("deliveries", [99, 10_000])
def test_impossible_totals_are_refused(deliveries: int) -> None:
    with pytest.raises(ValueError, match="cannot make"):
        outline(random.Random(1), bodies=95, documents=100, deliveries=deliveries)


def test_one_body_alone_has_nobody_to_write_to() -> None:
    with pytest.raises(ValueError, match="two bodies"):
        planned(Directory(agencies=DIRECTORY.agencies[:1]))


def test_the_same_seed_plans_the_same_and_another_seed_another(drops: tuple[Drop, ...]) -> None:
    assert planned() == drops
    assert planned(seed=8) != drops


def test_every_kind_of_traffic_occurs(drops: tuple[Drop, ...]) -> None:
    assert {drop.kind for drop in drops} == set(DropKind)
    provinces = {body.code for body in bodies_of(DIRECTORY) if body.is_province}
    letters = [drop for drop in drops if drop.kind is DropKind.LETTER]
    directions = {
        (drop.sender in provinces, to in provinces) for drop in letters for to in drop.recipients
    }
    assert directions == {(False, True), (True, False), (False, False), (True, True)}


def test_every_flaw_occurs_and_names_its_refusal(drops: tuple[Drop, ...]) -> None:
    refused = {drop.flaw: drop.refusal for drop in drops if drop.refusal}

    assert refused == {flaw: code for flaw, code in ANSWERS.items() if code}


def test_file_names_are_unique_in_every_outbox(drops: tuple[Drop, ...]) -> None:
    names = Counter((drop.sender, drop.name) for drop in drops)

    assert set(names.values()) == {1}
    assert all(drop.name.isascii() for drop in drops)


def test_every_expected_recipient_is_the_one_that_the_directory_finds(
    drops: tuple[Drop, ...],
) -> None:
    routing = Routing(DIRECTORY)

    for drop, document in documents(drops):
        routed = route(routing, document.to_agencies, TODAY)
        assert tuple(recipient.agency for recipient in routed.recipients) == drop.recipients
        assert tuple(problem.code for problem in routed.problems) == drop.notices
        assert routed.warnings == ()


def test_no_two_documents_have_one_identity(drops: tuple[Drop, ...]) -> None:
    identities = [document_identity(document, drop.sender) for drop, document in documents(drops)]

    assert len(set(identities)) == len(identities)


def test_numbers_of_a_body_grow_with_time(drops: tuple[Drop, ...]) -> None:
    last: dict[tuple[str, int], tuple[int, date]] = {}
    for drop, document in documents(drops):
        if drop.wave == 0 and document.issued_on is not None:
            key = (drop.sender, document.issued_on.year)
            now = (int(document.number or 0), document.issued_on)
            before = last.get(key, (0, date.min))
            assert now[0] > before[0]
            assert now[1] >= before[1]
            last[key] = now


def test_a_document_about_another_comes_from_its_sender_to_the_same_receivers(
    drops: tuple[Drop, ...],
) -> None:
    letters = {document.document_id: drop for drop, document in documents(drops) if drop.wave == 0}
    about = [
        (drop, letters[target])
        for drop, document in documents(drops)
        for target in targets_of(document)
    ]

    assert {drop.kind for drop, _ in about} == {
        DropKind.RECALL,
        DropKind.UPDATE,
        DropKind.REPLACE,
    }
    for drop, target in about:
        assert (drop.sender, drop.recipients) == (target.sender, target.recipients)
        assert drop.wave > target.wave


def test_a_status_is_reported_by_a_party_of_an_earlier_document(drops: tuple[Drop, ...]) -> None:
    parties = {
        document.document_id: (drop.sender, drop.recipients)
        for drop, document in documents(drops)
        if document.bussiness.type is BusinessType.NEW
    }
    reports = [
        (drop, drop.message)
        for drop in drops
        if isinstance(drop.message, StatusReport) and drop.refusal is None
    ]

    assert {report.code for _, report in reports} >= {"02", "03", "04", "05", "06", "13", "15"}
    for drop, report in reports:
        sender, receivers = parties[report.document_id or ""]
        (addressee,) = drop.recipients
        from_sender = report.code == "13"
        assert (drop.sender if from_sender else addressee) == sender
        assert (addressee if from_sender else drop.sender) in receivers


def test_a_status_is_reported_once(drops: tuple[Drop, ...]) -> None:
    said = Counter(
        (drop.sender, drop.recipients, drop.message.document_id, drop.message.code)
        for drop in drops
        if isinstance(drop.message, StatusReport)
    )

    assert set(said.values()) == {1}


def test_every_document_has_its_files_in_the_pool(drops: tuple[Drop, ...]) -> None:
    for _, document in documents(drops):
        for attachment in document.attachments:
            assert len(FILES.open(attachment.sha256).read()) == attachment.size


def test_no_document_is_issued_on_a_weekend_or_tomorrow(drops: tuple[Drop, ...]) -> None:
    days = {document.issued_on for drop, document in documents(drops) if drop.wave == 0}

    assert all(day is not None and day <= TODAY and day.weekday() <= 4 for day in days)


@pytest.mark.parametrize(
    ("code", "abbreviation", "place"),
    [
        ("G12", "BTC", "Hà Nội"),
        ("G22", "VPCP", "Hà Nội"),
        ("G07", "BLĐTBXH", "Hà Nội"),
        ("G21", "UBDT", "Hà Nội"),
        ("H15", "UBND", "Đắk Lắk"),
        ("H26", "UBND", "thành phố Hà Nội"),
    ],
)
def test_a_body_abbreviates_its_name_as_in_notations(
    code: str, abbreviation: str, place: str
) -> None:
    (body,) = (body for body in bodies_of(DIRECTORY) if body.code == code)

    assert (body.abbreviation, body.place) == (abbreviation, place)


def test_a_number_becomes_a_plain_file_name() -> None:
    assert ascii_name("147/QĐ-UBND") == "147-QD-UBND"
