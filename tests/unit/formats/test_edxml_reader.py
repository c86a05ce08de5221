"""Every defect of real files has its named repair or its refusal (`docs/edxml.md`)."""

from datetime import UTC, date, datetime

import pytest

from adapters.contract import Limits
from schemas.codes import BusinessType, Priority
from schemas.document import Bussiness, Document, ResponseFor
from schemas.reading import Reading
from schemas.status import StatusReport
from tests.support.builders import QCVN, packet, read_packet, refusal, status_packet, warned


def document_in(data: bytes) -> Document:
    message = read_packet(data).message
    assert isinstance(message, Document)
    return message


def report_in(reading: Reading) -> StatusReport:
    assert isinstance(reading.message, StatusReport)
    return reading.message


def test_a_good_packet_is_read_without_a_word() -> None:
    reading = read_packet(packet())

    assert reading.warnings == ()
    assert not reading.repaired
    assert reading.message.raw == {}


def test_times_are_read_as_viet_nam_time() -> None:
    document = document_in(packet())

    assert document.hops[0].at == datetime(2026, 3, 12, 2, 15, tzinfo=UTC)
    assert document.issued_on == date(2026, 3, 12)


# --- namespaces -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        (("<edXML:", "<"), ("</edXML:", "</")),
        (("edXML:", "vb:"), ("xmlns:edXML", "xmlns:vb")),
        (("\n", "\r\n"),),
        (("<edXML:Subject>", "<!-- ghi chú --><edXML:Subject>"),),
        (("V/v rà soát", "V/v <![CDATA[rà soát]]>"),),
        (("V/v", "&#86;/v"),),
    ],
    ids=["no prefix", "other prefix", "crlf", "comment", "cdata", "reference"],
)
def test_spelling_that_xml_allows_changes_nothing(changes: tuple[tuple[str, str], ...]) -> None:
    reading = read_packet(packet(*changes))

    assert reading.message == read_packet(packet()).message
    assert reading.warnings == ()


def test_the_order_of_elements_does_not_matter() -> None:
    subject = "<edXML:Subject>V/v rà soát danh mục mẫu</edXML:Subject>"
    moved = packet((subject, ""), ("<edXML:MessageHeader>", f"<edXML:MessageHeader>{subject}"))

    assert read_packet(moved) == read_packet(packet())


def test_a_prefix_may_be_bound_anew_further_down() -> None:
    inner = f'<x:To xmlns:x="{QCVN}"><x:OrganId>H1</x:OrganId></x:To>'
    foreign = '<x:To xmlns:x="urn:khac"><x:OrganId>H2</x:OrganId></x:To>'
    reading = read_packet(packet(("<edXML:DocumentId>", f"{inner}{foreign}<edXML:DocumentId>")))

    assert isinstance(reading.message, Document)
    assert [agency.organ_id for agency in reading.message.to_agencies] == ["000.00.07.H99", "H1"]
    assert reading.message.raw == {"{urn:khac}To/{urn:khac}OrganId": "H2"}


def test_an_undeclared_xlink_is_declared_and_told() -> None:
    reading = read_packet(packet(("<edXML:edXMLHeader>", '<edXML:edXMLHeader xlink:href="">')))

    assert warned(reading) == ["W_XLINK_UNDECLARED"]
    assert reading.repaired


@pytest.mark.parametrize("spelling", ["<zz:New/>", '<edXML:New zz:a="1"/>'])
def test_any_other_undeclared_prefix_is_refused_by_name(spelling: str) -> None:
    problem = refusal(packet(("<edXML:Subject>", f"{spelling}<edXML:Subject>")))

    assert (problem.code, problem.params, problem.place.line) == (
        "E_PREFIX",
        {"prefix": "zz"},
        22,
    )


