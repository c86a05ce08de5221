"""What was added to a PDF after a signature: told, or an alteration, or nothing to be seen."""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import (
    FieldMDPAction,
    FieldMDPSpec,
    MDPPerm,
    SigFieldSpec,
    append_signature_field,
)

from bus.pdf.examination import examine
from schemas.language import Language
from schemas.verdict import DeliveryCheck, LegalValue, PdfOutcome, PdfVerdict, judged, told
from tests.support.changed_pdfs import (
    OVER_THE_TEXT,
    OWN_PLACE,
    WHOLE_PAGE,
    Change,
    annotation,
    appearance,
    changed,
    field,
    filled,
    first_page,
    last_field,
    numbers,
    text_field,
)
from tests.support.signed_pdfs import NOW, Authority, Identity, blank, sign, stamped


@cache
def authority() -> Authority:
    return Authority()


@cache
def chairman() -> Identity:
    return authority().signer("Chủ tịch")


@cache
def clerk() -> Identity:
    return authority().signer("Văn thư")


def verdict(pdf: bytes) -> PdfVerdict:
    return examine(BytesIO(pdf), anchors=[authority().root.der], now=NOW)


@cache
def signed() -> bytes:
    return sign(blank(), chairman())


@cache
def form() -> bytes:
    """A form with one field, not yet signed."""
    return changed(blank(), text_field("Amount", "1"))


# --- what changes what is seen ------------------------------------------------------------------


def then(*changes: Change) -> Change:
    def change(writer: IncrementalPdfFileWriter) -> None:
        for each in changes:
            each(writer)

    return change


def with_entry(key: str, value: Callable[[], generic.PdfObject]) -> Change:
    """Put something into the field that was added last."""

    def change(writer: IncrementalPdfFileWriter) -> None:
        last_field(writer)[key] = value()

    return change


def script() -> generic.DictionaryObject:
    return generic.DictionaryObject(
        {
            pdf_name("/S"): pdf_name("/JavaScript"),
            pdf_name("/JS"): generic.TextStringObject("app.alert(1)"),
        }
    )


def on_opening() -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name("/PO"): script()})


def with_catalog(key: str, value: Callable[[], generic.PdfObject]) -> Change:
    def change(writer: IncrementalPdfFileWriter) -> None:
        writer.root[key] = value()
        writer.update_root()

    return change


def another_font(writer: IncrementalPdfFileWriter) -> None:
    """The letters of the signed text look like others from now on."""
    page = first_page(writer)
    resources = page["/Resources"] if "/Resources" in page else page["/Parent"]["/Resources"]
    reference = resources["/Font"].raw_get("/F1")
    reference.get_object()["/BaseFont"] = pdf_name("/Symbol")
    writer.mark_update(reference)


def a_page(writer: IncrementalPdfFileWriter) -> None:
    pages = writer.root["/Pages"]
    page = generic.DictionaryObject(
        {
            pdf_name("/Type"): pdf_name("/Page"),
            pdf_name("/Parent"): writer.root.raw_get("/Pages"),
            pdf_name("/MediaBox"): numbers(*WHOLE_PAGE),
        }
    )
    pages["/Kids"].append(writer.add_object(page))
    pages["/Count"] = generic.NumberObject(2)
    writer.mark_update(writer.root.raw_get("/Pages"))


def other_content(writer: IncrementalPdfFileWriter) -> None:
    stream = generic.StreamObject(stream_data=b"BT /F1 12 Tf 50 700 Td (khac) Tj ET")
    page, _ = writer.find_page_for_modification(0)
    page.get_object()["/Contents"] = writer.add_object(stream)
    writer.update_container(page.get_object())


def media_box(writer: IncrementalPdfFileWriter) -> None:
    page, _ = writer.find_page_for_modification(0)
    page.get_object()["/CropBox"] = numbers(0, 0, 100, 100)
    writer.update_container(page.get_object())


HIDDEN, NO_ZOOM = 2, 8


