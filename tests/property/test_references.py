"""However a reference is disguised, it is compared as what it is, and never as another one."""

from hypothesis import given
from hypothesis import strategies as st

from bus.core.reference import id_key, normal, number_key

ID = "000.00.00.H98,2026/03/12,147/UBND-VP"
UNSEEN = st.text(
    st.sampled_from("\u200b\u200c\u200d\u2060\ufeff\u00ad\u202e\u3164 \t\u00a0\u0301\ufe0f")
)
LIKENESSES = {
    "H": "Hh\u041d\u0397Ｈ",
    "B": "Bb\u0412\u0392Ｂ",
    "P": "Pp\u0420\u03a1Ｐ",
    "V": "VvＶ",
    "N": "Nn\u039dＮ",
    "0": "0０٠",
    "1": "1１١",
    "2": "2２٢",
    "/": "/／\u2044\u2215",
    "-": "-\u2010\u2013\u2212－",
}


@st.composite
def disguised(draw: st.DrawFn, text: str) -> str:
    return "".join(
        draw(UNSEEN) + draw(st.sampled_from(LIKENESSES.get(char, char))) for char in text
    ) + draw(UNSEEN)


@given(disguised(ID))
def test_a_disguise_changes_nothing(written: str) -> None:
    """Look-alike letters, other widths and digits, and what nobody sees, anywhere."""
    assert id_key(written) == id_key(ID)


@given(st.integers(1, 99999), st.integers(1, 99999))
def test_different_numbers_stay_different(one: int, other: int) -> None:
    """Whatever zeros lead."""
    same = number_key(f"{one:06}/UBND") == number_key(f"{other}/UBND")

    assert same == (one == other)


@given(st.text(max_size=60))
def test_a_form_is_its_own_form(text: str) -> None:
    """Comparing what was compared says the same, and never fails."""
    assert normal(normal(text)) == normal(text)
    assert id_key(id_key(text)) == id_key(text)
