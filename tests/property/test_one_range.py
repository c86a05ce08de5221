"""Whatever one format accepts, every format can write and read again: one range for all."""

import json
from datetime import date
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.conformance.files import MemoryFiles
from adapters.conformance.formats import TODAY
from adapters.contract import Format, Limits, Message
from adapters.formats.canonical_json import CanonicalJsonFormat
from adapters.formats.edxml import EdxmlFormat
from bus.core.wire import body_of
from schemas.document import Document
from schemas.problem import DocumentError
from schemas.reading import Reading
from schemas.status import StatusReport
from tests.property.test_edxml_round_trip import carried, write
from tests.support.builders import packet, read_packet
from tests.support.envelopes import an_envelope

EDXML, JSON = EdxmlFormat(), CanonicalJsonFormat()

days = st.dates().map(date.isoformat) | st.sampled_from(
    ["0001-01-01", "1944-12-31", "1945-01-01", "2100-12-31", "2101-01-01", "9999-12-31"]
)
offsets = st.sampled_from(["Z", "+07:00", "-12:00", "+14:00", "+00:01"])
stamps = st.tuples(
    st.datetimes().map(lambda moment: moment.isoformat()) | days.map("{}T00:00:00".format), offsets
).map("".join) | st.sampled_from(
    [
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1945-01-01T00:00:00+07:00"),
        *("1944-12-31T17:00:00Z", "1944-12-31T16:59:59Z", "2100-12-31T16:59:59.999Z"),
        "2100-12-31T17:00:00Z",
    ]
)
numbers = st.integers() | st.sampled_from([2**31 - 1, 2**31, -(2**31), 1 - 2**31, 10**30])
organ_ids = st.sampled_from(["H05", "null", "NULL", " ", "G09"])
texts = st.sampled_from(["a", " a ", "", "\r\nb", "null", "x" * 5000])
ids = st.sampled_from(["7", " 7 ", "null"])


def maybe(**fields: st.SearchStrategy[object]) -> st.SearchStrategy[dict[str, object]]:
    return st.fixed_dictionaries({}, optional=fields)


organizations = st.fixed_dictionaries({"organ_id": organ_ids}, optional={"name": texts})
staff = maybe(staff=texts, email=texts)
documents = st.fixed_dictionaries(
    {
        "from_agency": organizations,
        "to_agencies": st.lists(organizations, min_size=1, max_size=2),
        "document_id": ids,
    },
    optional={
        "issued_on": days,
        "due_on": days,
        "type_code": numbers,
        "copies": numbers,
        "signer": maybe(full_name=texts),
        "subject": texts,
        "priority": st.integers(-1, 5),
        "response_for": st.lists(maybe(organ_id=organ_ids, issued_on=days, code=texts), max_size=2),
        "hops": st.lists(maybe(organ_id=organ_ids, at=stamps), min_size=1, max_size=2),
        "bussiness": maybe(
            type=st.integers(0, 3),
            target_document_id=texts,
            staff=st.lists(staff, max_size=2),
            replacements=st.lists(
                st.fixed_dictionaries(
                    {"document_id": ids}, optional={"organ_ids": st.lists(organ_ids, max_size=2)}
                ),
                max_size=1,
            ),
        ),
        "appendixes": st.lists(texts, max_size=2),
        "raw": st.dictionaries(st.sampled_from(["SteeringType", "New", "Subject"]), texts),
    },
)
reports = st.fixed_dictionaries(
    {"from_agency": organizations, "to_organ_id": organ_ids, "code": st.sampled_from(["03", "x"])},
    optional={
        "document_code": texts,
        "document_id": texts,
        "issued_on": days,
        "at": stamps,
        "staff": staff,
    },
)
files = documents.map(lambda fields: ("document", fields)) | reports.map(
    lambda fields: ("status", fields)
)


def read(format_: Format, file: bytes) -> Reading:
    return format_.read(BytesIO(file), sink=MemoryFiles(), limits=Limits(), today=TODAY)


