"""What a delivery is called, when the original travels, and what is answered."""

import pytest

from bus.core.parcel import arrival, original_for, parcel_name, refusal
from schemas.document import Document
from schemas.envelope import Envelope
from schemas.identifiers import DeliveryId, MailboxName
from schemas.problem import Problem
from schemas.reading import SignatureCheck, SignatureOutcome, Source
from tests.support.envelopes import NOW, RECIPIENT, a_document, a_receipt_envelope, an_envelope

DELIVERY = DeliveryId("0123456789abcdef" * 4)
SOURCE = Source(format="edxml", size=1, sha256="0" * 64)


def test_a_document_is_named_by_sender_number_and_delivery() -> None:
    name = parcel_name(an_envelope(), DELIVERY, ".edxml")

    assert name == "H98_147-UBND-VP_0123456789ab.edxml"


def test_a_status_is_named_by_its_code() -> None:
    name = parcel_name(a_receipt_envelope(), DELIVERY, ".edxml")

    assert name == "G98_03_147-UBND-VP_0123456789ab.edxml"


@pytest.mark.parametrize("number", ["../../etc", "a\x00b", "/", "con dấu đỏ", "." * 300])
def test_a_name_is_safe_whatever_the_number_is(number: str) -> None:
    name = parcel_name(an_envelope(a_document(number=number)), DELIVERY, ".edxml")

    assert "/" not in name
    assert "\x00" not in name
    assert not name.startswith(".")
    assert len(name) < 120


@pytest.mark.parametrize(
    ("outcome", "format_name", "travels"),
    [
        (SignatureOutcome.VERIFIED, "edxml", True),
        (SignatureOutcome.VERIFIED, "json", False),
        (SignatureOutcome.INVALID, "edxml", False),
        (SignatureOutcome.UNVERIFIABLE, "edxml", False),
    ],
)
def test_only_a_verified_signature_earns_the_original(
    outcome: SignatureOutcome, format_name: str, *, travels: bool
) -> None:
    signed = an_envelope(source=SOURCE, source_signature=SignatureCheck(outcome=outcome))

    assert (original_for(signed, format_name) == SOURCE) is travels


def test_every_addressed_agency_of_a_mailbox_answers_under_the_code_it_was_called_by() -> None:
    envelope: Envelope = an_envelope()
    unit = envelope.recipients[0].model_copy(update={"agency": "G98.01", "named": "000.00.01.G98"})
    document: Document = a_document()

    answers = [
        arrival(envelope, document, recipient, mailbox=MailboxName(RECIPIENT), now=NOW)
        for recipient in (*envelope.recipients, unit)
    ]

    assert [r.report.from_agency.organ_id for r in answers] == ["G98", "000.00.01.G98"]
    assert {r.report.code for r in answers} == {"01"}
    assert {r.answers for r in answers} == {envelope.envelope_id}


def test_a_refusal_says_why_and_what_to_do_in_the_language_of_the_agencies() -> None:
    envelope: Envelope = an_envelope()
    problem = Problem(code="E_ENDPOINT_REFUSED", params={"agency": "G98", "cause": "quá lớn"})

    arrived = arrival(
        envelope,
        a_document(),
        envelope.recipients[0],
        mailbox=MailboxName(RECIPIENT),
        now=NOW,
    )
    receipt = refusal(arrived, problem)

    assert receipt.report.code == "02"
    assert receipt.problem == problem
    assert "Hệ thống của G98 từ chối văn bản: chi tiết kỹ thuật “quá lớn”." in (
        receipt.report.description or ""
    )
    assert receipt.answers == envelope.envelope_id
