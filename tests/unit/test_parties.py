"""Who may report on a document, and who may recall it; whose document is meant."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from bus.core.identity import document_identity
from bus.core.parties import Judged, Viewpoint, judge_document, judge_report, judge_reuse
from bus.core.record import DocumentRecord, record_of
from bus.core.routing import Routing
from schemas.codes import BusinessType
from schemas.directory import Agency, Directory
from schemas.document import Bussiness, Document, Replacement
from schemas.identifiers import AgencyCode, EnvelopeId
from schemas.problem import DocumentError, Language
from schemas.status import StatusReport
from tests.support.envelopes import NOW, RECIPIENT, SENDER, a_document, a_report, an_envelope

STRANGER = AgencyCode("H97")
MOMENT: datetime = NOW
DAY = date(2026, 3, 12)


def agency(code: str, **changes: object) -> Agency:
    return Agency.model_validate(
        {"code": code, "name_vi": f"Cơ quan {code}", "connected": True} | changes
    )


ROUTING = Routing(
    Directory(
        agencies=(
            agency(SENDER),
            agency(RECIPIENT),
            agency(STRANGER),
            agency(f"{RECIPIENT}.05", parent=RECIPIENT, connected=False),
            agency(f"{SENDER}.05", parent=SENDER, connected=False),
            agency("H10", valid_to=date(2025, 7, 1), merged_into="H11"),
            agency("H11"),
        )
    )
)
UNIT, OWN_UNIT = AgencyCode(f"{RECIPIENT}.05"), AgencyCode(f"{SENDER}.05")
OLD, NEW = AgencyCode("H10"), AgencyCode("H11")
THERE = Viewpoint(routing=ROUTING, on=DAY, held_by=(RECIPIENT,))
HERE = Viewpoint(routing=ROUTING, on=DAY)


def recorded(document: Document | None = None, **changes: object) -> DocumentRecord:
    document = document or a_document()
    record = record_of(an_envelope(document), document, now=MOMENT)
    return replace(record, **changes)  # type: ignore[arg-type]


KNOWN = (recorded(),)
ID, UUID = a_document().document_id, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
LOCAL = a_document(document_id="15")
UUID_RECALL = a_document(
    document_id=UUID, bussiness=Bussiness(type=BusinessType.RECALL, target_document_id=ID)
)
KNOWN_LOCAL = (recorded(LOCAL),)


def reported(
    report: StatusReport,
    *,
    sender: AgencyCode = RECIPIENT,
    addressee: AgencyCode = SENDER,
    known: tuple[DocumentRecord, ...] = KNOWN,
) -> list[str]:
    judged = judge_report(report, sender=sender, addressee=addressee, known=known, at=HERE)
    return codes(judged)


def codes(judged: Judged) -> list[str]:
    return [warned.code for warned in judged.warnings]


def about(kind: BusinessType, target: str, **changes: object) -> Document:
    """A recall, update or replacement of H97, unless that is changed."""
    block = (
        Bussiness(type=kind, replacements=(Replacement(document_id=target),))
        if kind is BusinessType.REPLACE
        else Bussiness(type=kind, target_document_id=target)
    )
    return a_document(**{"document_id": "mine", "bussiness": block, **changes})


# --- statuses -----------------------------------------------------------------------------------


def test_a_receiver_reports_to_the_sender() -> None:
    """Nothing is to be warned of."""
    assert reported(a_report()) == []


def test_a_stranger_may_not_report_on_a_known_document() -> None:
    """It is no party."""
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(a_report(), sender=STRANGER)


@pytest.mark.parametrize(
    "written",
    [
        ID.lower(),
        f" {ID} ",
        ID.replace("/UBND", "/UB\u200bND"),
        ID.replace("H98", "\u041d98"),
        ID.replace("000.00.00.", ""),
        ID.replace("147", "１４７"),
        ID.replace("2026/03/12", "12-03-2026"),
    ],
)
def test_a_stranger_may_not_either_when_the_reference_is_a_little_off(written: str) -> None:
    """References are compared in one form; a receiver may write it in any."""
    assert reported(a_report(document_id=written)) == []
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(a_report(document_id=written), sender=STRANGER)


@pytest.mark.parametrize("code", ["147/ubnd-vp", "147 / UBND-VP", "0147/UBND\u200b-VP"])
def test_a_number_is_compared_in_the_same_way(code: str) -> None:
    """A stranger is refused, a receiver matched."""
    report = a_report(document_id=None, document_code=code)

    assert reported(report) == ["W_MATCH_BY_NUMBER"]
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(report, sender=STRANGER)


@pytest.mark.parametrize(
    "report",
    [
        a_report(document_id=ID.replace("2026", "2025")),
        a_report(document_id=None, document_code="147"),
        a_report(document_id=None, issued_on=date(2025, 3, 12)),
        a_report(document_id=None, document_code=None),
        a_report(document_id="147/UBND-VP"),
    ],
)
def test_what_cannot_be_tied_to_a_delivery_is_marked(report: StatusReport) -> None:
    """Another year, the number alone, nothing: handed over, with whose document is meant."""
    found = tuple(r for r in KNOWN if report.document_id in {None, r.document_id})
    judged = judge_report(report, sender=STRANGER, addressee=SENDER, known=found, at=HERE)

    assert codes(judged) == ["W_STATUS_TARGET_UNKNOWN"]
    assert [(each.owner, each.held) for each in judged.about] == [(SENDER, False)]


def test_an_id_whose_number_contradicts_is_marked() -> None:
    """Which of the two is meant is not ours to choose."""
    assert reported(a_report(document_code="9/TB-VP")) == ["W_STATUS_TARGET_UNKNOWN"]


def test_nobody_reports_to_an_agency_that_did_not_send_the_document() -> None:
    """The status would be about somebody else's document."""
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(a_report(), addressee=STRANGER)


