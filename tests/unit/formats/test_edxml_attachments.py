"""Attachments: matching, base64, the one-entry ZIP and its dangers, names and types."""

import struct
from base64 import b64encode
from hashlib import sha256

import pytest

from adapters.conformance.files import MemoryFiles
from adapters.contract import Limits
from schemas.document import Attachment, Document
from tests.support.builders import (
    PDF,
    encoded,
    listed,
    packet,
    read_packet,
    refusal,
    warned,
    zipped,
)

DOCX = zipped(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>"))


def packet_with(name: str, data: bytes | str, declared: str = "application/pdf") -> bytes:
    return packet(listed(name), files=encoded(name, data, declared=declared))


def read_one(data: bytes) -> tuple[Attachment, bytes, list[str]]:
    """The only attachment of a packet, its bytes, and the warnings."""
    shelf = MemoryFiles()
    reading = read_packet(data, shelf)
    assert not shelf.open_writers
    assert isinstance(reading.message, Document)
    [attachment] = reading.message.attachments
    return attachment, shelf.files[attachment.sha256], warned(reading)


def test_a_plain_file_arrives_as_it_was() -> None:
    attachment, data, warnings = read_one(packet_with("a.pdf", PDF))

    assert data == PDF
    assert attachment == Attachment(
        name="a.pdf",
        media_type="application/pdf",
        size=len(PDF),
        sha256=sha256(PDF).hexdigest(),
    )
    assert warnings == []


# --- matching with the manifest -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_manifest", "in_attachment"),
    [("cid:7", "7"), ("7", "cid:cid:7"), ("cid:cid:7", "cid:7")],
)
def test_content_ids_match_without_their_cid(in_manifest: str, in_attachment: str) -> None:
    files = encoded("a.pdf", PDF, content_id=in_attachment)

    assert read_one(packet(listed("a.pdf", content_id=in_manifest), files=files))[2] == []


def test_a_listed_attachment_that_is_missing_is_refused_with_its_line() -> None:
    problem = refusal(packet(listed("a.pdf")))

    assert (problem.code, problem.place.line, problem.place.file) == (
        "E_ATTACHMENT_MISSING",
        36,
        "a.pdf",
    )


def test_an_attachment_nobody_listed_is_told() -> None:
    assert read_one(packet(files=encoded("a.pdf", PDF)))[2] == ["W_ATTACHMENT_UNLISTED"]


def test_one_content_id_for_two_attachments_is_refused() -> None:
    twice = encoded("a.pdf", PDF) + encoded("b.pdf", PDF, content_id="1")

    assert refusal(packet(files=twice)).code == "E_CONTENT_ID_DUPLICATE"
    assert refusal(packet(listed("a.pdf"), listed("b.pdf"))).code == "E_CONTENT_ID_DUPLICATE"


def test_the_attachments_may_stand_before_the_manifest_or_in_the_envelope() -> None:
    usual = packet_with("a.pdf", PDF).decode()
    start, end = usual.index("<AttachmentEncoded>"), usual.index("\n</edXML>")
    files, rest = usual[start:end], usual[:start] + usual[end:]
    before = rest.replace("  <edXML:edXMLEnvelope", f"{files}<edXML:edXMLEnvelope")
    inside = rest.replace("</edXML:edXMLEnvelope>", f"{files}</edXML:edXMLEnvelope>")

    assert read_one(before.encode()) == read_one(inside.encode()) == read_one(usual.encode())


def test_what_an_attachment_leaves_out_is_told() -> None:
    bare = encoded("a.pdf", PDF).replace("<ContentId>cid:1</ContentId>", "")
    bare = bare.replace("<AttachmentName>a.pdf</AttachmentName>", "")
    bare = bare.replace("<ContentType>application/pdf</ContentType>", "<Format>pdf</Format>")
    attachment, _, warnings = read_one(packet(files=bare))

    assert attachment.name == "#1.pdf"
    assert warnings == [
        "W_MISSING_CONTENTID",
        "W_MISSING_CONTENTTYPE",
        "W_MISSING_ATTACHMENTNAME",
        "W_ATTACHMENT_UNLISTED",
    ]


