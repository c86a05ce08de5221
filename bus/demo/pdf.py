"""PDF: draws sample files that really open, with Vietnamese text. Needs the extra `demo`."""

import random
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import as_file, files
from typing import Literal

from fpdf import FPDF

from bus.demo.samples import FilePool, SampleFile
from bus.demo.texts import NOTE, PARAGRAPHS, TOPICS

_FACE = "Lien Thong Serif"
_STYLES = {"": "regular", "B": "bold"}
_CREATED = datetime(2019, 3, 12, tzinfo=UTC)
"""A fixed date: the same seed gives the same bytes, so the same digests."""


def make_pool(*, count: int, seed: int) -> FilePool:
    """Set `count` different PDF files of one to three pages."""
    rng = random.Random(seed)  # noqa: S311 - reproducible samples, nothing secret
    return FilePool([_sample(rng, number) for number in range(1, count + 1)])


def _sample(rng: random.Random, number: int) -> SampleFile:
    topic = rng.choice(TOPICS)
    pages = rng.choices((1, 2, 3), weights=(6, 3, 1))[0]
    pdf = _blank(f"Phụ lục mẫu {number:02}")
    for page in range(1, pages + 1):
        pdf.add_page()
        if page == 1:
            _heading(pdf, number, topic)
        for paragraph in rng.sample(PARAGRAPHS, k=3):
            pdf.multi_cell(0, 6.5, paragraph, align="J", new_x="LMARGIN", new_y="NEXT")
            pdf.ln(2)
        _figures(pdf, rng, rows=rng.randint(6, 14))
    content = bytes(pdf.output())
    return SampleFile(
        stem=f"Phụ lục mẫu {number:02}",
        pages=pages,
        content=content,
        sha256=sha256(content).hexdigest(),
    )


class _Page(FPDF):
    """A4 with the note that everything is invented at its foot."""

    def footer(self) -> None:
        self.set_y(-18)
        self.set_font(_FACE, "", 9)
        self.cell(0, 6, f"{NOTE}  Trang {self.page_no()}", align="C")
        self.set_font(_FACE, "", 12)


def _blank(title: str) -> FPDF:
    pdf = _Page(format="A4")
    pdf.set_margins(30, 20, 20)
    pdf.set_auto_page_break(auto=True, margin=22)
    pdf.set_creation_date(_CREATED)
    pdf.set_title(title)
    pdf.set_lang("vi")
    with as_file(files("bus.demo") / "fonts") as fonts:
        for style, name in _STYLES.items():
            pdf.add_font(_FACE, style, fonts / f"lien-thong-serif-{name}.ttf")
    return pdf


def _heading(pdf: FPDF, number: int, topic: str) -> None:
    pdf.set_font(_FACE, "B", 12)
    pdf.cell(0, 6, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", align="C", new_x="LMARGIN", new_y="NEXT")
    pdf.cell(0, 6, "Độc lập - Tự do - Hạnh phúc", align="C", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(8)
    pdf.set_font(_FACE, "B", 14)
    pdf.cell(0, 8, f"PHỤ LỤC MẪU SỐ {number:02}", align="C", new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(_FACE, "B", 12)
    pdf.multi_cell(0, 6.5, f"Về {topic}", align="C", new_x="LMARGIN", new_y="NEXT")
    pdf.ln(5)
    pdf.set_font(_FACE, "", 12)


def _figures(pdf: FPDF, rng: random.Random, *, rows: int) -> None:
    """A table of invented figures; plain cells take half the time of fpdf2's tables."""
    pdf.ln(2)
    _row(pdf, "STT", "Nội dung", "Số liệu", style="B")
    for index, topic in enumerate(rng.sample(TOPICS, k=rows), start=1):
        _row(pdf, str(index), topic[0].upper() + topic[1:], str(rng.randint(1, 9_999)))
    pdf.set_font(_FACE, "", 12)
    pdf.ln(4)


def _row(pdf: FPDF, number: str, topic: str, figure: str, *, style: Literal["", "B"] = "") -> None:
    pdf.set_font(_FACE, style, 10)
    pdf.cell(12, 6.5, number, border=1, align="C")
    pdf.cell(126, 6.5, topic, border=1)
    pdf.cell(22, 6.5, figure, border=1, align="R", new_x="LMARGIN", new_y="NEXT")