def as_file(kind: str, fields: dict[str, object]) -> bytes:
    file = {"format": f"lienthong.{kind}", "version": "1.0", kind: fields}
    return json.dumps(file).encode()


def _with_hops(message: Message, written: Message) -> Message:
    """A writer of edXML adds the sender's hop where there was none."""
    if isinstance(message, Document) and isinstance(written, Document) and not message.hops:
        return message.model_copy(update={"hops": written.hops})
    return message


@settings(max_examples=500)
@given(file=files)
def test_what_json_accepts_every_format_writes_and_reads_again(
    file: tuple[str, dict[str, object]],
) -> None:
    try:
        message = read(JSON, as_file(*file)).message
    except DocumentError:
        return
    for format_ in (EDXML, JSON):
        again = read(format_, write(format_, message, MemoryFiles())).message
        assert again == carried(format_, _with_hops(message, again))


@settings(max_examples=200)
@given(day=days, stamp=stamps, code=numbers)
def test_what_edxml_accepts_every_format_writes_and_reads_again(
    day: str, stamp: str, code: int
) -> None:
    odd = packet(
        ("2026/03/12</edXML:P", f"{day.replace('-', '/')}</edXML:P"),
        ("2026/03/12 09:15:00", stamp),
        ("<edXML:Type>2<", f"<edXML:Type>{code}<"),
    )
    message = read_packet(odd).message
    for format_ in (EDXML, JSON):
        again = read(format_, write(format_, message, MemoryFiles())).message
        assert again == carried(format_, _with_hops(message, again))


DOCUMENT = {
    "from_agency": {"organ_id": "H05"},
    "to_agencies": [{"organ_id": "G09"}],
    "document_id": "7",
}
REPORT = {
    "from_agency": {"organ_id": "H05"},
    "to_organ_id": "G09",
    "document_id": "7",
    "code": "03",
}


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        ("document", {"issued_on": "1944-12-31"}, "issued_on"),
        ("document", {"due_on": "2101-01-01"}, "due_on"),
        ("document", {"type_code": 2**31}, "type_code"),
        ("document", {"hops": [{}, {"at": "0001-01-01T00:00:00+07:00"}]}, "hops.1.at"),
        ("document", {"response_for": [{"issued_on": "9999-12-31"}]}, "response_for.0.issued_on"),
        ("status", {"at": "9999-12-31T23:59:59-12:00"}, "at"),
        ("status", {"issued_on": "0001-01-01"}, "issued_on"),
    ],
)
def test_what_lies_outside_is_refused_at_the_first_door_with_its_field(
    kind: str, fields: dict[str, object], field: str
) -> None:
    whole = {**(DOCUMENT if kind == "document" else REPORT), **fields}
    with pytest.raises(DocumentError, match="E_RANGE") as refused:
        read(JSON, as_file(kind, whole))

    place = refused.value.problem.place
    assert (place.field, place.line) == (f"{kind}.{field}", 1)
    assert place.column


@pytest.mark.parametrize("field", ["issued_on", "due_on"])
def test_it_is_neither_signed_nor_opened_whoever_made_it(field: str) -> None:
    """A format of a third party, or a hostile sender."""
    envelope = an_envelope()
    assert envelope.document is not None
    document = envelope.document.model_copy(update={field: date(1, 1, 1)})

    with pytest.raises(DocumentError, match="E_RANGE"):
        body_of(envelope.model_copy(update={"document": document}))


@pytest.mark.parametrize("report", [True, False])
def test_a_status_says_the_same_in_json_and_in_a_packet(report: bool) -> None:
    """So its idempotency key is the same: in UTC, in whole seconds."""
    at = "2026-03-12T09:40:00.250+07:00" if report else "2026-03-12T02:40:00Z"
    reading = read(JSON, as_file("status", {**REPORT, "at": at}))

    assert isinstance(reading.message, StatusReport)
    assert reading.message.at is not None
    assert reading.message.at.isoformat() == "2026-03-12T02:40:00+00:00"
    assert [warning.code for warning in reading.warnings if warning.code == "W_DATE_FORM"] == (
        ["W_DATE_FORM"] if report else []
    )
