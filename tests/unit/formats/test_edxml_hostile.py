"""Hostile packets are refused quickly and in little memory, whatever they ask for."""

import re
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.contract import MIB, Limits
from tests.support.builders import QCVN, encoded, packet, refusal

ROOT = f'<edXML xmlns="{QCVN}">'.encode()
LAUGHS = (
    '<!DOCTYPE edXML [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(20))
    + "]>"
)
QUADRATIC = f'<!DOCTYPE edXML [<!ENTITY a "{"ha" * 50_000}">]>'
EXTERNAL = '<!DOCTYPE edXML [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@contextmanager
def within(seconds: float, *, memory: int = 32 * MIB) -> Iterator[None]:
    tracemalloc.start()
    begin = time.process_time()
    yield
    spent, peak = time.process_time() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < seconds
    assert peak < memory


@pytest.mark.parametrize(
    "doctype",
    [LAUGHS, QUADRATIC, EXTERNAL, '<!DOCTYPE edXML SYSTEM "http://127.0.0.1:9/x.dtd">'],
    ids=["billion laughs", "quadratic", "external entity", "external subset"],
)
def test_a_doctype_is_refused_before_anything_is_expanded(doctype: str) -> None:
    entity = "&u;" if doctype is LAUGHS else "&a;" * 20_000
    data = packet(("?>\n", f"?>\n{doctype}"), ("V/v", entity))

    with within(5):
        problem = refusal(data)

    assert (problem.code, problem.place.line) == ("E_DTD", 2)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (ROOT + b"<a>" * 1_000_000, "E_DEPTH"),
        (ROOT + b"<a/>" * 1_000_000 + b"</edXML>", "E_LIMIT"),
        (ROOT + b'<a b="' + b"x" * (20 * MIB) + b'"/>', "E_LIMIT"),
        (ROOT + b"<!--" + b"x" * (20 * MIB), "E_LIMIT"),
        (ROOT + b"<" + b"x" * (20 * MIB), "E_LIMIT"),
        (b"<?" + b"x" * (20 * MIB), "E_LIMIT"),
        (ROOT + b"<a>" + b"x" * (20 * MIB), "E_LIMIT"),
        (ROOT + b"<a>" + b"x" * 262_145 + b"</a></edXML>", "E_LIMIT"),
        (ROOT + (b"<a>" + b"x" * 200_000 + b"</a>") * 50, "E_LIMIT"),
        (ROOT + b"<a " + b"".join(b'xmlns:p%d="u" ' % n for n in range(50_000)) + b"/>", "E_LIMIT"),
        (ROOT + b"\x00" * (20 * MIB), "E_NOT_WELL_FORMED"),
        (b"\x00" * (20 * MIB), "E_NOT_WELL_FORMED"),
        (b" " * (20 * MIB), "E_EMPTY"),
    ],
    ids=[
        "1,000,000 nested elements",
        "1,000,000 elements",
        "attribute",
        "comment",
        "name",
        "instruction",
        "endless text",
        "long text",
        "many texts",
        "prefixes",
        "nul bytes inside",
        "nul bytes",
        "blanks",
    ],
)
def test_what_is_boundless_is_refused_in_bounded_time_and_memory(data: bytes, code: str) -> None:
    with within(5):
        problem = refusal(data)

    assert problem.code == code


def test_ten_thousand_attachments_are_refused_at_the_first_too_many() -> None:
    files = "".join(encoded(f"{n}.txt", b"x", content_id=str(n)) for n in range(10_000))
    data = packet(files=files)

    with within(5):
        problem = refusal(data)

    assert (problem.code, problem.params["limit"]) == ("E_LIMIT", "1000")


def test_a_manifest_without_end_is_refused() -> None:
    reference = "<edXML:Reference><edXML:ContentId>{}</edXML:ContentId></edXML:Reference>"
    many = "".join(reference.format(n) for n in range(1001))

    problem = refusal(packet(("</edXML:edXMLManifest>", f"{many}</edXML:edXMLManifest>")))

    assert problem.code == "E_LIMIT"


def test_a_large_packet_is_refused_unread() -> None:
    problem = refusal(packet(), Limits(max_packet_bytes=100))

    assert problem.code == "E_TOO_LARGE"
    assert problem.params == {"size": str(len(packet())), "limit": "100"}


def test_a_redeclared_namespace_on_every_element_costs_no_more() -> None:
    declared = " ".join(f'xmlns:p{n}="u{n}"' for n in range(50))
    rebound = re.sub(r"<edXML:(\w+)>", rf'<edXML:\1 {declared} xmlns:q="\1">', packet().decode())

    with within(5):
        assert refusal((rebound + "<").encode()).code == "E_NOT_WELL_FORMED"
