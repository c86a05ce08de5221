"""Canonical JSON: one object in any order, strict in form, with line and path of every fault."""

import json
from base64 import b64encode
from hashlib import sha256
from io import BytesIO

import pytest

from adapters.conformance.files import MemoryFiles
from adapters.conformance.formats import TODAY, WRITTEN_AT
from adapters.contract import Limits, Message
from adapters.formats.canonical_json import (
    CanonicalJsonFormat,
    from_canonical_json,
    to_canonical_json,
)
from schemas.document import Document
from schemas.problem import DocumentError, Problem
from schemas.reading import Reading
from tests.support.builders import PDF, attachment, document, status_report, warned

DIGEST = sha256(PDF).hexdigest()


def written(message: Message, *files: bytes) -> dict[str, object]:
    chunks = CanonicalJsonFormat().write(
        message, attachments=MemoryFiles(files), written_at=WRITTEN_AT
    )
    parsed: dict[str, object] = json.loads(b"".join(chunks))
    return parsed


def read(file: object, shelf: MemoryFiles | None = None) -> Reading:
    data = file if isinstance(file, bytes) else json.dumps(file, indent=1).encode()
    return CanonicalJsonFormat().read(
        BytesIO(data), sink=shelf or MemoryFiles(), limits=Limits(), today=TODAY
    )


def refusal(file: object) -> Problem:
    shelf = MemoryFiles()
    with pytest.raises(DocumentError) as refused:
        read(file, shelf)
    assert not shelf.open_writers
    return refused.value.problem


def changed(**fields: object) -> dict[str, object]:
    """The file of a document without attachments, with some of its fields replaced."""
    file = written(document(attachments=()))
    assert isinstance(file["document"], dict)
    file["document"] |= fields
    return file


def test_a_file_is_self_contained_json() -> None:
    file = written(document(), PDF)

    assert list(file) == ["format", "version", "document", "contents"]
    assert file["format"] == "lienthong.document"
    assert file["contents"] == {DIGEST: b64encode(PDF).decode()}


def test_a_file_named_twice_is_carried_once() -> None:
    twice = document(attachments=(attachment("a.pdf", PDF), attachment("b.pdf", PDF)))
    file = written(twice, PDF)

    assert file["contents"] == {DIGEST: b64encode(PDF).decode()}
    assert read(file).message == twice


@pytest.mark.parametrize("indent", [None, 3])
def test_members_come_in_any_order_and_layout(indent: int | None) -> None:
    shelf = MemoryFiles()
    backwards = dict(reversed(written(document(), PDF).items()))

    reading = read(json.dumps(backwards, indent=indent).encode(), shelf)

    assert reading.message == document()
    assert shelf.files == {DIGEST: PDF}
    assert reading.warnings == ()


def test_other_encoders_escape_slashes() -> None:
    data = b"\xff\xff\xff" * 200_000
    large = document(attachments=(attachment("a.bin", data),))
    text = json.dumps(written(large, data)).replace("/", "\\/")
    shelf = MemoryFiles()

    assert read(text.encode(), shelf).message == large
    assert data in shelf.files.values()


def test_canonical_fields_alone_are_the_same_file_without_contents() -> None:
    alone = to_canonical_json(document())
    file = written(document(), PDF)
    del file["contents"]

    assert json.loads(alone) == file
    assert alone == to_canonical_json(document())
    assert "Công văn".encode() in alone
    assert from_canonical_json(alone) == document()
    assert from_canonical_json(to_canonical_json(status_report())) == status_report()


def test_what_holds_its_default_is_left_out() -> None:
    assert b"priority" not in to_canonical_json(document(priority=0))


# --- tolerance ------------------------------------------------------------------------------------


def test_texts_are_trimmed_and_empty_ones_are_absent() -> None:
    reading = read(changed(subject="  V/v \n", content=" ", place=None, to_places=["", "a"]))

    assert isinstance(reading.message, Document)
    assert reading.message.subject == "V/v"
    assert (reading.message.content, reading.message.place) == (None, None)
    assert reading.message.to_places == ("a",)


def test_unknown_fields_are_told_by_path() -> None:
    file = changed(subjekt="x", signer={"full_name": "A", "rank": "B"}) | {"extra": 1}
    paths = [warning.params["element"] for warning in read(file).warnings]

    assert paths == ["document.signer.rank", "document.subjekt", "extra"]


def test_the_same_judgement_as_for_edxml() -> None:
    late = changed(issued_on="2026-11-23", number=None, bussiness={"type": 1})

    assert warned(read(late)) == [
        "W_MISSING_CODENUMBER",
        "W_MISSING_BUSSINESSDOCREASON",
        "W_DATE_FUTURE",
    ]
    assert refusal(changed(circulation="Tối mật")).code == "E_STATE_SECRET"


def test_attachments_are_described_anew_from_their_bytes() -> None:
    said = attachment("../a", PDF, media_type="application/zip")
    reading = read(written(document(attachments=(said,)), PDF))

    assert isinstance(reading.message, Document)
    assert reading.message.attachments == (attachment("a.pdf", PDF),)
    assert warned(reading) == ["W_NAME_SANITISED", "W_MIME_MISMATCH"]


