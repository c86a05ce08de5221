"""Names are made safe once and for all; types follow from bytes, the same on every day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.formats.attachment_name import safe_name
from adapters.formats.media_type import extension, sniff
from tests.support.builders import PDF, zipped

OFFICE = "application/vnd.openxmlformats-officedocument."
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ARCHIVE = zipped(("a.xml", b"<a/>"))


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("147.signed.PDF", "147.signed.PDF"),
        ("Công văn số 7.pdf", "Công văn số 7.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Temp\\a.pdf", "a.pdf"),
        ("a\x00b\r\n.pdf", "ab.pdf"),
        ("fdp\u202etxt.pdf", "fdptxt.pdf"),
        ("  a.pdf ", "a.pdf"),
        (".htaccess", "htaccess.pdf"),
        ("..", "file.pdf"),
        ("", "file.pdf"),
        ("thư mời", "thư mời.pdf"),
        ("số 1. Kính gửi", "số 1. Kính gửi.pdf"),
        ("a.", "a.pdf"),
        ("gói.ZIP", "gói.zip"),
        ("Va\u0306n.pdf", "Văn.pdf"),
    ],
)
def test_a_name_is_made_safe(raw: str, safe: str) -> None:
    assert safe_name(raw, PDF) == safe


def test_a_long_name_keeps_its_extension_and_whole_characters() -> None:
    name = safe_name("ề" * 200 + ".docx", ARCHIVE)

    assert name.endswith("ề.docx")
    assert 250 < len(name.encode()) <= 255


names = st.text(max_size=300) | st.text("./\\ aZ\u0306\u202e\n", max_size=20)
heads = st.sampled_from([PDF, COMPOUND, ARCHIVE, b"", b"abc", b"\xff\x00", b"<?xml?>", b"{\\rtf1"])


@given(raw=names, head=heads)
def test_a_safe_name_stays_as_it_is_and_so_does_the_type(raw: str, head: bytes) -> None:
    name = safe_name(raw, head)

    assert safe_name(name, head) == name
    assert 0 < len(name.encode()) <= 255
    assert extension(name)
    assert not set(name) & set("/\\\0\r\n")
    assert not name.startswith(".")


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (PDF, "a.pdf", "application/pdf"),
        (PDF, "a.doc", "application/pdf"),
        (ARCHIVE, "a.docx", OFFICE + "wordprocessingml.document"),
        (ARCHIVE, "A.XLSX", OFFICE + "spreadsheetml.sheet"),
        (ARCHIVE, "a.zip", "application/zip"),
        (ARCHIVE, "a.pdf", "application/octet-stream"),
        (COMPOUND, "a.doc", "application/msword"),
        (COMPOUND, "a.xls", "application/vnd.ms-excel"),
        (COMPOUND, "a.bin", "application/octet-stream"),
        (b"\x89PNG\r\n\x1a\n", "a.png", "image/png"),
        (b"\xff\xd8\xff\xe0", "a.jpg", "image/jpeg"),
        (b"II*\x00", "a.tif", "image/tiff"),
        (b"{\\rtf1", "a.doc", "application/rtf"),
        ("Phụ lục".encode(), "a.txt", "text/plain"),
        ("Phụ lục".encode(), "a.pdf", "text/plain"),
        (b"a,b", "a.csv", "text/csv"),
        (b"<?xml version='1.0'?>", "a.dat", "application/xml"),
        (b"<edXML/>", "a.edxml", "application/xml"),
        (b"a\x00b", "a.txt", "application/octet-stream"),
        (b"a\xffb", "a.txt", "application/octet-stream"),
        ("ề".encode() * 1365 + b"\xe1", "a.txt", "text/plain"),
        (b"\xe1", "a.txt", "application/octet-stream"),
    ],
)
def test_bytes_decide_the_type_and_the_name_only_its_kind(
    head: bytes, name: str, media_type: str
) -> None:
    assert sniff(head, name) == media_type