NAMED = "<ContentId>cid:1</ContentId>"
OTHER = b"%PDF-1.4 other"


@pytest.mark.parametrize("lacks", ["the attachment", "its line", "both"])
def test_what_lacks_a_content_id_is_paired_by_its_name(lacks: str) -> None:
    files = encoded("khác.pdf", OTHER, content_id="2") + encoded("a.pdf", PDF)
    old, line = listed("a.pdf")
    if lacks != "its line":
        files = files.replace(NAMED, "")
    if lacks != "the attachment":
        line = line.replace("<edXML:ContentId>cid:1</edXML:ContentId>", "")
    reading = read_packet(packet(listed("khác.pdf", content_id="2"), (old, line), files=files))

    assert isinstance(reading.message, Document)
    assert [each.name for each in reading.message.attachments] == ["khác.pdf", "a.pdf"]
    assert warned(reading) == [
        "W_MISSING_CONTENTID",
        *(["W_MISSING_CONTENTID"] if lacks == "both" else []),
        "W_ATTACHMENT_PAIRED",
    ]


def test_a_name_that_could_mean_two_pairs_nothing() -> None:
    bare = encoded("a.pdf", PDF).replace(NAMED, "")
    two_lines = packet(listed("a.pdf"), listed("a.pdf", content_id="2"), files=bare)
    two_files = packet(listed("a.pdf"), files=bare + encoded("a.pdf", OTHER).replace(NAMED, ""))
    another = packet(listed("b.pdf"), files=bare)
    another_id = packet(listed("a.pdf"), files=encoded("a.pdf", PDF, content_id="9"))

    for data in (two_lines, two_files, another, another_id):
        assert refusal(data).code == "E_ATTACHMENT_MISSING"


def test_the_manifest_names_what_the_attachment_does_not() -> None:
    nameless = encoded("", PDF)

    assert read_one(packet(listed("b.pdf"), files=nameless))[0].name == "b.pdf"


def test_an_attachment_without_content_or_with_two_is_refused() -> None:
    whole = encoded("a.pdf", PDF)
    start = whole.index("<edXML:Content")
    content = whole[start:].removesuffix("</Attachment>")

    none, two = whole.replace(content, ""), whole.replace(content, content * 2)

    assert refusal(packet(files=none)).code == "E_STRUCTURE"
    assert refusal(packet(files=two)).code == "E_LIMIT"


# --- base64 ---------------------------------------------------------------------------------------


def test_base64_may_be_wrapped_and_indented() -> None:
    text = b64encode(PDF).decode()
    wrapped = "\r\n\t" + "\r\n  ".join(text[at : at + 77] for at in range(0, len(text), 77)) + "\n"

    assert read_one(packet_with("a.pdf", wrapped))[1] == PDF


@pytest.mark.parametrize(
    "content",
    [
        "${__StringFromFile(test.txt)}",
        "QQ",
        "QQ=",
        "QQ==QQ==",
        "Q===",
        "QUJ-",
        "QUJĐ",
        "QUJD<b/>",
    ],
)
def test_other_text_as_content_is_refused_with_file_and_line(content: str) -> None:
    problem = refusal(packet_with("a.pdf", content))

    assert (problem.code, problem.place.file, problem.place.line) == ("E_BASE64", "a.pdf", 38)


def test_an_empty_content_is_an_empty_file() -> None:
    assert read_one(packet_with("a.txt", "", "text/plain"))[1] == b""