def test_a_byte_order_mark_is_told() -> None:
    assert warned(read(b"\xef\xbb\xbf" + to_canonical_json(status_report()))) == ["W_BOM"]


def test_a_newer_minor_version_is_read() -> None:
    assert read(changed() | {"version": "1.7"}).message == document(attachments=())


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "shown", "path"),
    [
        ({"document_id": None}, '"document_id": null', "document.document_id"),
        ({"to_agencies": []}, '"to_agencies": []', "document.to_agencies"),
        ({"to_agencies": [{"name": "b"}]}, '"to_agencies": [', "document.to_agencies.0.organ_id"),
        ({"type_code": "2"}, '"type_code": "2"', "document.type_code"),
        ({"issued_on": "12/03/2026"}, '"12/03/2026"', "document.issued_on"),
        ({"issued_on": 20260312}, "20260312", "document.issued_on"),
        ({"pages": 65536}, "65536", "document.pages"),
        ({"hops": [{"at": "2026-03-12T09:15:00"}]}, "09:15:00", "document.hops.0.at"),
        ({"subject": "a\u0000b"}, "\\u0000", "document.subject"),
        ({"priority": 5}, '"priority": 5', "document.priority"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_with_line_and_path(
    fields: dict[str, object], shown: str, path: str
) -> None:
    lines = json.dumps(changed(**fields), indent=1).splitlines()
    problem = refusal(changed(**fields))
    line = problem.place.line or 0

    assert (problem.code, problem.place.field) == ("E_SCHEMA", path)
    assert shown in lines[line - 1] or shown in lines[line - 2]


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b'{"a": 1,\n "b" 2}', 2, 6),
        (b'{"a": [1,\n 2,]}', 2, 4),
        (b'{"a": NaN}', 1, 7),
        (b'{"a":\n  {"x": 1, "x": 2}}', 2, 3),
        (b'{"a": 1} x', 1, 10),
        (b'{"a": 1', 1, 7),
        (b'{"a": "x', 1, 7),
        (b'{"a": }', 1, 7),
        (b"{a: 1}", 1, 2),
        (b"[]", 1, 1),
        (b'{"a": 1, "a": 2}', 1, 14),
        (b'{"a": ' + b"9" * 5000 + b"}", 1, 7),
    ],
)
def test_what_is_no_strict_json_is_refused_with_its_place(
    data: bytes, line: int, column: int
) -> None:
    problem = refusal(data)

    assert problem.code in {"E_NOT_WELL_FORMED", "E_SCHEMA"}
    assert (problem.place.line, problem.place.column) == (line, column)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "E_EMPTY"),
        ('{"format": "x"}'.encode("utf-16"), "E_ENCODING"),
        (b'{"format": "\xff"}', "E_ENCODING"),
        (b'{"a": ' + b"[" * 1_000_000, "E_DEPTH"),
        (b'{"a": "' + b"x" * 20_000_000, "E_LIMIT"),
        (b'{"a": "' + b'\\"' * 10_000_000, "E_LIMIT"),
        (b"{" + b'"a": 1, ' * 10, "E_NOT_WELL_FORMED"),
        (b"{" + b",".join(b'"%d": 1' % n for n in range(1000)), "E_NOT_WELL_FORMED"),
    ],
)
def test_hostile_files_are_refused(data: bytes, code: str) -> None:
    assert refusal(data).code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": "lienthong.letter"}, "E_SCHEMA"),
        ({"format": 1}, "E_SCHEMA"),
        ({"version": "2.0"}, "E_UNSUPPORTED_VERSION"),
        ({"version": 1}, "E_SCHEMA"),
        ({"contents": {}}, "E_ATTACHMENT_MISSING"),
        ({"contents": {DIGEST: "QUJD"}}, "E_ATTACHMENT_DIGEST"),
        ({"contents": {DIGEST: "QUJ"}}, "E_BASE64"),
        ({"contents": {DIGEST: "QU\nJD"}}, "E_BASE64"),
        ({"contents": []}, "E_NOT_WELL_FORMED"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(change: dict[str, object], code: str) -> None:
    assert refusal(written(document(), PDF) | change).code == code


def test_a_wrong_size_is_refused() -> None:
    said = attachment("a.pdf", PDF, size=7)
    problem = refusal(written(document(attachments=(said,)), PDF))

    assert (problem.code, problem.place.field) == ("E_SCHEMA", "document.attachments.0.size")


def test_contents_nobody_names_are_told() -> None:
    file = changed() | {"contents": {DIGEST: b64encode(PDF).decode()}}

    assert warned(read(file)) == ["W_ATTACHMENT_UNLISTED"]


@pytest.mark.parametrize(
    ("head", "name", "recognised"),
    [
        (b"", "a.json", True),
        (b"", "A.JSON", True),
        (b' {"format": "lienthong.status"', "a.dat", True),
        (b'{"format": "khac"', "a.dat", False),
        (b"<edXML", "a.edxml", False),
    ],
)
def test_it_is_recognised_by_suffix_or_by_its_first_words(
    head: bytes, name: str, recognised: bool
) -> None:
    assert CanonicalJsonFormat().recognises(head, name) is recognised