def test_the_number_of_another_agency_proves_nothing() -> None:
    """Every agency has its 147 of the year."""
    report = a_report(document_id=None)

    assert reported(report, sender=SENDER, addressee=STRANGER) == ["W_STATUS_TARGET_UNKNOWN"]


def test_the_local_id_of_another_agency_proves_nothing() -> None:
    """Many systems count their documents 1, 2, 3."""
    report = a_report(document_id="15", document_code="9/TB-VP")

    assert reported(report, addressee=STRANGER, known=KNOWN_LOCAL) == ["W_STATUS_TARGET_UNKNOWN"]


def test_a_local_id_with_the_same_number_is_the_same_document() -> None:
    """The receiver reports on it, nobody else does."""
    assert reported(a_report(document_id="15"), known=KNOWN_LOCAL) == []
    assert reported(a_report(document_id="15", document_code=None), known=KNOWN_LOCAL) == []
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(a_report(document_id="15"), addressee=STRANGER, known=KNOWN_LOCAL)


def test_only_the_sender_takes_a_document_back() -> None:
    """Status 13 comes from the other side."""
    taken_back = a_report(code="13")

    assert reported(taken_back, sender=SENDER, addressee=RECIPIENT) == []
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(taken_back)


@pytest.mark.parametrize("known", [KNOWN, ()])
def test_nobody_takes_back_what_names_another_agency(known: tuple[DocumentRecord, ...]) -> None:
    """Whether it is known or not: the id says whose it is."""
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(a_report(code="13"), sender=STRANGER, addressee=RECIPIENT, known=known)


def test_taking_back_under_an_id_that_two_share_says_whose_is_meant() -> None:
    """A UUID that another agency uses as well."""
    known = tuple(recorded(a_document(document_id=UUID), sender=who) for who in (SENDER, STRANGER))

    judged = judge_report(
        a_report(code="13", document_id=UUID),
        sender=STRANGER,
        addressee=RECIPIENT,
        known=known,
        at=THERE,
    )

    assert codes(judged) == ["W_ID_SHARED"]
    assert [(each.owner, each.held) for each in judged.about] == [(STRANGER, True)]


