"""Where a page shows something: never less than what is seen, and everywhere when in doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name

from bus.pdf.drawn_areas import areas_drawn_on
from bus.pdf.geometry import EVERYWHERE, Box
from tests.support.changed_pdfs import numbers


def dictionary(**entries: generic.PdfObject) -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name(f"/{k}"): v for k, v in entries.items()})


def form() -> generic.StreamObject:
    entries = {
        pdf_name("/Subtype"): pdf_name("/Form"),
        pdf_name("/BBox"): numbers(0, 0, 10, 10),
        pdf_name("/Matrix"): numbers(1, 0, 0, 1, 100, 100),
    }
    return generic.StreamObject(entries, stream_data=b"0 0 50 50 re f")


def image() -> generic.StreamObject:
    return generic.StreamObject({pdf_name("/Subtype"): pdf_name("/Image")}, stream_data=b"")


def page(content: bytes) -> generic.DictionaryObject:
    simple = dictionary(
        Subtype=pdf_name("/TrueType"),
        FirstChar=generic.NumberObject(65),
        Widths=numbers(500, 600),
    )
    wide = dictionary(Subtype=pdf_name("/CIDFontType2"), DW=generic.NumberObject(250))
    wide["/W"] = generic.ArrayObject([generic.NumberObject(1), numbers(100, 200)])
    composite = dictionary(Subtype=pdf_name("/Type0"), DescendantFonts=generic.ArrayObject([wide]))
    drawn = dictionary(Subtype=pdf_name("/Type3"))
    return dictionary(
        Contents=generic.StreamObject(stream_data=content),
        Resources=dictionary(
            Font=dictionary(F1=simple, F2=composite, F3=drawn),
            XObject=dictionary(Fm=form(), Im=image()),
        ),
    )


@pytest.mark.parametrize(
    ("content", "box"),
    [
        (b"10 20 30 40 re f", Box(10, 20, 40, 60)),
        (b"2 0 0 2 5 5 cm 10 20 30 40 re f", Box(25, 45, 85, 125)),
        (b"q 2 0 0 2 0 0 cm Q 10 20 30 40 re f", Box(10, 20, 40, 60)),
        (b"10 20 m 30 20 l 30 50 l f", Box(10, 20, 30, 50)),
        (b"4 w 10 20 m 110 20 l S", Box(8, 18, 112, 22)),
        (b"0 0 20 20 re W n 10 10 100 100 re f", Box(10, 10, 20, 20)),
        (b"q 50 0 0 60 7 8 cm /Im Do Q", Box(7, 8, 57, 68)),
        (b"q 50 0 0 60 7 8 cm BI /W 1 ID \0\1 EI Q", Box(7, 8, 57, 68)),
        (b"/Fm Do", Box(100, 100, 110, 110)),
        (b"BT /F1 10 Tf 10 20 Td (AB) Tj ET", Box(10, 17, 21, 30)),
        (b"BT /F1 10 Tf 10 20 Td <4142> Tj ET", Box(10, 17, 21, 30)),
        (b"BT /F1 10 Tf 10 20 Td (\\101\\102) Tj ET", Box(10, 17, 21, 30)),
        (b"BT /F1 10 Tf 1 0 0 1 10 20 Tm [(A) -500 (B)] TJ ET", Box(20, 17, 26, 30)),
        (b"BT /F1 10 Tf 10 TL 10 20 Td T* (A) Tj ET", Box(10, 7, 15, 20)),
        (b"BT /F2 10 Tf 10 20 Td <00010002> Tj ET", Box(10, 17, 13, 30)),
        (b"BT /F2 10 Tf 10 20 Td <00090009> Tj ET", Box(10, 17, 15, 30)),
        (b"1 g 0 0 9 9 re f 0 g 10 20 30 40 re f", Box(10, 20, 40, 60)),
    ],
)
def test_what_is_drawn_is_found_where_it_is(content: bytes, box: Box) -> None:
    assert box in [
        Box(*(round(side, 6) for side in each)) for each in areas_drawn_on(page(content))
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"% nothing",
        b"1 1 1 rg 0 0 595 842 re f",
        b"0 0 0 0 k 0 0 595 842 re f",
        b"0 0 10 10 re n",
        b"BT /F1 10 Tf 3 Tr (AB) Tj ET",
        b"BT /F1 10 Tf (   ) Tj ET",
        b"0 0 10 10 re W n 20 20 5 5 re f",
    ],
)
def test_what_shows_nothing_paints_nothing(content: bytes) -> None:
    assert all(each.area == 0 for each in areas_drawn_on(page(content)))


@pytest.mark.parametrize(
    "content",
    [
        b"(open",
        b"BI /W 1 ID \0",
        b"/Nothing Do",
        b"/Nothing 10 Tf",
        b"BT (AB) Tj ET",
        b"BT /F3 10 Tf (AB) Tj ET",
        b"1 2 3 re f",
        b"x cm",
    ],
)
def test_what_cannot_be_followed_is_painted_everywhere(content: bytes) -> None:
    assert list(areas_drawn_on(page(content))) == [EVERYWHERE]


def test_a_page_that_is_drawn_by_a_shading_is_painted_everywhere() -> None:
    assert EVERYWHERE in areas_drawn_on(page(b"/Sh sh"))


WORDS = [b"q", b"Q", b"re", b"f", b"S", b"W", b"n", b"BT", b"Tf", b"Tj", b"Do", b"cm", b"/F1", b"9"]


@given(content=st.binary(max_size=200) | st.lists(st.sampled_from(WORDS)).map(b" ".join))
def test_whatever_the_content_is_there_is_an_answer(content: bytes) -> None:
    assert isinstance(list(areas_drawn_on(page(content))), list)
