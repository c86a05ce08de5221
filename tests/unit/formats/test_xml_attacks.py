"""The known attacks on readers of XML, each against a packet that is good but for it.

None may reach a file or the network, none may grow, and none may make one reader see what another
does not. What asks for nothing but a reader's carelessness is read as what it is: text.
"""

import builtins
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.contract import MIB
from schemas.document import Document
from tests.support.builders import QCVN, packet, read_packet, refusal, warned

SUBJECT = "V/v rà soát danh mục mẫu"
FILE = "file:///etc/passwd"
NETWORK = "http://127.0.0.1:9/evil"


@contextmanager
def bounded(seconds: float = 3, memory: int = 32 * MIB) -> Iterator[None]:
    tracemalloc.start()
    began = time.process_time()
    try:
        yield
        spent, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert spent < seconds
    assert peak < memory


@pytest.fixture(autouse=True)
def _nothing_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a file or a connection while a packet is read has lost."""

    def forbidden(*arguments: object, **_: object) -> object:
        raise AssertionError(f"reached for {arguments}")

    monkeypatch.setattr(builtins, "open", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)


def with_doctype(doctype: str, subject: str = SUBJECT) -> bytes:
    return packet(("?>\n", f"?>\n{doctype}\n"), (SUBJECT, subject))


DOCTYPES = {
    "empty": "<!DOCTYPE edXML>",
    "internal entity": '<!DOCTYPE edXML [<!ENTITY a "b">]>',
    "external entity": f'<!DOCTYPE edXML [<!ENTITY a SYSTEM "{FILE}">]>',
    "network entity": f'<!DOCTYPE edXML [<!ENTITY a SYSTEM "{NETWORK}">]>',
    "public entity": f'<!DOCTYPE edXML [<!ENTITY a PUBLIC "x" "{NETWORK}">]>',
    "parameter entity": f'<!DOCTYPE edXML [<!ENTITY % a SYSTEM "{NETWORK}"> %a;]>',
    "blind exfiltration": (
        f'<!DOCTYPE edXML [<!ENTITY % f SYSTEM "{FILE}"><!ENTITY % d SYSTEM "{NETWORK}"> %d;]>'
    ),
    "external subset": f'<!DOCTYPE edXML SYSTEM "{NETWORK}">',
    "public subset": f'<!DOCTYPE edXML PUBLIC "-//X//X" "{NETWORK}">',
    "unparsed entity": '<!DOCTYPE edXML [<!NOTATION n SYSTEM "x"><!ENTITY a SYSTEM "y" NDATA n>]>',
    "default attribute": '<!DOCTYPE edXML [<!ATTLIST edXML xmlns CDATA "urn:evil">]>',
    "recursive entity": '<!DOCTYPE edXML [<!ENTITY a "&b;"><!ENTITY b "&a;">]>',
    "laughs": "<!DOCTYPE edXML ["
    '<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(30))
    + "]>",
    "parameter laughs": "<!DOCTYPE edXML ["
    '<!ENTITY % a0 "ha">'
    + "".join(f'<!ENTITY &#37; a{n + 1} "{f"&#37;a{n};" * 10}">' for n in range(30))
    + "]>",
    "quadratic": f'<!DOCTYPE edXML [<!ENTITY a "{"ha" * 100_000}">]>',
    "element declarations": "<!DOCTYPE edXML [" + "<!ELEMENT a (b|c)>" * 50_000 + "]>",
    "nested content model": f"<!DOCTYPE edXML [<!ELEMENT a {'(' * 20_000}b{')' * 20_000}>]>",
}


@pytest.mark.parametrize("doctype", DOCTYPES.values(), ids=DOCTYPES)
@pytest.mark.parametrize("subject", [SUBJECT, "&a;", "&a;" * 10_000], ids=["", "used", "often"])
def test_any_doctype_is_refused_where_it_begins(doctype: str, subject: str) -> None:
    with bounded():
        problem = refusal(with_doctype(doctype, subject))

    assert (problem.code, problem.place.line) == ("E_DTD", 2)


@pytest.mark.parametrize(
    "entity", ["&a;", "&nbsp;", "&#0;", "&#x1F;", "&#xD800;", "&#xFFFE;", "&#x110000;", "&#;", "&"]
)
def test_an_entity_that_xml_does_not_know_is_refused_with_its_line(entity: str) -> None:
    in_text = refusal(packet((SUBJECT, entity)))
    in_attribute = refusal(packet(('version="1.0"></edXML', f'version="{entity}"></edXML')))

    assert {in_text.code, in_attribute.code} == {"E_NOT_WELL_FORMED"}
    assert in_text.place.line == 22


def test_a_doctype_in_the_middle_is_not_well_formed() -> None:
    assert refusal(packet((SUBJECT, "<!DOCTYPE a>"))).code == "E_NOT_WELL_FORMED"


def subject_of(data: bytes) -> str | None:
    message = read_packet(data).message
    assert isinstance(message, Document)
    return message.subject


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("<![CDATA[V/v]]>", "V/v"),
        ("<![CDATA[<b>&amp;]]>", "<b>&amp;"),
        ("a<![CDATA[]]>b", "ab"),
        ("<![CDATA[a]]]]><![CDATA[>b]]>", "a]]>b"),
        ("a<!-- b -->c", "ac"),
        ("a<?php system('id') ?>b", "ab"),
        ('<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>V/v', "V/v"),
        ("&lt;!DOCTYPE a&gt;", "<!DOCTYPE a>"),
        ("&#38;a;", "&a;"),
        ("&amp;amp;lt;", "&amp;lt;"),
        ("${jndi:ldap://127.0.0.1/a}", "${jndi:ldap://127.0.0.1/a}"),
        ("{0.__class__}", "{0.__class__}"),
        ("%s%n", "%s%n"),
    ],
)
def test_what_only_a_careless_reader_would_follow_is_text(written: str, read: str) -> None:
    assert subject_of(packet((SUBJECT, written))) == read


@pytest.mark.parametrize("subject", ["<![CDATA[", "]]>", "<!--", "<!-- a -- b -->", "<?xml ?>"])
def test_sections_that_do_not_end_as_they_must_are_refused(subject: str) -> None:
    assert refusal(packet((SUBJECT, subject))).code == "E_NOT_WELL_FORMED"


@pytest.mark.parametrize(
    "element",
    [
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{FILE}" parse="text"/>',
        f'<xi:include xmlns:xi="http://www.w3.org/2003/XInclude" href="{NETWORK}"/>',
        f'<x xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="u {NETWORK}"/>',
        f'<x:script xmlns:x="http://www.w3.org/1999/XSL/Transform" href="{NETWORK}"/>',
        f'<x xml:base="{NETWORK}"/>',
        f'<x xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="{FILE}"/>',
    ],
)
def test_an_element_that_points_elsewhere_is_left_over_and_not_followed(element: str) -> None:
    data = packet(("</edXML:MessageHeader>", f"{element}</edXML:MessageHeader>"))

    assert "W_UNKNOWN_ELEMENT" in warned(read_packet(data))
    assert subject_of(data) == SUBJECT


def test_a_schema_location_on_the_root_is_not_followed() -> None:
    old = f'<edXML xmlns="{QCVN}">'
    new = (
        f'<edXML xmlns="{QCVN}" xmlns:s="http://www.w3.org/2001/XMLSchema-instance" '
        f's:schemaLocation="{QCVN} {NETWORK}">'
    )

    assert subject_of(packet((old, new))) == SUBJECT


# --- names and attributes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('version="1.0">', 'version="1.0" version="2.0">', "E_NOT_WELL_FORMED"),
        ("<edXML:Subject>", "<other:Subject>", "E_PREFIX"),
        ("<edXML:Subject>", "<edXML:Subject other:a='b'>", "E_PREFIX"),
        ("<edXML:Subject>", "<:Subject>", "E_NOT_WELL_FORMED"),
        ("<edXML:Subject>", "<1Subject>", "E_NOT_WELL_FORMED"),
        ("<edXML:Subject>", "<edXML:Subject a=b>", "E_NOT_WELL_FORMED"),
        ("<edXML:Subject>", "<edXML:Subject a='<'>", "E_NOT_WELL_FORMED"),
        ("</edXML:Subject>", "</edXML:Other>", "E_NOT_WELL_FORMED"),
        ("</edXML>", "", "E_NOT_WELL_FORMED"),
        ("</edXML>", "</edXML><edXML/>", "E_NOT_WELL_FORMED"),
        ("</edXML>", "</edXML>text", "E_NOT_WELL_FORMED"),
        (f'xmlns="{QCVN}"', 'xmlns="urn:other"', "E_NAMESPACE"),
        ("<edXML:MessageHeader>", '<edXML:MessageHeader xmlns:edXML="urn:x">', "E_NAMESPACE"),
    ],
)
def test_names_that_are_not_what_they_must_be_are_refused(old: str, new: str, code: str) -> None:
    assert refusal(packet((old, new))).code == code


def test_one_attribute_under_two_prefixes_decides_nothing() -> None:
    twice = f'<edXML:Subject xmlns:a="{QCVN}" xmlns:b="{QCVN}" a:x="1" b:x="2">'

    assert subject_of(packet(("<edXML:Subject>", twice))) == SUBJECT


FLOODS = {
    "attributes": "<edXML:Subject " + " ".join(f'a{n}="x"' for n in range(200_000)) + ">",
    "long names": "<edXML:Subject " + " ".join(f'{"a" * n}=""' for n in range(2_000)) + ">",
    "namespaces": "<edXML:Subject " + " ".join(f'xmlns:p{n}="u"' for n in range(100_000)) + ">",
    "a name": f"<edXML:{'x' * (8 * MIB)}>",
    "an attribute": f'<edXML:Subject a="{"x" * (8 * MIB)}">',
    "a comment": f"<!--{'x' * (8 * MIB)}-->",
    "an instruction": f"<?x {'x' * (8 * MIB)}?>",
    "many comments": "<!---->" * 500_000 + "<edXML:Subject><",
    "nesting": "<edXML:Subject>" * 1_000_000,
    "nested namespaces": "".join(f'<edXML:Subject xmlns:n="{n}">' for n in range(100_000)),
    "character references": "<edXML:Subject>" + "&#65;" * 500_000,
    "sections": "<edXML:Subject>" + "<![CDATA[x]]>" * 500_000,
}  # fmt: skip


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_flood_is_refused_in_bounded_time_and_memory(flood: str) -> None:
    data = packet(("<edXML:Subject>", flood))

    with bounded():
        problem = refusal(data)

    assert problem.code in {"E_LIMIT", "E_DEPTH", "E_NOT_WELL_FORMED"}


# --- encodings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_wide_encodings_are_refused_however_they_are_declared(encoding: str) -> None:
    text = packet().decode()

    for declared in ("UTF-8", "UTF-16", encoding):
        data = text.replace('encoding="UTF-8"', f'encoding="{declared}"').encode(encoding)
        assert refusal(data).code in {"E_ENCODING", "E_NOT_WELL_FORMED"}


@pytest.mark.parametrize(
    "declared", ["UTF-7", "UTF-16", "ISO-8859-1", "windows-1258", "EBCDIC", "cp037", "x", "ASCII"]
)
def test_another_declared_encoding_is_refused(declared: str) -> None:
    data = packet(('encoding="UTF-8"', f'encoding="{declared}"'))

    assert refusal(data).code in {"E_ENCODING", "E_NOT_WELL_FORMED"}


def test_utf_7_is_text_and_no_markup() -> None:
    assert subject_of(packet((SUBJECT, "+ADw-script+AD4-"))) == "+ADw-script+AD4-"


@pytest.mark.parametrize(
    "raw",
    [
        b"\xc0\xbc",  # `<`, too long
        b"\xe0\x80\xbc",
        b"\xf0\x80\x80\xbc",
        b"\xc0\x80",
        b"\xed\xa0\x80",  # half a surrogate pair
        b"\xf4\x90\x80\x80",  # beyond Unicode
        b"\xf8\x88\x80\x80\x80",
        b"\x80",
        b"\xfe",
        b"\xff",
        b"\xc3",
    ],
)
def test_bytes_that_are_no_utf_8_are_refused_with_their_line(raw: bytes) -> None:
    problem = refusal(packet().replace(SUBJECT.encode(), raw))

    assert problem.code in {"E_ENCODING", "E_NOT_WELL_FORMED"}
    assert problem.place.line == 22


@pytest.mark.parametrize("raw", [b"\0", b"\x01", b"\x08", b"\x0b", b"\x1f", b"\xef\xbf\xbe"])
def test_characters_that_xml_forbids_are_refused(raw: bytes) -> None:
    assert refusal(packet().replace(SUBJECT.encode(), raw)).code == "E_NOT_WELL_FORMED"


def test_a_second_encoding_in_the_middle_is_refused() -> None:
    data = packet().replace(SUBJECT.encode(), SUBJECT.encode("utf-16"))

    assert refusal(data).code in {"E_ENCODING", "E_NOT_WELL_FORMED"}


@pytest.mark.parametrize("version", ["1.1", "2.0", "1.0.", ""])
def test_another_version_of_xml_is_read_as_1_0_and_may_no_more(version: str) -> None:
    data = packet(('version="1.0" encoding', f'version="{version}" encoding'))

    assert subject_of(data) == SUBJECT
    assert refusal(data.replace(SUBJECT.encode(), b"&#1;")).code == "E_NOT_WELL_FORMED"