@pytest.mark.parametrize(
    "change",
    [
        field(box=WHOLE_PAGE),
        field(box=OVER_THE_TEXT),
        field(box=OWN_PLACE),
        field(box=(0, 0, 0, 0)),
        field(box=OWN_PLACE, prepared=True),
        then(field(box=WHOLE_PAGE), with_entry("/F", lambda: generic.NumberObject(HIDDEN))),
        then(field(box=(0, 0, 0, 0), prepared=True), with_entry("/AA", on_opening)),
        then(field(box=(0, 0, 0, 0), prepared=True), with_entry("/A", script)),
        annotation("/FreeText"),
        annotation("/Stamp"),
        annotation("/Stamp", OWN_PLACE),
        annotation("/Square", OVER_THE_TEXT, HIDDEN),
        annotation("/Widget"),
        text_field("Added", "1"),
        another_font,
        a_page,
        other_content,
        media_box,
        with_catalog("/OpenAction", script),
        with_catalog("/AA", on_opening),
    ],
    ids=[
        "an empty field over the page",
        "an empty field over the text",
        "an empty field beside the text",
        "an empty field without a size",
        "an empty field without an appearance",
        "a hidden field over the page",
        "a field that acts when the page opens",
        "a field that acts when it is clicked",
        "a text",
        "a stamp over the text",
        "a stamp beside it",
        "a hidden square",
        "a widget of no field",
        "a form field",
        "another font",
        "a page",
        "another content",
        "another size of the page",
        "an action at the opening",
        "actions of the document",
    ],
)
def test_what_changes_what_is_seen_is_an_alteration(change: Change) -> None:
    found = verdict(changed(signed(), change))

    assert found.outcome is PdfOutcome.ALTERED
    assert found.legal_value is LegalValue.REFERENCE_ONLY
    assert found.reason is not None


def test_the_reason_says_what_was_added_and_where() -> None:
    found = verdict(changed(signed(), field("Dấu", WHOLE_PAGE)))

    assert found.reason is not None
    assert found.reason.code == "pdf_field_empty"
    assert "Dấu" in found.reason.text(Language.VIETNAMESE)
    assert "page 1" in found.reason.text(Language.ENGLISH)


def test_an_addition_before_another_signs_is_an_alteration_for_the_first() -> None:
    """Whoever signs last vouches for what is there then; that does not help who signed before."""
    covered = changed(signed(), field(box=WHOLE_PAGE))

    found = verdict(sign(covered, clerk(), name="Signature2"))

    assert [each.outcome for each in found.signers] == [PdfOutcome.ALTERED, PdfOutcome.VALID]
    assert found.legal_value is LegalValue.REFERENCE_ONLY


# --- signatures of others -----------------------------------------------------------------------


def test_a_second_signature_in_its_own_place_is_told_with_the_legal_value() -> None:
    found = verdict(sign(signed(), clerk(), name="Dấu", box=OWN_PLACE))

    assert found.legal_value is LegalValue.LEGAL_VALUE
    [addition] = found.additions
    for language, words in ((Language.ENGLISH, "page 1"), (Language.VIETNAMESE, "trang 1")):
        assert "Văn thư" in addition.text(language)
        assert words in addition.text(language)
        assert addition.text(language) in found.legal_value_text(language)
        assert addition.text(language) in found.text(language)
    assert found.signers[1].additions == ()


def test_no_word_of_legal_value_stands_without_what_was_added() -> None:
    found = verdict(sign(signed(), clerk(), name="Dấu", box=OWN_PLACE))

    check: Any = told(DeliveryCheck(attachments=(judged("a.pdf", "0" * 64, found),)))

    [attachment] = check["attachments"]
    [addition] = attachment["signers"][0]["additions"]
    assert addition["code"] == "pdf_added_signature"
    for language in ("en", "vi"):
        assert addition["text"][language] in attachment["legal_value_text"][language]
        assert addition["text"][language] in attachment["outcome_text"][language]