def test_a_status_on_an_unknown_document_passes_with_a_warning() -> None:
    """Decision record 0005."""
    assert reported(a_report(), sender=STRANGER, known=()) == ["W_STATUS_TARGET_UNKNOWN"]


@pytest.mark.parametrize("kind", [BusinessType.RECALL, BusinessType.UPDATE])
@pytest.mark.parametrize("known", [(), (recorded(recipients=(STRANGER,)),)])
def test_who_receives_a_recall_or_update_answers_it(
    kind: BusinessType, known: tuple[DocumentRecord, ...]
) -> None:
    """Also under an id of its own, and where the document itself went to somebody else."""
    assert reported(a_report(), known=(*known, recorded(type=kind))) == []
    assert reported(a_report(document_id=UUID), known=(recorded(UUID_RECALL),)) == []


def test_a_recall_gives_nobody_a_document_to_take_back() -> None:
    """A recall bears the id of its target, and makes no document."""
    recall = (recorded(type=BusinessType.RECALL),)

    assert reported(a_report(code="13"), sender=SENDER, addressee=RECIPIENT, known=recall) == [
        "W_STATUS_TARGET_UNKNOWN"
    ]
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(a_report(), sender=STRANGER, known=(*KNOWN, *recall))


def test_a_hub_reports_for_its_units_but_no_unit_for_another() -> None:
    """The document went to G98.05; G98 stands above it, H98.05 does not."""
    known = (recorded(recipients=(UNIT,)),)

    assert reported(a_report(), known=known) == []
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        reported(a_report(), sender=OWN_UNIT, known=known)


def test_a_successor_reports_on_what_went_to_its_predecessor() -> None:
    """And the status goes to the successor of the sender."""
    assert reported(a_report(), sender=NEW, known=(recorded(recipients=(OLD,)),)) == []
    assert (
        reported(
            a_report(document_id=UUID),
            addressee=NEW,
            known=(recorded(a_document(document_id=UUID), sender=OLD),),
        )
        == []
    )


def test_a_co_recipient_reports_for_itself_only_on_what_it_received() -> None:
    """Of two documents with one local id it holds one."""
    mine = recorded(LOCAL, recipients=(STRANGER, RECIPIENT))
    other = recorded(a_document(document_id="15", number="9"), recipients=(RECIPIENT,))

    def told(number: str) -> list[str]:
        report = a_report(document_id="15", document_code=f"{number}/UBND-VP")
        return reported(report, sender=STRANGER, known=(mine, other))

    assert told("147") == []
    assert told("9") == ["W_STATUS_TARGET_UNKNOWN"]


# --- recalls, updates, replacements -------------------------------------------------------------

KINDS = (BusinessType.RECALL, BusinessType.UPDATE, BusinessType.REPLACE)


def judged(
    document: Document,
    *,
    sender: AgencyCode = STRANGER,
    known: tuple[DocumentRecord, ...] = KNOWN,
    at: Viewpoint = THERE,
) -> Judged:
    return judge_document(document, sender=sender, known=known, at=at)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_owner_recalls_updates_or_replaces(kind: BusinessType) -> None:
    """What the recipient is told names the owner and the number of the document it holds."""
    own = judged(about(kind, ID), sender=SENDER)

    assert own.warnings == ()
    assert own.about[0].model_dump(exclude_none=True) == {
        "document_id": ID,
        "owner": SENDER,
        "owner_name": "Cơ quan H98",
        "number": "147/UBND-VP",
        "year": 2026,
        "held": True,
    }
    assert own.about[0].text(Language.VIETNAMESE) == (
        f"Nói về văn bản của Cơ quan H98 (H98): 147/UBND-VP, {ID}."
    )
    for at in (HERE, THERE):
        with pytest.raises(DocumentError, match="E_NOT_OWNER"):
            judged(about(kind, ID), at=at)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", [ID, ID.lower(), ID.replace("H98", "\u041d98"), f"\u200b{ID}"])