@pytest.mark.parametrize("namespace", ["http://www.go.vn/eDoc", "urn:khac"])
def test_an_unknown_namespace_is_refused_by_name(namespace: str) -> None:
    problem = refusal(packet((QCVN, namespace)))

    assert (problem.code, problem.params) == ("E_NAMESPACE", {"namespace": namespace})


def test_an_envelope_in_another_namespace_is_refused() -> None:
    changed = packet(
        (f'xmlns:edXML="{QCVN}">\n    <edXML:edXMLH', 'xmlns:edXML="urn:x"><edXML:edXMLH')
    )

    assert refusal(changed).code == "E_NAMESPACE"


@pytest.mark.parametrize(
    "data",
    [
        packet((QCVN, "http://www.e-doc.vn/Schema/")),
        b'<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"/>',
        b"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n<a/>",
        b"------=_Part_1\r\nContent-ID:<Start>\r\n\r\n" + packet(),
    ],
    ids=["namespace", "soap", "mime headers", "mime boundary"],
)
def test_the_older_soap_generation_is_recognised(data: bytes) -> None:
    assert refusal(data).code == "E_OLD_EDXML"


def test_naming_the_old_namespace_in_a_text_is_innocent() -> None:
    assert document_in(packet(("V/v", "http://www.e-doc.vn/Schema/ V/v"))).subject


# --- bytes before and instead of the XML --------------------------------------------------------


def test_junk_before_the_declaration_is_skipped_and_lines_count_in_the_original() -> None:
    broken = b"1212\n34" + packet(("</edXML:Subject>", ""))

    reading = read_packet(b"1212\n34" + packet())
    problem = refusal(broken)

    assert warned(reading) == ["W_LEADING_JUNK"]
    assert reading.warnings[0].params == {"count": "7"}
    assert reading.repaired
    assert problem.place.line == (refusal(packet(("</edXML:Subject>", ""))).place.line or 0) + 1


def test_columns_count_in_the_original_too() -> None:
    broken = b'<?xml version="1.0"?><edXML></b>'

    column = refusal(broken).place.column

    assert column
    assert refusal(b"1212" + broken).place.column == column + 4


def test_too_much_junk_is_refused() -> None:
    assert read_packet(b"x" * 1024 + packet()).repaired
    assert refusal(b"x" * 1025 + packet()).code == "E_NOT_WELL_FORMED"


@pytest.mark.parametrize(
    "junk",
    [
        b"<![CDATA[",
        b"<!--",
        b"x<!-- -->",
        b"<a>",
        b"1212\n <",
        b"\xef\xbb\xbf<!--",
        b"<edXML><x><![CDATA[",
        b"<?a ",
    ],
)
def test_markup_before_the_declaration_is_refused(junk: bytes) -> None:
    """Readers that begin at the first byte would see another document than we do."""
    problem = refusal(junk + packet() + b"]]></x></edXML>")

    assert problem.code == "E_LEADING_MARKUP"
    assert problem.place.line


def test_a_document_around_ours_is_refused() -> None:
    """Well formed as a whole: whoever begins at the first byte reads another document."""
    hidden = packet().decode()
    other = f'<edXML xmlns="{QCVN}"><edXMLEnvelope><!--{hidden}--></edXMLEnvelope></edXML>'

    assert refusal(other.encode()).code == "E_LEADING_MARKUP"


def test_a_byte_order_mark_is_told() -> None:
    reading = read_packet(b"\xef\xbb\xbf" + packet())

    assert warned(reading) == ["W_BOM"]
    assert not reading.repaired


