"""Targets: what reads bytes of strangers, each held to one promise.

For any bytes either a value or an `AxisError` with a code of the catalogue, that can be told and
whose place lies within the input. Whatever else a target raises is a finding.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO

import pybase64

from adapters.conformance.files import MemoryFiles
from adapters.conformance.formats import TODAY
from adapters.contract import Format, Limits
from adapters.formats.base64_stream import Base64Decoder
from adapters.formats.canonical_json import CanonicalJsonFormat
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.edxml.archive import UnsafeArchiveError, only_entry, unpack
from adapters.formats.edxml.dates import (
    holds_impossible_date,
    read_day,
    read_stamp,
    write_day,
    write_stamp,
)
from adapters.formats.edxml.writer import unwritten
from bus.core.admission import admit
from bus.core.dead_letters.letter import FailedAttempt
from bus.core.dead_letters.report import Believed, read_attempt
from bus.core.failure import FAILURE_HEADER, ORIGINAL_MESSAGE, ORIGINAL_USER, Stage, fail
from bus.core.identity import delivery_id
from bus.core.parcel import parcel_name
from bus.core.signing import sign, verify
from bus.core.topology import FAILURES
from bus.rabbit import frames
from bus.rabbit.frame_reader import ChannelReader
from bus.rabbit.subscriber import received
from schemas.document import Document
from schemas.errors import ENTRIES
from schemas.identifiers import MailboxName
from schemas.limits import MAX_HEADERS_BYTES
from schemas.problem import AxisError, Language, Place, Problem
from tests.support.agencies import routing_of
from tests.support.envelopes import NOW, RECIPIENT, SENDER, Signers, an_envelope

Target = Callable[[bytes], None]

LIMITS = Limits(max_packet_bytes=1 << 20, max_text_bytes=1 << 14, max_elements=2_000)
"""Small, so that a fuzzer reaches them."""

SIGNERS = Signers()
ROUTING = routing_of((SENDER, RECIPIENT))
MESSAGE = SIGNERS.message(an_envelope())
_ROOM = 1 << 20


def edxml(data: bytes) -> None:
    """An edXML packet."""
    _read(EdxmlFormat(), data)


def canonical_json(data: bytes) -> None:
    """A file of canonical JSON."""
    _read(CanonicalJsonFormat(), data)


def envelope(data: bytes) -> None:
    """A body that an agency with a good key has signed: opened, admitted and named."""
    signature = sign(data, key=SIGNERS.key(SENDER), now=NOW)
    message = replace(MESSAGE, body=data, signature=signature)
    try:
        verified = verify(data, signature, keys=SIGNERS.ring, now=NOW)
        opened = admit(verified, message, mailbox=MailboxName(RECIPIENT), routing=ROUTING, now=NOW)
    except AxisError as error:
        _told(error.problem)
        _reported(error.problem)
        return
    delivery = delivery_id(opened.envelope_id, MailboxName(RECIPIENT))
    name = parcel_name(opened, delivery, ".edxml")
    assert len(name.encode()) <= 255
    assert "/" not in name
    chunks = (
        EdxmlFormat().write(opened.message, attachments=MemoryFiles(), written_at=opened.sent_at),
        CanonicalJsonFormat().write(
            opened.message, attachments=MemoryFiles(), written_at=opened.sent_at
        ),
    )
    for each in chunks:
        try:
            b"".join(each)
        except AxisError as error:
            _told(error.problem)


def jws(data: bytes) -> None:
    """The header `signature`, over a body that is another's."""
    signature = data.decode(errors="replace")
    try:
        verified = verify(MESSAGE.body, signature, keys=SIGNERS.ring, now=NOW)
    except AxisError as error:
        _told(error.problem)
        return
    # Only what was really signed; an ES256 signature has a twin, which proves the same.
    assert signature.partition(".")[0] == MESSAGE.signature.partition(".")[0], "a forgery"
    assert verified.owner == MailboxName(SENDER)


def archive(data: bytes) -> None:
    """An attachment that may be a ZIP of one entry."""
    file = BytesIO(data)
    entry = only_entry(file)
    if entry is None:
        return
    written = 0
    try:
        for chunk in unpack(file, entry, limits=LIMITS, room=_ROOM):
            written += len(chunk)
            assert written <= _ROOM + len(chunk)
    except UnsafeArchiveError:
        return


def frame(data: bytes) -> None:
    """Frames of a message: method, content header and body, as the broker passes them on."""
    size = data[0] if data else 0
    method, header = data[1 : 1 + size], data[1 + size :]
    properties = frames.properties(header)
    heard: list[bytes] = []

    def said(method: bytes, header: bytes, body: bytes) -> None:
        delivery = frames.delivery(method)
        message = received("q", delivery, frames.properties(header), body).message
        taken = sum(len(name) + len(text) for name, text in message.headers.items())
        assert taken <= MAX_HEADERS_BYTES
        frames.publish(
            replace(message, exchange="x", routing_key="k", message_id="1"),
            channel=1,
            user_id="u",
            frame_bytes=131_072,
        )
        heard.append(body)

    reader = ChannelReader(on_message=said, on_answer=_answered)
    deliver = frames.METHOD.pack(frames.DELIVER)
    try:
        for kind, payload in ((1, deliver + method), (1, method), (2, header), (3, b"x")):
            reader.takes(kind, payload)
    except AxisError as error:
        _told(error.problem)
    assert isinstance(properties.headers, Mapping)


