"""What a format writes, it reads back: every document, every status, every file."""

from datetime import UTC, date, datetime
from io import BytesIO

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.conformance.files import MemoryFiles
from adapters.conformance.formats import TODAY, WRITTEN_AT
from adapters.contract import Format, Limits, Message
from adapters.formats.attachment_name import safe_name
from adapters.formats.canonical_json import (
    CanonicalJsonFormat,
    from_canonical_json,
    to_canonical_json,
)
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.edxml.writer import unwritten
from adapters.formats.text import BLANKS, fault_in
from schemas.codes import BusinessType, Priority, StatusCode
from schemas.document import (
    Bussiness,
    Document,
    Hop,
    Organization,
    ReceiverChange,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
)
from schemas.reading import Reading
from schemas.secrecy import declared_mark
from schemas.status import StatusReport
from tests.support.builders import PDF, attachment, encoded, listed, packet, zipped

FORMATS = (EdxmlFormat(), EdxmlFormat(zip_attachments=True), CanonicalJsonFormat())


def optional(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


def several(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, max_size=3).map(tuple)


texts = (
    st.text(min_size=1, max_size=60)
    .filter(lambda text: fault_in(text) is None)
    .map(lambda text: text.strip(BLANKS))
    .filter(bool)
) | st.sampled_from(
    ['Quyết định <số> & "phụ lục"', "a\r\nb\tc", "]]>", "e\u0301", "𠮷", "\xa0\ufffc"]
)
codes = texts.filter(lambda text: text.casefold() != "null")
days = st.dates(date(1945, 1, 1), date(2100, 12, 31))
moments = st.integers(-788_000_000, 4_133_000_000).map(  # whole seconds, 1945 to 2100
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
flags = st.none() | st.booleans()
counts = st.none() | st.integers(0, 65535)
texts_or_none = optional(texts)
steps = st.sampled_from(
    ["New", "New[2]", "Mới", "{urn:khac}B", "{}C", "Subject", "OrganId", "Signature", "a b", "To"]
)
raw_paths = st.tuples(
    st.sampled_from(
        [
            *("", "From/", "To[1]/", "To[2]/", "Code/", "OtherInfo/", "OtherInfo/Appendixes/"),
            *("TraceHeaderList/", "TraceHeaderList/Bussiness/", "TraceHeaderList/TraceHeader[1]/"),
            *("ResponseFor[1]/", "ResponseFor/", "StaffInfo/", "Attachment[1]/", "Reference[2]/"),
            *("edXML/", "edXMLEnvelope/", "edXMLHeader/", "edXMLBody/edXMLManifest/"),
            *("SignerInfo/", "TraceHeaderList/Bussiness/StaffInfo[1]/", "ToPlaces/"),
        ]
    ),
    st.lists(steps, min_size=1, max_size=3).map("/".join),
).map("".join) | st.sampled_from(
    ["SteeringType", "OtherInfo/Direction", "DocumentType/TypeDetail", "ResponseForTask/TaskCode"]
)
organizations = st.builds(
    Organization,
    organ_id=codes,
    governing_body=texts_or_none,
    name=texts_or_none,
    address=texts_or_none,
    email=texts_or_none,
    telephone=texts_or_none,
    fax=texts_or_none,
    website=texts_or_none,
)
staff = st.builds(
    Staff,
    department=texts,
    department_id=texts_or_none,
    staff=texts_or_none,
    staff_id=texts_or_none,
    email=texts_or_none,
    mobile=texts_or_none,
)
bussiness = st.builds(
    Bussiness,
    type=st.sampled_from(BusinessType),
    target_document_id=texts_or_none,
    reason=texts_or_none,
    paper_raw=texts_or_none,
    content_changes=flags,
    receivers_change=flags,
    receiver_changes=several(st.builds(ReceiverChange, organ_id=codes, added=st.booleans())),
    replacements=several(
        st.builds(Replacement, document_id=texts, organ_ids=st.lists(codes, max_size=2).map(tuple))
    ),
    staff=several(staff),
).map(
    lambda block: (
        block
        if block.type in {BusinessType.RECALL, BusinessType.UPDATE}
        else block.model_copy(update={"target_document_id": None})
    )
)
raws = st.dictionaries(texts | raw_paths, texts, max_size=4)
files = (
    st.binary(max_size=400)
    | st.binary(max_size=200).map(lambda data: b"%PDF-1.4\n" + data)
    | st.binary(max_size=200).map(lambda data: zipped(("tệp.pdf", data)))
    | st.binary(max_size=200).map(lambda data: zipped(("a.docx", data), ("b.xml", data)))
    | st.binary(max_size=20).map(lambda data: "\N{REPLACEMENT CHARACTER}".encode() * 40 + data)
    | st.text(max_size=100).map(str.encode)
)
names = st.text(min_size=1, max_size=30) | st.sampled_from(
    ["147.signed.PDF", "bảng.xlsx", "a.docx", "thư.ZIP", "../../b.pdf", "không đuôi", "a.b.c", "."]
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[Document, tuple[bytes, ...]]:
    """A document that bears no mark of secrecy, with a hop at least, and its attachments' files."""
    found = tuple(draw(st.lists(files, max_size=3)))
    attachments = tuple(
        attachment(safe_name(draw(names), data[:4096]), data, description=draw(texts_or_none))
        for data in found
    )
    signed = draw(st.booleans())
    document = Document(
        from_agency=draw(organizations),
        to_agencies=tuple(draw(st.lists(organizations, min_size=1, max_size=3))),
        document_id=draw(texts),
        number=draw(texts_or_none),
        notation=draw(texts_or_none),
        place=draw(texts_or_none),
        issued_on=draw(st.none() | days),
        type_code=draw(st.none() | st.integers(-999_999_999, 999_999_999)),
        type_name=draw(texts_or_none),
        subject=draw(texts_or_none),
        content=draw(texts_or_none),
        signer=Signer(competence=draw(texts_or_none), full_name=draw(texts)) if signed else None,
        due_on=draw(st.none() | days),
        priority=draw(st.sampled_from(Priority)),
        circulation=draw(texts_or_none),
        drafter=draw(texts_or_none),
        copies=draw(counts),
        pages=draw(counts),
        appendixes=draw(several(texts)),
        response_for=draw(
            several(st.builds(ResponseFor, organ_id=optional(codes), code=texts, issued_on=days))
        ),
        to_places=draw(several(texts)),
        bussiness=draw(bussiness),
        hops=(Hop(organ_id=draw(codes), at=draw(moments)), *draw(several(hops))),
        attachments=attachments,
        raw=draw(raws),
    )
    assume(declared_mark(document) is None)
    return document, found


hops = st.builds(Hop, organ_id=optional(codes), at=st.none() | moments)
statuses = st.builds(
    StatusReport,
    from_agency=organizations,
    to_organ_id=codes,
    document_code=texts,
    document_id=texts_or_none,
    issued_on=st.none() | days,
    staff=st.none() | staff,
    code=st.sampled_from(StatusCode).map(str) | st.sampled_from(["07", "14"]),
    description=texts_or_none,
    at=st.none() | moments,
    raw=raws,
)


def read(format_: Format, file: bytes, shelf: MemoryFiles) -> Reading:
    return format_.read(BytesIO(file), sink=shelf, limits=Limits(), today=TODAY)


def write(format_: Format, message: Message, shelf: MemoryFiles) -> bytes:
    return b"".join(format_.write(message, attachments=shelf, written_at=WRITTEN_AT))


def carried(format_: Format, message: Message) -> Message:
    """What a format carries of a message: all of it, but raw values without a place."""
    if not isinstance(format_, EdxmlFormat):
        return message
    lost = unwritten(message)
    kept = {path: value for path, value in message.raw.items() if path not in lost}
    return message.model_copy(update={"raw": kept})


def as_read(message: Message) -> Message:
    """A message with its raw values under the paths that a reader would give them."""
    edxml, shelf = EdxmlFormat(), MemoryFiles()
    bare = (
        message.model_copy(update={"attachments": ()}) if isinstance(message, Document) else message
    )
    return message.model_copy(
        update={"raw": read(edxml, write(edxml, bare, shelf), shelf).message.raw}
    )


@settings(max_examples=60)
@pytest.mark.parametrize("format_", FORMATS, ids=["edxml", "edxml zipped", "json"])
@given(made=documents())
def test_every_document_comes_back(
    format_: Format, made: tuple[Document, tuple[bytes, ...]]
) -> None:
    document, found = as_read(made[0]), made[1]
    shelf = MemoryFiles()

    reading = read(format_, write(format_, document, MemoryFiles(found)), shelf)

    assert reading.message == carried(format_, document)
    assert shelf.files == MemoryFiles(found).files
    assert not shelf.open_writers


@pytest.mark.parametrize("format_", FORMATS, ids=["edxml", "edxml zipped", "json"])
@given(report=statuses)
def test_every_status_comes_back(format_: Format, report: StatusReport) -> None:
    message = as_read(report)
    reading = read(format_, write(format_, message, MemoryFiles()), MemoryFiles())

    assert reading.message == carried(format_, message)


@settings(max_examples=30)
@given(made=documents())
def test_canonical_fields_alone_come_back_from_json(
    made: tuple[Document, tuple[bytes, ...]],
) -> None:
    document, _ = made

    assert as_read(as_read(document)) == as_read(document)
    assert from_canonical_json(to_canonical_json(document)) == document


@settings(max_examples=200)
@given(message=documents().map(lambda made: made[0]) | statuses)
def test_every_raw_value_is_written_back_or_told(message: Message) -> None:
    bare = (
        message.model_copy(update={"attachments": ()}) if isinstance(message, Document) else message
    )
    lost = unwritten(bare)
    kept = sorted(value for path, value in bare.raw.items() if path not in lost)

    assert sorted(as_read(bare).raw.values()) == kept
    assert not unwritten(as_read(bare))


ODD = (
    ("<edXML:OrganId>000.00.07.H99</edXML:OrganId>", "<edXML:OrganId> 28.22.H17\n</edXML:OrganId>"),
    ("<edXML:DocumentId>000.00.00.H98,2026/03/12,147/UBND-VP</edXML:DocumentId>", ""),
    ("2026/03/12</edXML:P", "12/03/2026</edXML:P"),
    ("<edXML:Type>2</edXML:Type>", "<edXML:Type>hai</edXML:Type>"),
    ("<edXML:Priority>0", "<edXML:Direction>false</edXML:Direction><edXML:Priority>5"),
    ("<edXML:OrganId>000.00.00.H98</edXML:OrganId>\n          <edXML:T", "<edXML:T"),
    ("2026/03/12 09:15:00", "2026/03/12"),
    ("</edXML:MessageHeader>", "<edXML:DueDate>2026/02/30</edXML:DueDate></edXML:MessageHeader>"),
    (
        "<edXML:BussinessDocType>0</edXML:BussinessDocType>",
        "<edXML:DocumentId>x</edXML:DocumentId>",
    ),
    ("<edXML:SignerInfo><edXML:FullName>Nguyễn Văn Mẫu</edXML:FullName></edXML:SignerInfo>", ""),
    ("<edXML:Subject>", "<edXML:New><edXML:A>1</edXML:A></edXML:New><edXML:Subject>"),
    listed("khác.doc"),
    ("<edXML:edXMLHeader>", '<edXML:edXMLHeader xlink:type="x">'),
)
"""Changes that make the packet odd but leave it acceptable, each independent of the others."""


@settings(max_examples=100)
@given(
    changes=st.sets(st.sampled_from(ODD)),
    data=files,
    name=st.sampled_from(["a.pdf", "A.PDF", "không đuôi", "x.zip", "..\\a.docx", ""]),
    declared=st.sampled_from(["application/pdf", "text/plain", "application/doc", ""]),
)
def test_an_odd_packet_is_the_same_document_once_it_is_rewritten(
    changes: set[tuple[str, str]], data: bytes, name: str, declared: str
) -> None:
    edxml, shelf = EdxmlFormat(), MemoryFiles()
    odd = packet(*sorted(changes), files=encoded(name, data, declared=declared))

    first = read(edxml, odd, shelf)
    again = read(edxml, write(edxml, first.message, shelf), shelf)

    assert again.message == carried(edxml, first.message)
    assert not again.repaired


def test_a_wrapped_pdf_is_unwrapped_once_and_stays_whole_from_then_on() -> None:
    """A ZIP in a ZIP: the inner one is the file, and must not be unwrapped by the next reader."""
    edxml, shelf = EdxmlFormat(), MemoryFiles()
    inner = zipped(("b.pdf", PDF))
    wrapped = encoded("a.pdf", zipped(("c.pdf", inner)), declared="application/zip")

    first = read(edxml, packet(files=wrapped), shelf)
    again = read(edxml, write(edxml, first.message, shelf), shelf)

    assert isinstance(again.message, Document)
    assert shelf.files[again.message.attachments[0].sha256] == inner