def test_a_missing_declaration_is_no_defect() -> None:
    without = packet(('<?xml version="1.0" encoding="UTF-8"?>\n', "  \n"))

    assert read_packet(without) == read_packet(packet())


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (packet().decode().encode("utf-16"), 1),
        (packet().decode().encode("utf-16-le"), 1),
        (packet(("UTF-8", "windows-1258")), 1),
        (packet(("UTF-8", "utf-16")), 1),
        (packet(("rà soát", "r@ soát")).replace(b"r@", b"r\xe0"), 22),
        (packet(("rà soát", "r@ soát")).replace(b"r@", b"r\xc0\xaf"), 22),
    ],
)
def test_other_encodings_are_refused_with_the_line(data: bytes, line: int) -> None:
    problem = refusal(data)

    assert (problem.code, problem.place.line) == ("E_ENCODING", line)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (packet(("<edXML:Code>", "<edXML:Code><edXML:Code>")), 25),
        (packet(("</edXML:Subject>", "</edXML:Subjekt>")), 22),
        (packet()[:-20], 38),
        (packet() + b"<a/>", 40),
        (packet(("V/v", "V/v &khong;")), 22),
        (packet(("V/v", "V/v \x00")), 22),
        (packet(("V/v", "A & B")), 22),
        (b"xin chao", 1),
    ],
    ids=["doubled tag", "nesting", "cut off", "two roots", "entity", "nul", "ampersand", "text"],
)
def test_what_is_not_well_formed_is_refused_with_line_and_column(data: bytes, line: int) -> None:
    problem = refusal(data)

    assert (problem.code, problem.place.line) == ("E_NOT_WELL_FORMED", line)
    assert problem.place.column


@pytest.mark.parametrize("data", [b"", b"  \r\n "])
def test_an_empty_file_is_refused(data: bytes) -> None:
    assert refusal(data).code == "E_EMPTY"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("V/v <!-- một -->mẫu", "V/v mẫu"),
        ("V/v <?hai?>mẫu", "V/v mẫu"),
        ("V/v <![CDATA[m]]>ẫu", "V/v mẫu"),
        ("<edXML:b/>V/v mẫu", "V/v mẫu"),
        ("V/v <edXML:b>khác</edXML:b>mẫu", "V/v mẫu"),
        ("V/v mẫu\n<edXML:b/>\n", "V/v mẫu"),
        ("<edXML:b/>V/v <edXML:b/>mẫu<edXML:c/>", "V/v mẫu"),
    ],
)
def test_the_text_of_an_element_is_all_of_its_own(written: str, read: str) -> None:
    assert document_in(packet(("V/v rà soát danh mục mẫu", written))).subject == read


def test_elements_within_a_text_are_told_and_kept() -> None:
    reading = read_packet(packet(("V/v", "V/v <edXML:b>khác<edXML:c>nữa</edXML:c></edXML:b>")))

    assert warned(reading)[0] == "W_MIXED_CONTENT"
    assert reading.message.raw == {"Subject/b": "khác", "Subject/b/c": "nữa"}


def test_text_among_elements_is_told_and_kept() -> None:
    reading = read_packet(packet(("<edXML:MessageHeader>", "<edXML:MessageHeader>lạc")))

    assert warned(reading)[0] == "W_MIXED_CONTENT"
    assert reading.message.raw == {"MessageHeader": "lạc"}


def test_a_second_element_where_one_may_stand_is_told_and_kept() -> None:
    reading = read_packet(
        packet(("<edXML:Subject>", "<edXML:Subject>1</edXML:Subject><edXML:Subject>"))
    )

    assert isinstance(reading.message, Document)
    assert reading.message.subject == "1"
    assert warned(reading)[0] == "W_ELEMENT_REPEATED"
    assert reading.message.raw == {"Subject[2]": "V/v rà soát danh mục mẫu"}


@pytest.mark.parametrize("element", ["edXMLEnvelope", "edXMLHeader", "MessageHeader"])
def test_the_first_of_two_frames_counts(element: str) -> None:
    end = f"</edXML:{element}>"
    second = packet((end, f'{end}<edXML:{element} xmlns:edXML="{QCVN}"><X/></edXML:{element}>'))

    assert warned(read_packet(second)) == ["W_ELEMENT_REPEATED"]


