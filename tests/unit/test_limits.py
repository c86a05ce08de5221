"""Each limit is in force at its edge: what reaches it passes, one more is refused or cut."""

import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from adapters.contract import Limits
from bus.core.directory_rules import check
from bus.core.signing import sign, verify
from bus.core.wire import body_of, envelope_of, open_envelope
from bus.rabbit.frames import Delivery, Properties
from bus.rabbit.subscriber import received
from schemas import limits
from schemas.directory import Agency, Directory
from schemas.document import Document, Organization
from schemas.envelope import Envelope
from schemas.identifiers import AgencyCode, MailboxName
from schemas.limits import (
    MAX_AGENCIES,
    MAX_ATTACHMENTS,
    MAX_BODY_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADER_FIELDS,
    MAX_HEADERS_BYTES,
    MAX_IDENTIFIER_CHARS,
    MAX_LIST_ITEMS,
    MAX_MAP_ENTRIES,
    MAX_RECEIVERS,
    MAX_RECIPIENTS,
    MAX_SIGNATURE_CHARS,
    MAX_TEXT_CHARS,
    MAX_TOLD_CHARS,
    MAX_TOLD_PARAMS,
)
from schemas.problem import AxisError, DocumentError, Place, Problem
from schemas.term import Term
from tests.support.builders import PDF, attachment, packet, read_packet, refusal
from tests.support.envelopes import NOW, SENDER, Signers, a_document, a_recipient, an_envelope

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
ROW = re.compile(r"^\| `([A-Z_]+)` \| (\d+) \|", re.MULTILINE)
SIGNERS = Signers()


def test_the_page_of_limits_says_what_is_in_force() -> None:
    told = {name: int(value) for name, value in ROW.findall(PAGE.read_text(encoding="utf-8"))}

    units = {"KIB", "MIB"}
    assert told == {
        name: value for name, value in vars(limits).items() if name.isupper() and name not in units
    }


def test_every_bound_of_formats_is_one_of_these_limits() -> None:
    known = {value for name, value in vars(limits).items() if name.isupper()}

    assert {getattr(Limits(), bound.name) for bound in fields(Limits)} <= known


def opened(envelope: Envelope) -> Envelope:
    """What the recipient makes of an envelope whose sender checks nothing."""
    body = envelope.to_json()
    signature = sign(body, key=SIGNERS.key(SENDER), now=NOW)
    return open_envelope(verify(body, signature, keys=SIGNERS.ring, now=NOW))


def enveloped(document: Document, recipients: int = 1) -> Envelope:
    return envelope_of(
        document,
        sender=SENDER,
        sender_mailbox=MailboxName(SENDER),
        recipients=[a_recipient(f"G{number}") for number in range(recipients)],
        sent_at=NOW,
    )


LARGEST: Mapping[str, tuple[int, str]] = {
    "document.subject": (MAX_TEXT_CHARS, "E_LIMIT"),
    "document.document_id": (MAX_IDENTIFIER_CHARS, "E_LIMIT"),
    "document.number": (MAX_IDENTIFIER_CHARS, "E_LIMIT"),
    "document.to_places": (MAX_LIST_ITEMS, "E_LIMIT"),
    "document.raw": (MAX_MAP_ENTRIES, "E_LIMIT"),
    "document.attachments": (MAX_ATTACHMENTS, "E_LIMIT"),
    "recipients": (MAX_RECIPIENTS, "E_LIMIT"),
}


def grown(field: str, size: int) -> Envelope:
    match field:
        case "recipients":
            return enveloped(a_document(), recipients=size)
        case "document.to_places":
            return enveloped(a_document(to_places=("x",) * size))
        case "document.raw":
            return enveloped(a_document(raw={str(number): "" for number in range(size)}))
        case "document.attachments":
            return enveloped(a_document(attachments=(attachment("a.pdf", PDF),) * size))
        case _:
            return enveloped(a_document(**{field.partition(".")[2]: "x" * size}))


@pytest.mark.parametrize("field", LARGEST)
def test_what_reaches_a_limit_of_the_wire_is_sent_and_opened(field: str) -> None:
    envelope = grown(field, LARGEST[field][0])

    body_of(envelope)
    assert opened(envelope) == envelope


@pytest.mark.parametrize("field", LARGEST)
def test_what_exceeds_it_is_neither_sent_nor_opened_and_the_field_is_named(field: str) -> None:
    limit, code = LARGEST[field]
    envelope = grown(field, limit + 1)

    for refuse in (body_of, opened):
        with pytest.raises(DocumentError) as refused:
            refuse(envelope)
        problem = refused.value.problem
        assert (problem.code, problem.place.field) == (code, field)
        assert problem.params["limit"] == str(limit)


