"""What makes two readings the same document, and what does not."""

from datetime import timedelta
from unicodedata import normalize

import pytest

from bus.core.identity import (
    delivery_id,
    document_hash,
    document_identity,
    envelope_id,
    report_identity,
)
from schemas.codes import BusinessType
from schemas.document import Attachment, Bussiness, Document, Hop, Organization, Staff
from schemas.identifiers import MailboxName
from tests.support.envelopes import NOW, RECIPIENT, SENDER, a_document, a_report

PDF = Attachment(name="a.pdf", media_type="application/pdf", size=1, sha256="0" * 64)


def test_a_document_has_the_same_id_in_every_unicode_form() -> None:
    composed = a_document(subject=normalize("NFC", "Quyết định về việc"))
    decomposed = a_document(subject=normalize("NFD", "Quyết định về việc"))

    assert document_hash(composed) == document_hash(decomposed)


@pytest.mark.parametrize(
    "on_the_way",
    [
        {"hops": (Hop(organ_id="H98", at=NOW), Hop(organ_id="G98", at=NOW))},
        {"bussiness": Bussiness(staff=(Staff(staff="Trần Thị Ví Dụ"),), reason="Văn bản mới")},
        {"raw": {"SteeringType": "1"}},
    ],
)
def test_what_changes_on_the_way_does_not_change_the_content(on_the_way: dict[str, object]) -> None:
    assert document_hash(a_document(**on_the_way)) == document_hash(a_document())


def test_the_order_of_receivers_does_not_matter() -> None:
    one, two = Organization(organ_id="H01"), Organization(organ_id="H02")

    there, back = a_document(to_agencies=(one, two)), a_document(to_agencies=(two, one))

    assert document_hash(there) == document_hash(back)


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "V/v khác"},
        {"priority": 1},
        {"to_agencies": (Organization(organ_id="H01"),)},
        {"attachments": (PDF,)},
        {"attachments": (PDF.model_copy(update={"name": "b.pdf"}),)},
        {"bussiness": Bussiness(target_document_id="another")},
    ],
)
def test_other_content_has_another_hash(change: dict[str, object]) -> None:
    hashes = {document_hash(a_document()), document_hash(a_document(attachments=(PDF,)))}
    changed = document_hash(a_document(**change))

    assert changed != document_hash(a_document())
    assert changed in hashes or len(hashes | {changed}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"document_id": "other"},
        {"number": "148"},
        {"issued_on": "2026-03-13"},
        {"bussiness": Bussiness(type=BusinessType.RECALL)},
    ],
)
def test_another_number_date_or_business_is_another_document(change: dict[str, object]) -> None:
    other = document_identity(a_document(**change), SENDER)

    assert other != document_identity(a_document(), SENDER)


def test_a_changed_subject_keeps_the_identity_so_that_it_shows_as_a_conflict() -> None:
    changed: Document = a_document(subject="V/v khác")

    assert document_identity(changed, SENDER) == document_identity(a_document(), SENDER)


def test_each_mailbox_has_its_own_delivery() -> None:
    envelope = envelope_id("identity", "content")

    assert delivery_id(envelope, MailboxName("H01")) != delivery_id(envelope, MailboxName("H02"))


def test_a_status_said_twice_is_one_status() -> None:
    later = a_report(at=NOW + timedelta(hours=1), description="lần nữa")

    assert report_identity(later, RECIPIENT, SENDER) == report_identity(
        a_report(), RECIPIENT, SENDER
    )


def test_in_process_may_be_said_again() -> None:
    first = a_report(code="05")
    second = a_report(code="05", at=NOW + timedelta(hours=1))

    assert report_identity(first, RECIPIENT, SENDER) != report_identity(second, RECIPIENT, SENDER)