# --- what is indispensable ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (("<edXML:OrganId>000.00.00.H98</edXML:OrganId>\n        </", "</"), "E_MISSING_FROM", 6),
        (("<edXML:OrganId>000.00.07.H99</edXML:OrganId>", ""), "E_MISSING_TO", 5),
        (("<edXML:OrganId>000.00.07.H99<", "<edXML:OrganId>NULL<"), "E_MISSING_TO", 5),
        (("edXMLEnvelope", "Envelope"), "E_STRUCTURE", 2),
        (("edXMLHeader>", "Header>"), "E_STRUCTURE", 3),
        (("MessageHeader>", "Message>"), "E_STRUCTURE", 4),
        ((f'<edXML xmlns="{QCVN}">', f'<edxml xmlns="{QCVN}">'), "E_STRUCTURE", 1),
    ],
)
def test_what_is_indispensable_is_refused_when_missing(
    change: tuple[str, str], code: str, line: int
) -> None:
    problem = refusal(
        packet(change, *([("</edXML>", "</edxml>")] if "<edxml" in change[1] else []))
    )

    assert (problem.code, problem.place.line) == (code, line)


def test_a_missing_id_is_built_from_sender_date_and_number() -> None:
    document_id = "<edXML:DocumentId>000.00.00.H98,2026/03/12,147/UBND-VP</edXML:DocumentId>"
    reading = read_packet(packet((document_id, "")))

    assert warned(reading) == ["W_ID_DERIVED"]
    assert isinstance(reading.message, Document)
    assert reading.message.document_id == "000.00.00.H98,2026/03/12,147/UBND-VP"
    assert refusal(packet((document_id, ""), ("147", ""))).code == "E_MISSING_ID"


@pytest.mark.parametrize(
    ("element", "code"),
    [
        ("CodeNumber>147", "W_MISSING_CODENUMBER"),
        ("CodeNotation>UBND-VP", "W_MISSING_CODENOTATION"),
        ("PromulgationDate>2026/03/12", "W_MISSING_PROMULGATIONDATE"),
        ("Type>2", "W_MISSING_TYPE"),
        ("TypeName>Công văn", "W_MISSING_TYPENAME"),
        ("Subject>V/v rà soát danh mục mẫu", "W_MISSING_SUBJECT"),
        ("FullName>Nguyễn Văn Mẫu", "W_MISSING_FULLNAME"),
    ],
)
def test_any_other_missing_field_is_told_and_the_document_incomplete(
    element: str, code: str
) -> None:
    name, _, value = element.partition(">")
    text = f"<edXML:{name}>{value}</edXML:{name}>"
    reading = read_packet(packet((text, f"<edXML:{name}> \n </edXML:{name}>")))

    assert warned(reading) == [code]
    assert isinstance(reading.message, Document)
    assert reading.message.missing_fields


def test_the_smallest_message_seen_is_accepted() -> None:
    smallest = f"""<edXML xmlns="{QCVN}"><edXMLEnvelope><edXMLHeader><MessageHeader>
        <From><OrganId>H98</OrganId></From><To><OrganId>H99</OrganId></To>
        <DocumentId>7</DocumentId><Subject>Thử</Subject>
        </MessageHeader></edXMLHeader></edXMLEnvelope></edXML>"""
    reading = read_packet(smallest.encode())

    assert isinstance(reading.message, Document)
    assert reading.message.bussiness == Bussiness()
    assert "W_BUSSINESS_ABSENT" in warned(reading)


_SAME_RECEIVER = "<edXML:To><edXML:OrganId>000.00.07.H99</edXML:OrganId></edXML:To>"