def test_an_id_that_names_another_agency_is_refused_though_nobody_knows_the_document(
    kind: BusinessType, target: str
) -> None:
    """Nor does it help to have sent a document under that id."""
    forged = (recorded(sender=STRANGER),)

    for known in ((), forged):
        with pytest.raises(DocumentError, match="E_NOT_OWNER"):
            judged(about(kind, target), known=known)


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_sent_to_others_is_not_the_one_that_this_recipient_holds(
    kind: BusinessType,
) -> None:
    """H97 sent something under a UUID of H98's to an accomplice, and recalls it from G98."""
    theirs = recorded(a_document(document_id=UUID))
    forged = recorded(a_document(document_id=UUID), sender=STRANGER, recipients=(NEW,))

    with pytest.raises(DocumentError, match="E_NOT_OWNER"):
        judged(about(kind, UUID), known=(theirs, forged))
    assert codes(judged(about(kind, UUID), known=(forged,))) == ["W_TARGET_NOT_HELD"]


@pytest.mark.parametrize("kind", KINDS)
def test_under_an_id_that_two_share_only_the_senders_document_is_meant(kind: BusinessType) -> None:
    """The recipient holds both, and is told which."""
    both = [recorded(a_document(document_id=UUID), sender=who) for who in (SENDER, STRANGER)]

    found = judged(about(kind, UUID), known=tuple(both))

    assert codes(found) == ["W_ID_SHARED"]
    assert found.warnings[0].params["other"] == SENDER
    assert [(each.owner, each.held) for each in found.about] == [(STRANGER, True)]


@pytest.mark.parametrize("kind", [BusinessType.RECALL, BusinessType.UPDATE])
def test_a_recall_that_was_sent_before_makes_nobody_an_owner(kind: BusinessType) -> None:
    """Recalls are recorded under the id of their target, and count for nothing."""
    before = recorded(a_document(document_id=UUID), sender=STRANGER, type=kind)
    theirs = recorded(a_document(document_id=UUID))

    assert codes(judged(about(kind, UUID), known=(before,))) == ["W_TARGET_UNKNOWN"]
    with pytest.raises(DocumentError, match="E_NOT_OWNER"):
        judged(about(kind, UUID), known=(before, theirs))


@pytest.mark.parametrize("own_id", [ID, UUID])
def test_a_recall_of_ones_own_document_that_bears_anothers_id_is_refused(own_id: str) -> None:
    """A system that reads the header's id would withdraw the other's."""
    mine = recorded(a_document(document_id="mine-1"), sender=STRANGER)
    theirs = recorded(a_document(document_id=own_id))
    recall = about(BusinessType.RECALL, "mine-1", document_id=own_id)

    with pytest.raises(DocumentError, match="E_NOT_OWNER"):
        judged(recall, known=(mine, theirs))


def test_the_local_id_of_another_agency_is_nobodys_proof() -> None:
    """H97 recalls its own 15; that H98 has one is no reason to refuse, unless the number agrees."""
    other = about(BusinessType.RECALL, "15", document_id="15", number="9")
    same = about(BusinessType.RECALL, "15", document_id="15")
    replaced = about(BusinessType.REPLACE, "15")

    assert codes(judged(other, known=KNOWN_LOCAL)) == ["W_TARGET_UNKNOWN"]
    assert codes(judged(replaced, known=KNOWN_LOCAL)) == ["W_TARGET_UNKNOWN"]
    with pytest.raises(DocumentError, match="E_NOT_OWNER"):
        judged(same, known=KNOWN_LOCAL)


def test_an_unknown_document_is_told_to_be_the_senders() -> None:
    """Decision record 0005: it passes, and the recipient sees why it should look."""
    found = judged(about(BusinessType.RECALL, UUID), known=())

    assert codes(found) == ["W_TARGET_UNKNOWN"]
    assert [(each.owner, each.held) for each in found.about] == [(STRANGER, False)]


