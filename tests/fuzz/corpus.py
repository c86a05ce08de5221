"""Corpus: valid inputs of our own making, for fuzzers to begin with."""

from base64 import b64encode

from adapters.conformance.files import MemoryFiles
from adapters.formats.canonical_json import CanonicalJsonFormat
from adapters.formats.edxml import EdxmlFormat
from adapters.formats.edxml.archive import pack
from bus.core.failure import FAILURE_HEADER, Stage, fail
from bus.core.wire import body_of
from bus.rabbit import frames
from schemas.identifiers import MailboxName
from schemas.problem import Problem
from tests.fuzz.targets import MESSAGE, SIGNERS
from tests.support.builders import (
    PDF,
    document,
    encoded,
    listed,
    packet,
    replacement,
    status_packet,
    status_report,
    update,
    zipped,
)
from tests.support.envelopes import NOW, RECIPIENT, a_receipt_envelope, an_envelope

_DELIVER = b"\x01t" + (1).to_bytes(8, "big") + b"\0\x09documents\x03a.b"


def corpus(target: str) -> tuple[bytes, ...]:
    """Some inputs for a target."""
    found: tuple[bytes, ...]
    match target:
        case "edxml":
            small = zipped(("a.pdf", PDF))
            found = (
                packet(),
                status_packet(),
                packet(listed("a.pdf"), files=encoded("a.pdf", PDF)),
                packet(listed("a.pdf"), files=encoded("a.pdf", small, declared="application/zip")),
                *(_written(EdxmlFormat(), each) for each in (document(), update(), replacement())),
                _written(EdxmlFormat(), status_report()),
            )
        case "json":
            values = (document(), update(), replacement(), status_report())
            found = tuple(_written(CanonicalJsonFormat(), each) for each in values)
        case "envelope":
            found = body_of(an_envelope()), body_of(a_receipt_envelope())
        case "jws":
            own = MESSAGE.signature
            other = SIGNERS.message(a_receipt_envelope(), to="H98").signature
            found = own.encode(), other.encode()
        case "zip":
            packed = b"".join(pack([PDF], entry_name="a.pdf"))
            found = packed, zipped(("a.pdf", PDF)), zipped(("a", b"1"), ("b", b"2"))
        case "frames":
            published = frames.publish(MESSAGE, channel=1, user_id="u", frame_bytes=131_072)
            header = published.partition(b"\x00\x3c\x00\x00")
            found = (bytes((len(_DELIVER),)) + _DELIVER + header[1] + header[2],)
        case "failures":
            problem = Problem(code="E_INTERNAL", params={"stage": "open", "cause": "KeyError"})
            failed = fail(
                MESSAGE,
                problem=problem,
                stage=Stage.OPEN,
                mailbox=MailboxName(RECIPIENT),
                message_id="1",
                user_id=None,
                now=NOW,
            )
            said = failed.headers[FAILURE_HEADER].encode()
            found = MESSAGE.routing_key.encode() + b"\n" + said, b"mailbox.G98.express\n{}"
        case "base64":
            found = b"\x03" + b64encode(PDF[:100]), b"\x01" + b64encode(b"ab") + b"\r\n"
        case "dates":
            found = b"2026/03/12", b"12/03/2026 09:15:00", b"000.00.00.H98,2026/02/30,1/A"
        case _:
            raise ValueError(target)
    return found


def _written(format_: EdxmlFormat | CanonicalJsonFormat, message: object) -> bytes:
    shelf = MemoryFiles((PDF,))
    return b"".join(format_.write(message, attachments=shelf, written_at=NOW))  # type: ignore[arg-type]
