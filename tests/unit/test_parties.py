"""Who may report on a document, and who may recall it."""

from datetime import datetime

import pytest

from bus.core.identity import document_identity
from bus.core.parties import judge_report, judge_reuse, judge_targets
from bus.core.record import record_of
from schemas.codes import BusinessType
from schemas.document import Bussiness, Replacement
from schemas.identifiers import AgencyCode
from schemas.problem import DocumentError
from tests.envelopes import NOW, RECIPIENT, SENDER, a_document, a_report, an_envelope

STRANGER = AgencyCode("H97")
MOMENT: datetime = NOW
KNOWN = (record_of(an_envelope(), a_document(), now=MOMENT),)


def test_a_receiver_reports_to_the_sender() -> None:
    assert judge_report(a_report(), sender=RECIPIENT, addressee=SENDER, known=KNOWN) == ()


def test_a_stranger_may_not_report_on_a_known_document() -> None:
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        judge_report(a_report(), sender=STRANGER, addressee=SENDER, known=KNOWN)


def test_nobody_reports_to_an_agency_that_did_not_send_the_document() -> None:
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        judge_report(a_report(), sender=RECIPIENT, addressee=STRANGER, known=KNOWN)


LOCAL = a_document(document_id="15")
KNOWN_LOCAL = (record_of(an_envelope(LOCAL), LOCAL, now=MOMENT),)


def test_the_local_id_of_another_agency_proves_nothing() -> None:
    report = a_report(document_id="15", document_code="9/TB-VP")
    recall = a_document(document_id="15", number="9", bussiness=Bussiness(type=BusinessType.RECALL))

    reported = judge_report(report, sender=RECIPIENT, addressee=STRANGER, known=KNOWN_LOCAL)
    recalled = judge_targets(recall, sender=STRANGER, known=KNOWN_LOCAL)

    assert [w.code for w in (*reported, *recalled)] == [
        "W_STATUS_TARGET_UNKNOWN",
        "W_TARGET_UNKNOWN",
    ]


def test_a_local_id_with_the_same_number_is_the_same_document() -> None:
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        judge_report(
            a_report(document_id="15"), sender=RECIPIENT, addressee=STRANGER, known=KNOWN_LOCAL
        )


def test_only_the_sender_takes_a_document_back() -> None:
    taken_back = a_report(code="13")

    assert judge_report(taken_back, sender=SENDER, addressee=RECIPIENT, known=KNOWN) == ()
    with pytest.raises(DocumentError, match="E_STATUS_NOT_PARTY"):
        judge_report(taken_back, sender=RECIPIENT, addressee=SENDER, known=KNOWN)


def test_a_status_on_an_unknown_document_passes_with_a_warning() -> None:
    warned = judge_report(a_report(), sender=STRANGER, addressee=SENDER, known=())

    assert [warning.code for warning in warned] == ["W_STATUS_TARGET_UNKNOWN"]


def test_a_status_without_document_id_is_matched_by_number() -> None:
    warned = judge_report(
        a_report(document_id=None), sender=RECIPIENT, addressee=SENDER, known=KNOWN
    )

    assert [warning.code for warning in warned] == ["W_MATCH_BY_NUMBER"]


TARGET = a_document().document_id
RECALL = a_document(bussiness=Bussiness(type=BusinessType.RECALL, target_document_id=TARGET))
REPLACE = a_document(
    document_id="new",
    bussiness=Bussiness(type=BusinessType.REPLACE, replacements=(Replacement(document_id=TARGET),)),
)


@pytest.mark.parametrize("document", [RECALL, REPLACE])
def test_only_the_owner_recalls_or_replaces(document: object) -> None:
    known = type(a_document()).model_validate(document)

    assert judge_targets(known, sender=SENDER, known=KNOWN) == ()
    with pytest.raises(DocumentError, match="E_NOT_OWNER"):
        judge_targets(known, sender=STRANGER, known=KNOWN)


def test_a_recall_of_an_unknown_document_is_delivered_with_a_warning() -> None:
    warned = judge_targets(RECALL, sender=STRANGER, known=())

    assert [warning.code for warning in warned] == ["W_TARGET_UNKNOWN"]


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({}, []),
        ({"number": "148"}, ["W_ID_REUSED"]),
        ({"document_id": "another"}, ["W_NUMBER_REUSED"]),
        ({"document_id": "another", "number": "148"}, []),
    ],
)
def test_a_sender_that_uses_an_id_or_number_again_is_warned(
    change: dict[str, object], codes: list[str]
) -> None:
    document = a_document(**change)

    warned = judge_reuse(
        document, sender=SENDER, identity=document_identity(document, SENDER), known=KNOWN
    )

    assert [warning.code for warning in warned] == codes


def test_a_recall_bears_the_id_of_its_target_without_a_warning() -> None:
    identity = document_identity(RECALL, SENDER)

    assert judge_reuse(RECALL, sender=SENDER, identity=identity, known=KNOWN) == ()