# --- odd values -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "raw"),
    [
        (("2026/03/12</edXML:P", "12/03/2026</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12 09:15:00", "2026-03-12T09:15:00+07:00"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "2026-03-12</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "2026/3/12</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "12-03-2026</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "12.3.2026</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "2026.03.12</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "20260312</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "2026-03-12+07:00</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "2026/03/12 0:00</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12 09:15:00", "12/3/2026 9:15"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "2026/03/12 00:00:00</edXML:P"), "W_DATE_FORM", {}),
        (("2026/03/12</edXML:P", "2026-03-12T00:00:00.000Z</edXML:P"), "W_DATE_FORM", {}),
        (
            (
                "<edXML:OtherInfo>",
                "<edXML:DueDate>2026/03/20 17:30:00</edXML:DueDate><edXML:OtherInfo>",
            ),
            "W_DATE_FORM",
            {"DueDate": "2026/03/20 17:30:00"},
        ),
        (("2026/03/12</edXML:P", "2026/11/23</edXML:P"), "W_DATE_FUTURE", {}),
        (
            ("<edXML:OtherInfo>", "<edXML:DueDate>2026/02/30</edXML:DueDate><edXML:OtherInfo>"),
            "W_DATE_INVALID",
            {"DueDate": "2026/02/30"},
        ),
        (
            ("2026/03/12 09:15:00", "2026-03-12 9 giờ"),
            "W_DATE_INVALID",
            {"TraceHeaderList/TraceHeader[1]/Timestamp": "2026-03-12 9 giờ"},
        ),
        (("09:15:00", "00:00:00"), "W_STAMP_DATE_ONLY", {}),
        (("2026/03/12 09:15:00", "2026/03/12"), "W_STAMP_DATE_ONLY", {}),
        (("Priority>0<", "Priority>5<"), "W_PRIORITY_5", {"OtherInfo/Priority": "5"}),
        (("Priority>0<", "Priority>x<"), "W_PRIORITY_UNKNOWN", {"OtherInfo/Priority": "x"}),
        (
            ("</edXML:Priority>", "</edXML:Priority><edXML:PageAmount>65536</edXML:PageAmount>"),
            "W_NUMBER_INVALID",
            {"OtherInfo/PageAmount": "65536"},
        ),
        (("<edXML:DocumentId>000.00.00.H98,2026/03/12", "<edXML:DocumentId>H98,2014/02/30"),
         "W_ID_DATE", {}),
        (("V/v", "V/v" * 200), "W_LENGTH", {}),
        (("<edXML:OrganId>000.00.00.H98</edXML:OrganId>\n          <edXML:T", "<edXML:T"),
         "W_TRACE_ORGAN", {}),
        (("<edXML:Subject>", "<edXML:ResponseFor><edXML:Code/></edXML:ResponseFor><edXML:Subject>"),
         "W_EMPTY_RESPONSEFOR", {}),
        (("</edXML:To>", f"</edXML:To>{_SAME_RECEIVER}"), "W_DUPLICATE_RECEIVER", {}),
        (("<edXML:DocumentId>", "<edXML:To/><edXML:DocumentId>"), "W_MISSING_ORGANID", {}),
        (("DocType>0<", "DocType>1<"), "W_MISSING_BUSSINESSDOCREASON", {}),
        (("<edXML:Subject>", "<edXML:New>a</edXML:New><edXML:Subject>"),
         "W_UNKNOWN_ELEMENT", {"New": "a"}),
    ],
)  # fmt: skip
def test_an_odd_value_is_told_and_kept(
    change: tuple[str, str], code: str, raw: dict[str, str]
) -> None:
    reading = read_packet(packet(change))

    assert warned(reading) == [code]
    assert reading.message.raw == raw


def test_a_warning_names_line_and_field() -> None:
    [warning] = read_packet(packet(("Priority>0<", "Priority>7<"))).warnings

    assert warning.place.line == 24
    assert str(warning) == (
        "W_PRIORITY_UNKNOWN (line 24, field OtherInfo/Priority): "
        "The priority 7 is unknown; read as normal."
    )


def test_an_impossible_issue_date_leaves_the_field_empty_and_the_document_incomplete() -> None:
    reading = read_packet(packet(("2026/03/12</edXML:P", "0034/09/28</edXML:P")))

    assert warned(reading) == ["W_DATE_INVALID", "W_MISSING_PROMULGATIONDATE"]
    assert reading.message.raw == {"PromulgationInfo/PromulgationDate": "0034/09/28"}


def test_priority_four_is_read_and_kept() -> None:
    assert document_in(packet(("Priority>0<", "Priority>4<"))).priority is Priority.FIXED_HOUR


def test_vendor_extensions_are_kept_raw_without_a_word() -> None:
    task = "<edXML:ResponseForTask><edXML:TaskCode>a</edXML:TaskCode></edXML:ResponseForTask>"
    kind = "<edXML:ApplicationType>b</edXML:ApplicationType>"
    reading = read_packet(
        packet(
            ("<edXML:OtherInfo>", "<edXML:OtherInfo><edXML:Direction>false</edXML:Direction>"),
            ("<edXML:Type>", "<edXML:TypeDetail>0</edXML:TypeDetail><edXML:Type>"),
            ("<edXML:Subject>", "<edXML:SteeringType>1</edXML:SteeringType><edXML:Subject>"),
            ("<edXML:SignerInfo>", f"{task}{kind}<edXML:SignerInfo>"),
        )
    )

    assert reading.warnings == ()
    assert reading.message.raw == {
        "DocumentType/TypeDetail": "0",
        "OtherInfo/Direction": "false",
        "SteeringType": "1",
        "ResponseForTask/TaskCode": "a",
        "ApplicationType": "b",
    }


def test_raw_values_and_warnings_are_bounded() -> None:
    many = "".join(f"<edXML:New{n}>{'x' * 50}</edXML:New{n}>" for n in range(500))
    reading = read_packet(
        packet(("<edXML:Subject>", f"{many}<edXML:Subject>")),
        limits=Limits(max_raw_bytes=1000, max_warnings=20),
    )

    assert len(reading.warnings) == 20
    assert 900 < sum(len(k) + len(v) for k, v in reading.message.raw.items()) <= 1000


# --- State secrets --------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["Mật", "TỐI MẬT", " Tuyệt mật ", "Ma\u0302\u0323t"])
@pytest.mark.parametrize("field", ["SphereOfPromulgation", "SecurityLevel", "DoMat"])
def test_a_declared_secrecy_mark_is_refused(mark: str, field: str) -> None:
    element = f"<edXML:{field}>{mark}</edXML:{field}>"
    problem = refusal(packet(("<edXML:OtherInfo>", f"<edXML:OtherInfo>{element}")))

    assert problem.code == "E_STATE_SECRET"


def test_free_text_is_not_scanned_for_secrecy() -> None:
    document = document_in(packet(("V/v", "Mật")))

    assert document.subject == "Mật rà soát danh mục mẫu"
    assert document_in(packet(("V/v rà soát danh mục mẫu", "Bảo mật"))).subject == "Bảo mật"


# --- business block -------------------------------------------------------------------------------


def test_a_new_document_ignores_a_leftover_target() -> None:
    leftover = "<edXML:Bussiness><edXML:DocumentId>X,2014/02/30,1</edXML:DocumentId>"
    reading = read_packet(packet(("<edXML:Bussiness>", leftover)))

    assert isinstance(reading.message, Document)
    assert reading.message.bussiness.target_document_id is None
    assert reading.message.raw == {"TraceHeaderList/Bussiness/DocumentId": "X,2014/02/30,1"}
    assert reading.warnings == ()


def test_an_update_names_its_target_and_its_receivers() -> None:
    block = """<edXML:DocumentId>X</edXML:DocumentId>
        <edXML:BussinessDocType>2</edXML:BussinessDocType>
        <edXML:BussinessDocReason>Bổ sung</edXML:BussinessDocReason><edXML:Paper>12</edXML:Paper>
        <edXML:BussinessDocumentInfo><edXML:DocumentInfo>1</edXML:DocumentInfo>
        <edXML:DocumentReceiver>0</edXML:DocumentReceiver><edXML:ReceiverList>
        <edXML:Receiver><edXML:OrganId>H1</edXML:OrganId><edXML:ReceiverType>1</edXML:ReceiverType>
        </edXML:Receiver></edXML:ReceiverList></edXML:BussinessDocumentInfo>"""
    default = "<edXML:BussinessDocType>0</edXML:BussinessDocType>"
    bussiness = document_in(packet((default, block))).bussiness

    assert bussiness.type is BusinessType.UPDATE
    assert bussiness.target_document_id == "X"
    assert (bussiness.content_changes, bussiness.receivers_change) == (True, False)
    assert [(c.organ_id, c.added) for c in bussiness.receiver_changes] == [("H1", True)]
    assert bussiness.paper_raw == "12"


def test_a_business_type_nobody_knows_is_told_and_kept() -> None:
    reading = read_packet(packet(("DocType>0<", "DocType>9<")))

    assert warned(reading) == ["W_NUMBER_INVALID", "W_MISSING_BUSSINESSDOCTYPE"]
    assert reading.message.raw == {"TraceHeaderList/Bussiness/BussinessDocType": "9"}


def test_an_answered_document_is_read() -> None:
    response = """<edXML:ResponseFor><edXML:OrganId>H1</edXML:OrganId><edXML:Code>5/A</edXML:Code>
        <edXML:PromulgationDate>2026/01/02</edXML:PromulgationDate></edXML:ResponseFor>"""

    assert document_in(packet(("<edXML:Subject>", f"{response}<edXML:Subject>"))).response_for == (
        ResponseFor(organ_id="H1", code="5/A", issued_on=date(2026, 1, 2)),
    )


# --- status messages ------------------------------------------------------------------------------


def test_a_status_message_is_read() -> None:
    reading = read_packet(status_packet())
    report = report_in(reading)

    assert reading.warnings == ()
    assert (report.code, report.to_organ_id) == ("03", "000.00.00.H98")
    assert report.at == datetime(2026, 3, 12, 2, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("Code>03<", "Code>09<"), "W_STATUS_UNKNOWN"),
        (("Timestamp>2026/03/12", "Timestamp>2026/03/11"), "W_STATUS_EARLY"),
        (("<edXML:Code>147/UBND-VP</edXML:Code>", ""), "W_MISSING_CODE"),
        (("<edXML:Timestamp>2026/03/12 09:40:00</edXML:Timestamp>", ""), "W_MISSING_TIMESTAMP"),
        (("<edXML:StatusCode>", "<edXML:To>x</edXML:To><edXML:StatusCode>"), "W_UNKNOWN_ELEMENT"),
    ],
)
def test_an_odd_status_is_told(change: tuple[str, str], code: str) -> None:
    assert warned(read_packet(status_packet(change))) == [code]


@pytest.mark.parametrize("code", ["02", "13", "16"])
def test_a_status_that_needs_a_reason_is_told_without(code: str) -> None:
    silent = (("Code>03<", f"Code>{code}<"), ("Đã tiếp nhận", " "))

    assert warned(read_packet(status_packet(*silent))) == ["W_STATUS_REASON"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([("<edXML:OrganId>000.00.00.H98</edXML:OrganId>", "")], "E_MISSING_TO"),
        ([("<edXML:OrganId>000.00.07.H99</edXML:OrganId>", "")], "E_MISSING_FROM"),
        ([("147/UBND-VP</edXML:Code>", "</edXML:Code>"),
          ("000.00.00.H98,2026/03/12,147/UBND-VP", "")], "E_MISSING_ID"),
        ([("Code>03<", "Code> <")], "E_STRUCTURE"),
    ],
)  # fmt: skip
def test_a_status_without_what_it_needs_is_refused(
    changes: list[tuple[str, str]], code: str
) -> None:
    assert refusal(status_packet(*changes)).code == code
