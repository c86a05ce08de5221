"""References are compared in one form, whatever hand or system wrote them."""

import pytest

from bus.core.reference import code_in, code_key, id_key, is_local, normal, number_key

ID = "000.00.00.H98,2026/03/12,147/UBND-VP"


@pytest.mark.parametrize(
    "written",
    [
        "000.00.00.h98,2026/03/12,147/ubnd-vp",
        " 000.00.00.H98 , 2026/03/12 , 147 / UBND-VP ",
        "H98,2026/03/12,147/UBND-VP",
        "00.H98,2026-3-12,0147/UBND-VP",
        "H98;12/03/2026;147/UBND-VP",
        "000.00.00.H98,2026/03/12,147/UB\u200bND-VP",
        "000.00.00.H98,2026/03/12,147/UBND\u00ad-VP",
        "\ufeff000.00.00.H98,2026/03/12,147/UBND-VP\u202e",
        "000.00.00.H98,2026/03/12,147/UBND\u00a0-\u3000VP",
        "000.00.00.\u041d98,2026/03/12,147/UBND-VP",
        "000.00.00.H98,2026/03/12,147/UBND-V\u0420",
        "000.00.00.\u039798,2026/03/12,147/UBND-VP",
        "０００．００．００．Ｈ９８，２０２６／０３／１２，１４７／ＵＢＮＤ－ＶＰ",
        "000.00.00.H98,2026/03/12,١٤٧/UBND-VP",
        "000.00.00.H98,2026/03/12,147⁄UBND–VP",
        "000.00.00.H98,2026/03/12,147/UBND-VP.",
        "000.00.00.H98,2026/03/12,147/UBND\ufe0f-VP",
    ],
)
def test_an_id_has_one_form_however_it_is_written(written: str) -> None:
    """Case, blanks, the unseen, look-alikes, widths, dates and codes of either scheme."""
    assert id_key(written) == id_key(ID) == "h98,20260312,147/ubnd-vp"


@pytest.mark.parametrize(
    "written",
    ["5/QĐ-UBND", "5/QÐ-UBND", "5/QD-UBND", "05/Qđ-ubnd", "5/QD\u0300-UBND", "5 / qđ-UBND"],
)
def test_a_number_has_one_form_with_or_without_its_accents(written: str) -> None:
    """Composed or not, with the Vietnamese or the Icelandic letter, or with none."""
    assert number_key(written) == "5/qd-ubnd"


@pytest.mark.parametrize(
    "other",
    [
        "000.00.00.H97,2026/03/12,147/UBND-VP",
        "000.00.00.H98,2025/03/12,147/UBND-VP",
        "000.00.00.H98,2026/03/12,148/UBND-VP",
        "000.00.00.H98,2026/03/12,147/UBND",
        "147/UBND-VP",
        "000.00.00.H98,147/UBND-VP",
    ],
)
def test_another_agency_date_or_number_is_another_document(other: str) -> None:
    """What carries meaning is never lost."""
    assert id_key(other) != id_key(ID)


def test_only_form_a_names_an_agency() -> None:
    """By a code, a date and a number; a UUID, a count and a number name none."""
    assert code_in(ID) == code_in("h98;2026-03-12;1") == "h98"
    assert code_in("15") is None
    assert code_in("147/UBND-VP") is None
    assert code_in("a,b,c") is None
    assert code_in("f81d4fae-7dec-11d0-a765-00a0c91e6bf6") is None


def test_a_short_count_is_local() -> None:
    """A UUID or form A is not."""
    assert is_local("15")
    assert is_local("CV00123")
    assert not is_local(ID)
    assert not is_local("f81d4fae-7dec-11d0-a765-00a0c91e6bf6")


def test_a_code_has_the_form_of_decision_20() -> None:
    """Where it has one."""
    assert code_key("000.05.00.H24") == code_key("h24.00.05") == "h24.00.05"
    assert code_key("demo.unit.03") == "demo.unit.03"


def test_the_form_of_a_form_is_itself() -> None:
    """Comparing twice says the same."""
    for text in (ID, "Số 5/QĐ-UBND", "\u0410\u200b1"):
        assert normal(normal(text)) == normal(text)