# --- the one-entry ZIP ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "declared", "entry", "warnings"),
    [
        ("a.pdf", "application/zip", "0d9f3c52.pdf", []),
        ("a.pdf", "application/zip", "0d9f3c52.tmp", []),
        ("a.pdf", " Application/ZIP ", "b.pdf", []),
        ("a.pdf", "application/x-zip-compressed", "b.pdf", []),
        ("A.PDF", "application/pdf", "b.pdf", ["W_ZIP_UNDECLARED"]),
        ("a.pdf", "text/plain", "b.Pdf", ["W_ZIP_UNDECLARED", "W_MIME_MISMATCH"]),
    ],
)
def test_a_one_entry_zip_is_unwrapped(
    name: str, declared: str, entry: str, warnings: list[str]
) -> None:
    attachment, data, told = read_one(packet_with(name, zipped((entry, PDF)), declared))

    assert (attachment.name, attachment.media_type, data) == (name, "application/pdf", PDF)
    assert told == warnings


@pytest.mark.parametrize(
    ("name", "declared", "data"),
    [
        ("a.zip", "application/zip", zipped(("b.zip", PDF))),
        ("a.docx", "application/zip", DOCX),
        ("a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", DOCX),
        ("a.pdf", "application/pdf", zipped(("b.txt", PDF))),
        ("a.pdf", "application/zip", PDF),
        ("a.kmz", "application/zip", zipped(("doc.kml", b"<kml/>"))),
        ("a.KMZ", "application/x-zip-compressed", zipped(("doc.kml", b"<kml/>"))),
        ("a.jar", "application/zip", zipped(("META-INF/MANIFEST.MF", b""))),
        ("a.apk", "application/zip", zipped(("AndroidManifest.xml", b""))),
        ("a.epub", "application/zip", zipped(("mimetype", b"application/epub+zip"))),
        ("a.odt", "application/zip", zipped(("content.xml", b"<x/>"))),
        ("a.docx", "application/zip", zipped(("[Content_Types].xml", b"<x/>"))),
        ("a.asice", "application/zip", zipped(("a", b"1"), ("META-INF/b", b"2"))),
    ],
)
def test_every_other_file_stays_whole(name: str, declared: str, data: bytes) -> None:
    assert read_one(packet_with(name, data, declared))[1] == data


def test_the_zip_around_a_file_that_is_itself_a_zip_is_taken_off() -> None:
    kmz = zipped(("doc.kml", b"<kml/>"))
    attachment, data, _ = read_one(
        packet_with("a.kmz", zipped(("0d9f3c52.kmz", kmz)), "application/zip")
    )

    assert (attachment.media_type, data) == ("application/vnd.google-earth.kmz", kmz)


def test_unwrapping_is_not_repeated() -> None:
    inner = zipped(("b.pdf", PDF))

    assert read_one(packet_with("a.pdf", zipped(("c.pdf", inner)), "application/zip"))[1] == inner


def test_an_attached_packet_is_a_plain_file() -> None:
    attachment, data, _ = read_one(packet_with("a.edxml", packet(), "application/xml"))

    assert (attachment.media_type, data) == ("application/xml", packet())


def bent(archive: bytes, *, at: int, value: bytes) -> bytes:
    """An archive with a field of its central directory header changed (APPNOTE 4.3.12)."""
    start = archive.index(b"PK\x01\x02") + at
    return archive[:start] + value + archive[start + len(value) :]


GOOD = zipped(("b.pdf", PDF))
BOMB = zipped(("b.pdf", bytes(4 << 20)))