def test_the_number_of_a_recall_with_an_id_of_its_own_is_not_that_of_its_target() -> None:
    """What the recipient reads of the target holds nothing of the recall."""
    other_id = about(BusinessType.RECALL, UUID)
    same_id = other_id.model_copy(update={"document_id": UUID})

    assert [each.number for each in judged(same_id, known=()).about] == ["147/UBND-VP"]
    assert [each.number for each in judged(other_id, known=()).about] == [None]


def test_a_hub_recalls_for_its_units_and_a_successor_for_its_predecessor() -> None:
    """A unit does not recall what its hub sent."""
    recall = about(BusinessType.RECALL, UUID)
    document = a_document(document_id=UUID)

    assert codes(judged(recall, sender=SENDER, known=(recorded(document, sender=OWN_UNIT),))) == []
    assert codes(judged(recall, sender=NEW, known=(recorded(document, sender=OLD),))) == []
    with pytest.raises(DocumentError, match="E_NOT_OWNER"):
        judged(recall, sender=OWN_UNIT, known=(recorded(document),))


def test_ids_of_ones_own_system_are_ones_own() -> None:
    """A unit whose system writes the hub's code, and a successor with the old code."""
    old_id = "000.00.00.H10,2025/01/02,1/UBND"

    assert codes(judged(about(BusinessType.RECALL, ID), sender=OWN_UNIT, known=())) == [
        "W_TARGET_UNKNOWN"
    ]
    assert codes(judged(a_document(document_id=old_id), sender=NEW, known=())) == []


# --- new documents ------------------------------------------------------------------------------


def test_a_new_document_under_another_agencys_id_is_refused() -> None:
    """At the sender's and at the recipient's, where the other's document is known."""
    for at in (HERE, THERE):
        with pytest.raises(DocumentError, match="E_ID_OF_OTHER"):
            judged(a_document(), at=at)


def test_a_new_document_whose_id_names_another_agency_is_marked() -> None:
    """No document of the other is known under it: an id is an opaque text."""
    found = judged(a_document(), known=())

    assert codes(found) == ["W_ID_OF_OTHER"]
    assert found.warnings[0].params == {"document_id": ID, "owner": STRANGER, "other": SENDER}


def test_a_new_document_with_an_id_that_another_uses_says_so() -> None:
    """A UUID that another agency uses; a short count is nobody's."""
    document = a_document(document_id=UUID)

    assert codes(judged(document, known=(recorded(document),))) == ["W_ID_SHARED"]
    assert codes(judged(a_document(document_id="15", number="9"), known=KNOWN_LOCAL)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"number": "148"}, ["W_ID_REUSED"]),
        ({"document_id": "another"}, ["W_NUMBER_REUSED"]),
        ({"document_id": "another", "number": "148"}, []),
        ({"document_id": ID.lower(), "number": "148"}, ["W_ID_REUSED"]),
    ],
)
def test_a_sender_that_uses_an_id_or_number_again_is_warned(
    change: dict[str, object], expected: list[str]
) -> None:
    """In whichever form it is written."""
    document = a_document(**change)

    warned = judge_reuse(
        document, sender=SENDER, identity=document_identity(document, SENDER), known=KNOWN
    )

    assert [warning.code for warning in warned] == expected


def test_a_recall_bears_the_id_of_its_target_without_a_warning() -> None:
    """That is what a recall does."""
    recall = about(BusinessType.RECALL, ID, document_id=ID)
    identity = document_identity(recall, SENDER)

    assert judge_reuse(recall, sender=SENDER, identity=identity, known=KNOWN) == ()


def test_a_record_of_an_older_version_counts_as_a_document() -> None:
    """What it did was not recorded then."""
    assert replace(KNOWN[0], type=None, envelope_id=EnvelopeId("e")).makes_a_document