@pytest.mark.parametrize("box", [OVER_THE_TEXT, WHOLE_PAGE, (160, 750, 400, 812)])
def test_a_second_signature_over_the_text_is_an_alteration(
    box: tuple[int, int, int, int],
) -> None:
    found = verdict(sign(signed(), clerk(), name="Dấu", box=box))

    assert found.signers[0].reason is not None
    assert found.signers[0].reason.code == "pdf_field_covers"
    assert found.outcome is PdfOutcome.ALTERED


def test_a_seal_may_cover_a_third_of_a_signature_and_no_more() -> None:
    """As official documents want it (Decree 30/2020, annex I)."""
    first = sign(blank(), chairman(), box=(300, 100, 420, 160))

    third = verdict(sign(first, clerk(), name="Dấu", box=(240, 90, 338, 170)))
    whole = verdict(sign(first, clerk(), name="Dấu", box=(290, 90, 430, 170)))

    assert third.outcome is PdfOutcome.VALID
    assert len(third.additions) == 1
    assert whole.outcome is PdfOutcome.ALTERED


def test_a_second_signature_that_is_not_seen_needs_no_word() -> None:
    found = verdict(sign(signed(), clerk(), name="Signature2"))

    assert found.outcome is PdfOutcome.VALID
    assert found.additions == ()


def test_a_field_that_was_prepared_may_be_signed_in_its_place() -> None:
    prepared = changed(blank(), field("Dấu", OWN_PLACE, prepared=True))

    found = verdict(sign(sign(prepared, chairman()), clerk(), name="Dấu"))

    assert found.outcome is PdfOutcome.VALID
    assert [each.code for each in found.additions] == ["pdf_added_signature"]


def test_a_field_that_was_prepared_over_the_text_covers_it() -> None:
    """A shadow attack: who signs first sees the text, and who reads sees the second signature."""
    prepared = changed(blank(), field("Dấu", OVER_THE_TEXT, prepared=True))

    uncertified = verdict(sign(sign(prepared, chairman()), clerk(), name="Dấu"))
    certified = verdict(
        sign(sign(prepared, chairman(), allows=MDPPerm.FILL_FORMS), clerk(), name="Dấu")
    )

    assert uncertified.outcome is PdfOutcome.ALTERED
    assert certified.outcome is PdfOutcome.VALID
    assert [each.code for each in certified.additions] == ["pdf_added_signature"]


def test_a_field_that_comes_after_a_certification_is_an_alteration() -> None:
    """The attack by a sneaky signature: a certifier allows the fields that are there."""
    certified = sign(blank(), chairman(), allows=MDPPerm.FILL_FORMS)

    assert (
        verdict(sign(certified, clerk(), name="Dấu", box=OWN_PLACE)).outcome is PdfOutcome.ALTERED
    )


def test_a_signature_that_also_acts_is_an_alteration() -> None:
    def change(writer: IncrementalPdfFileWriter) -> None:
        append_signature_field(writer, SigFieldSpec("Dấu", box=OWN_PLACE))
        last_field(writer)["/AA"] = on_opening()

    found = verdict(sign(changed(signed(), change), clerk(), name="Dấu"))

    assert found.signers[0].reason is not None
    assert found.signers[0].reason.code == "pdf_field_acts"


@pytest.mark.parametrize("trusted", [True, False])
def test_a_time_stamp_that_is_seen_must_be_a_trusted_one(*, trusted: bool) -> None:
    stamper = (authority() if trusted else Authority(common_name="CA lạ")).stamper(NOW)

    found = verdict(stamped(signed(), stamper, name="Giờ", box=OWN_PLACE))

    if trusted:
        assert found.outcome is PdfOutcome.VALID
        assert "TSA mẫu" in found.legal_value_text(Language.VIETNAMESE)
    else:
        assert found.reason is not None
        assert found.reason.code == "pdf_field_empty"


# --- forms --------------------------------------------------------------------------------------


def test_a_form_field_that_is_filled_in_afterwards_is_an_alteration() -> None:
    found = verdict(changed(sign(form(), chairman()), filled("1000000")))

    assert found.outcome is PdfOutcome.ALTERED
    assert found.reason is not None
    assert (found.reason.code, found.reason.params) == ("pdf_fields_filled", {"fields": "Amount"})