def _answered(method: bytes) -> None:
    frames.answered(method)


def failure(data: bytes) -> None:
    """What anybody may put into `failures`; reading it never fails."""
    text = data.decode(errors="replace")
    head, _, tail = text.partition("\n")
    believed = Believed(keys=SIGNERS.ring, routing=ROUTING)
    told = replace(
        MESSAGE,
        exchange=FAILURES,
        headers={FAILURE_HEADER: tail, ORIGINAL_USER: head, ORIGINAL_MESSAGE: head},
    )
    for key, account in (("G98.x", "hub-worker"), ("G98.x", "agency.G98"), (head, head)):
        attempt = read_attempt(replace(told, routing_key=key, user_id=account), believed, now=NOW)
        _is_bounded(attempt)


def _is_bounded(attempt: FailedAttempt) -> None:
    problem = attempt.failure.problem  # its code may be of a newer version
    assert problem.text()
    assert Problem.model_validate_json(problem.to_json()) == problem


def base64_stream(data: bytes) -> None:
    """Base64 in pieces gives what it gives whole."""
    step = 1 + (data[0] if data else 0)
    pieces = [data[1:][at : at + step] for at in range(0, len(data), step)]
    decoder = Base64Decoder()
    try:
        decoded = b"".join(map(decoder.feed, pieces))
        decoder.finish()
    except ValueError:
        return
    whole = data[1:].translate(None, b" \t\r\n")
    assert decoded == pybase64.b64decode(whole, validate=True)


def dates(data: bytes) -> None:
    """Dates and stamps."""
    text = data.decode(errors="replace")
    holds_impossible_date(text)
    day, stamp = read_day(text), read_stamp(text)
    if day is not None:
        assert read_day(write_day(day.value)) == replace(day, as_due=True, timed=False)
    if stamp is not None:
        again = read_stamp(write_stamp(stamp.value))
        assert again is not None
        assert again.value == stamp.value


TARGETS: Mapping[str, Target] = {
    "edxml": edxml,
    "json": canonical_json,
    "envelope": envelope,
    "jws": jws,
    "zip": archive,
    "frames": frame,
    "failures": failure,
    "base64": base64_stream,
    "dates": dates,
}


def _read(format_: Format, data: bytes) -> None:
    format_.recognises(data[:4096], "x")
    shelf = MemoryFiles()
    try:
        reading = format_.read(BytesIO(data), sink=shelf, limits=LIMITS, today=TODAY)
    except AxisError as error:
        assert not shelf.open_writers, "a refused file is left open"
        _told(error.problem)
        _within(error.problem.place, data)
        return
    for warning in reading.warnings:
        assert warning.text(Language.VIETNAMESE)
        _within(warning.place, data)
    written = format_.write(
        reading.message, attachments=shelf, written_at=datetime(2026, 3, 12, tzinfo=UTC)
    )
    again = format_.read(
        BytesIO(b"".join(written)), sink=MemoryFiles(), limits=Limits(), today=date(2026, 3, 12)
    )
    expected, told = reading.message.without_raw(), reading.message.raw
    lost = unwritten(reading.message) if isinstance(format_, EdxmlFormat) else frozenset()
    kept = sorted(value for path, value in told.items() if path not in lost)
    assert sorted(again.message.raw.values()) == kept
    if isinstance(expected, Document) and not expected.hops:
        # A writer of edXML adds the sender's hop where there was none.
        assert isinstance(again.message, Document)
        expected = expected.model_copy(update={"hops": again.message.hops})
    assert again.message.without_raw() == expected


def _told(problem: Problem) -> None:
    assert problem.code in ENTRIES
    assert all(problem.text(language) and problem.advice(language) for language in Language)
    assert Problem.model_validate_json(problem.to_json()) == problem


def _reported(problem: Problem) -> None:
    """A failure fits a frame, beside all headers that were taken up."""
    failed = fail(
        MESSAGE,
        problem=problem,
        stage=Stage.OPEN,
        mailbox=MailboxName(RECIPIENT),
        message_id="1",
        user_id=None,
        now=NOW,
    )
    assert len(failed.headers[FAILURE_HEADER].encode()) <= 50_000


def _within(place: Place, data: bytes) -> None:
    lines = data.split(b"\n")
    if place.line is not None:
        # XML may count a carriage return as a line's end.
        assert 1 <= place.line <= len(lines) + data.count(b"\r"), place
    if place.column is not None:
        assert 1 <= place.column <= len(data) + 1, place