@pytest.mark.parametrize("character", ["\0", "\b", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_a_character_that_no_format_can_write_is_neither_sent_nor_opened(character: str) -> None:
    """A database would refuse NUL, and an agency's parser any of them: later, and each time."""
    envelope = an_envelope(enveloped(a_document(subject=f"V/v {character}")).document)

    for refuse in (body_of, opened):
        with pytest.raises(DocumentError) as refused:
            refuse(envelope)
        assert refused.value.problem.code == "E_ENVELOPE"
        assert refused.value.problem.place.field == "document.subject"


@pytest.mark.parametrize("text", ['"', "\\", "\n\t", "C:\\unc\\bin", "\ufffd", "\U0001f600"])
def test_odd_but_writable_characters_pass(text: str) -> None:
    envelope = enveloped(a_document(subject=text))

    assert opened(envelope) == envelope


def test_a_body_may_have_one_mebibyte_and_not_a_byte_more() -> None:
    key, ring = SIGNERS.key(SENDER), SIGNERS.ring
    whole = b"x" * MAX_BODY_BYTES

    assert verify(whole, sign(whole, key=key, now=NOW), keys=ring, now=NOW).body == whole
    with pytest.raises(DocumentError) as refused:
        verify(whole + b"x", sign(whole + b"x", key=key, now=NOW), keys=ring, now=NOW)
    assert refused.value.problem.code == "E_TOO_LARGE"


def test_a_signature_header_beyond_its_length_is_refused_before_it_is_read() -> None:
    longest, longer = ("a" * size for size in (MAX_SIGNATURE_CHARS, MAX_SIGNATURE_CHARS + 1))

    causes = []
    for signature in (longest, longer):
        with pytest.raises(DocumentError) as refused:
            verify(b"{}", signature, keys=SIGNERS.ring, now=NOW)
        causes.append(refused.value.problem.because.text())
    assert causes == [
        "it is not a compact JWS with a detached payload",
        f"it is longer than {MAX_SIGNATURE_CHARS} characters",
    ]


def taken_up(headers: dict[str, str | int]) -> Mapping[str, str]:
    delivery = Delivery(tag=1, redelivered=False, exchange="documents", routing_key="a.b.c.d")
    return received("q", delivery, Properties(headers=headers), b"").message.headers


def test_headers_are_taken_up_as_far_as_they_are_no_burden() -> None:
    many: dict[str, str | int] = {f"h{number}": "x" for number in range(MAX_HEADER_FIELDS + 1)}
    whole, long = "x" * (MAX_HEADER_BYTES - 1), "x" * MAX_HEADER_BYTES
    rest = "x" * (MAX_HEADERS_BYTES - MAX_HEADER_BYTES - 1)

    assert len(taken_up(many)) == MAX_HEADER_FIELDS
    assert taken_up({"a": whole, "b": rest}).keys() == {"a", "b"}
    assert taken_up({"a": long, "b": rest}).keys() == {"b"}
    assert taken_up({"a": whole, "b": rest + "x", "c": "x"}).keys() == {"a", "c"}


def test_a_problem_is_cut_to_what_is_read_and_stays_utf_8() -> None:
    long = "\udcff" + "x" * MAX_TOLD_CHARS
    problem = AxisError.of(
        "E_LIMIT", place=Place(field=long, file=long), what=Term(code=long)
    ).problem
    many = Problem(code="E_LIMIT", params={str(number): "x" for number in range(100)})

    told = (problem.params["what"], problem.place.field, problem.place.file)
    assert set(told) == {"?" + "x" * (MAX_TOLD_CHARS - 2) + "…"}
    assert Problem(code="E_LIMIT", params={"what": "x" * MAX_TOLD_CHARS}).params["what"][-1] == "x"
    assert len(many.params) == MAX_TOLD_PARAMS
    assert Problem.model_validate_json(problem.to_json()) == problem


def test_a_document_has_no_more_receivers_than_an_envelope_has_room_for() -> None:
    def to(count: int) -> bytes:
        receivers = "".join(
            f"<edXML:To><edXML:OrganId>{number}</edXML:OrganId></edXML:To>"
            for number in range(count)
        )
        old = "<edXML:To><edXML:OrganId>000.00.07.H99</edXML:OrganId></edXML:To>"
        return packet((old, receivers))

    message = read_packet(to(MAX_RECEIVERS)).message
    problem = refusal(to(MAX_RECEIVERS + 1))

    assert isinstance(message, Document)
    assert len(message.to_agencies) == MAX_RECEIVERS
    assert (problem.code, problem.params["limit"]) == ("E_LIMIT", str(MAX_RECEIVERS))


def test_a_directory_has_a_largest_size() -> None:
    agencies = tuple(
        Agency.model_construct(code=AgencyCode(f"X{number}"), name_vi="x")
        for number in range(MAX_AGENCIES + 1)
    )

    check(Directory.model_construct(version=1, agencies=agencies[:-1], aliases=()))
    with pytest.raises(AxisError) as refused:
        check(Directory.model_construct(version=1, agencies=agencies, aliases=()))
    assert refused.value.problem.code == "E_DIRECTORY_SIZE"


def test_what_an_agency_says_of_itself_never_makes_a_problem_that_fills_a_frame() -> None:
    """The longest problem there can be, beside the longest headers, fits a frame of 128 KiB."""
    long = "\U0001f600" * 10_000
    problem = Problem(
        code="E_LIMIT",
        place=Place(field=long, file=long),
        params={f"{number}": long for number in range(100)},
        detail=long,
    )

    size = len(problem.to_json()) + MAX_HEADERS_BYTES + MAX_SIGNATURE_CHARS
    assert size < 120_000


def test_receivers_with_endless_codes_are_refused() -> None:
    long = Organization(organ_id="H" * (MAX_IDENTIFIER_CHARS + 1))

    with pytest.raises(DocumentError) as refused:
        opened(enveloped(a_document(to_agencies=(long,))))
    assert refused.value.problem.place.field == "document.to_agencies.organ_id"