def test_what_the_signer_certified_may_be_filled_in_and_is_told() -> None:
    certified = sign(form(), chairman(), allows=MDPPerm.FILL_FORMS)

    found = verdict(changed(certified, filled("2")))

    assert found.legal_value is LegalValue.LEGAL_VALUE
    assert [each.code for each in found.additions] == ["pdf_added_values"]
    assert "Amount" in found.legal_value_text(Language.VIETNAMESE)


def test_what_the_signer_forbade_may_not_be_filled_in() -> None:
    certified = sign(form(), chairman(), allows=MDPPerm.NO_CHANGES)

    assert verdict(changed(certified, filled("2"))).outcome is PdfOutcome.ALTERED


@pytest.mark.parametrize(
    ("locked", "outcome"), [("Other", PdfOutcome.VALID), ("Amount", PdfOutcome.ALTERED)]
)
def test_fields_that_the_signer_did_not_lock_may_be_filled_in(
    locked: str, outcome: PdfOutcome
) -> None:
    locks = FieldMDPSpec(FieldMDPAction.INCLUDE, fields=[locked])

    found = verdict(changed(sign(form(), chairman(), locks=locks), filled("2")))

    assert found.outcome is outcome
    assert bool(found.additions) is (outcome is PdfOutcome.VALID)


@pytest.mark.parametrize("key", ["/NeedAppearances", "/DA", "/DR", "/Q"])
def test_another_way_to_draw_the_form_is_an_alteration(key: str) -> None:
    values: dict[str, Callable[[], generic.PdfObject]] = {
        "/NeedAppearances": lambda: generic.BooleanObject(value=True),
        "/DA": lambda: generic.TextStringObject("/ZaDb 40 Tf"),
        "/DR": generic.DictionaryObject,
        "/Q": lambda: generic.NumberObject(2),
    }

    def change(writer: IncrementalPdfFileWriter) -> None:
        writer.root["/AcroForm"][key] = values[key]()
        writer.mark_update(writer.root.raw_get("/AcroForm"))

    assert verdict(changed(sign(form(), chairman()), change)).outcome is PdfOutcome.ALTERED


def test_a_font_of_the_form_that_the_page_uses_too_cannot_be_swapped() -> None:
    def with_font(writer: IncrementalPdfFileWriter) -> None:
        page = first_page(writer)
        resources = page["/Resources"] if "/Resources" in page else page["/Parent"]["/Resources"]
        fonts = generic.DictionaryObject({pdf_name("/F1"): resources["/Font"].raw_get("/F1")})
        writer.root["/AcroForm"]["/DR"] = generic.DictionaryObject({pdf_name("/Font"): fonts})
        writer.mark_update(writer.root.raw_get("/AcroForm"))

    with_fonts = sign(changed(form(), with_font), chairman(), allows=MDPPerm.FILL_FORMS)

    assert verdict(changed(with_fonts, another_font)).outcome is PdfOutcome.ALTERED


def test_an_appearance_that_is_changed_in_place_is_an_alteration() -> None:
    def change(writer: IncrementalPdfFileWriter) -> None:
        entry = writer.root["/AcroForm"]["/Fields"].raw_get(0).get_object()
        reference = entry["/AP"].raw_get("/N")
        stream = appearance(writer, WHOLE_PAGE)["/N"]
        assert isinstance(stream, generic.StreamObject)
        writer.objects[(reference.generation, reference.idnum)] = stream

    assert verdict(changed(sign(form(), chairman()), change)).outcome is PdfOutcome.ALTERED


# --- what nobody can see ------------------------------------------------------------------------


def test_an_empty_field_that_nobody_can_see_changes_nothing() -> None:
    def change(writer: IncrementalPdfFileWriter) -> None:
        append_signature_field(writer, SigFieldSpec("Later"))

    found = verdict(changed(signed(), change))

    assert found.outcome is PdfOutcome.VALID
    assert found.additions == ()
