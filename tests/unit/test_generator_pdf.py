"""The PDF files of the demonstration really open and say what they should."""

from hashlib import sha256
from io import BytesIO

import pytest
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from bus.demo.pdf import make_pool
from schemas.problem import TransportError

POOL = make_pool(count=4, seed=7)


def test_every_file_opens_with_its_pages_and_vietnamese_text() -> None:
    for sample in POOL.samples:
        reader = PdfReader(BytesIO(sample.content), strict=True)

        assert len(reader.pages) == sample.pages
        text = " ".join(reader.pages[0].extract_text().split())
        assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text
        assert "Dữ liệu hư cấu dùng để trình diễn." in text


def test_fonts_are_embedded_so_that_every_viewer_shows_the_marks() -> None:
    objects = [
        reader.get_object(number)
        for reader in [PdfReader(BytesIO(POOL.samples[0].content))]
        for number in range(1, len(reader.xref[0]) + 1)
    ]
    descriptors = [
        item
        for item in objects
        if isinstance(item, DictionaryObject) and item.get("/Type") == "/FontDescriptor"
    ]

    assert len(descriptors) == 2
    assert all("/FontFile2" in descriptor for descriptor in descriptors)


def test_files_are_small_and_differ() -> None:
    assert all(5_000 < len(sample.content) < 60_000 for sample in POOL.samples)
    assert len({sample.sha256 for sample in POOL.samples}) == 4


def test_the_same_seed_makes_the_same_bytes() -> None:
    assert make_pool(count=4, seed=7).samples == POOL.samples


def test_a_file_is_found_by_its_digest() -> None:
    sample = POOL.samples[0]

    assert sha256(POOL.open(sample.sha256).read()).hexdigest() == sample.sha256


def test_an_unknown_digest_is_refused() -> None:
    with pytest.raises(TransportError, match="E_ATTACHMENT_AWAY"):
        POOL.open("0" * 64)