@pytest.mark.parametrize(
    ("archive", "cause"),
    [
        (zipped(("a.pdf", PDF), ("b.pdf", PDF)), "exactly one entry"),
        (zipped(), "exactly one entry"),
        (zipped(("../b.pdf", PDF)), "path"),
        (zipped(("x/b.pdf", PDF)), "path"),
        (zipped(("x\\b.pdf", PDF)), "path"),
        (zipped(("C:b.pdf", PDF)), "path"),
        (zipped(("b/", b"")), "path"),
        (bent(GOOD, at=38, value=struct.pack("<L", 0o120777 << 16)), "regular file"),
        (bent(GOOD, at=38, value=struct.pack("<L", 0x10)), "regular file"),
        (bent(GOOD, at=8, value=b"\x01\x00"), "encrypted"),
        (bent(GOOD, at=10, value=b"\x0c\x00"), "method 12"),
        (bent(GOOD, at=16, value=b"\x00\x00\x00\x00"), "checksum"),
        (bent(GOOD, at=46, value=b"c"), "contradict"),
        (GOOD[:60] + b"\xff\xff\xff" + GOOD[63:], "damaged"),
        (GOOD[:-30] + b"xx" + GOOD[-28:], "exactly one entry"),
        (BOMB, "100 to 1"),
    ],
)
def test_an_unsafe_archive_is_refused_with_its_cause(archive: bytes, cause: str) -> None:
    data = archive if archive.startswith(b"PK\x03\x04") else b"PK\x03\x04" + archive
    problem = refusal(packet_with("a.pdf", data, "application/zip"))

    assert (problem.code, problem.place.file, problem.place.line) == ("E_ZIP_UNSAFE", "a.pdf", 38)
    assert cause in problem.because.text()


def test_the_sizes_in_a_zip_header_are_not_believed() -> None:
    lying = bent(BOMB, at=24, value=struct.pack("<L", 10))
    small = Limits(max_zip_ratio=10_000, max_packet_bytes=1 << 20)

    assert (
        "may contain"
        in refusal(packet_with("a.pdf", lying, "application/zip"), small).because.text()
    )


def test_an_archive_that_hides_an_entry_is_no_one_entry_zip() -> None:
    """A second entry stands before the one that the directory lists."""
    hidden = zipped(("evil.pdf", b"%PDF-evil"), ("b.pdf", PDF))
    first = hidden.index(b"PK\x01\x02")
    second = hidden.index(b"PK\x01\x02", first + 1)
    end = hidden.index(b"PK\x05\x06")
    directory = hidden[second:end]
    closing = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), first, 0)

    problem = refusal(packet_with("a.pdf", hidden[:first] + directory + closing, "application/zip"))

    assert problem.code == "E_ZIP_UNSAFE"


# --- names, types, damage -------------------------------------------------------------------------


def test_a_dangerous_name_is_made_safe_and_told() -> None:
    attachment, _, warnings = read_one(packet_with("..\\..\\công\u202evăn.pdf", PDF))

    assert attachment.name == "côngvăn.pdf"
    assert warnings == ["W_NAME_SANITISED"]


def test_a_lying_type_is_told_and_kept_raw() -> None:
    reading = read_packet(packet_with("a.pdf", PDF, "application/xsl"))

    assert warned(reading) == ["W_MIME_MISMATCH"]
    assert reading.message.raw == {"Attachment[1]/ContentType": "application/xsl"}


@pytest.mark.parametrize(
    ("name", "hits", "size", "damaged"),
    [
        ("a.pdf", 16, 0, True),
        ("a.doc", 16, 16 * 4096 - 48, True),
        ("a.doc", 16, 16 * 4096 - 47, False),
        ("a.doc", 15, 0, False),
        ("a.txt", 500, 0, False),
    ],
)
def test_a_file_that_passed_a_text_decoder_is_marked_damaged(
    name: str, hits: int, size: int, damaged: bool
) -> None:
    data = "\N{REPLACEMENT CHARACTER}".encode() * hits + b"x" * size
    attachment, _, warnings = read_one(packet_with(name, data, "text/plain"))

    assert attachment.damaged is damaged
    assert ("W_ATTACHMENT_DAMAGED" in warnings) is damaged


# --- limits ---------------------------------------------------------------------------------------


def test_the_unwrapped_files_together_may_not_exceed_the_limit() -> None:
    three = "".join(
        encoded(f"{n}.pdf", zipped((f"{n}.pdf", PDF * 20)), content_id=str(n)) for n in range(3)
    )
    room = Limits(max_packet_bytes=len(PDF) * 50)

    problem = refusal(packet(files=three), room)

    assert problem.code == "E_ZIP_UNSAFE"
    assert problem.place.file == "2.pdf"
