"""Flaw: what can be wrong with a file that an agency drops, and what the axis answers."""

import re
from enum import StrEnum
from typing import assert_never

_NAMESPACE = b"http://www.mic.gov.vn/TBT/QCVN_102_2016"


class Flaw(StrEnum):
    """Seen in real files, or a way to deceive."""

    JUNK = "junk before the XML"
    EMPTY = "empty file"
    TRUNCATED = "file cut off"
    DOCTYPE = "DOCTYPE"
    NOT_UTF8 = "not UTF-8"
    NAMESPACE = "older namespace"
    NOT_BASE64 = "attachment is not base64"
    ATTACHMENT_GONE = "attachment left out"
    UNKNOWN_RECEIVER = "unknown receiver"
    FOREIGN_SENDER = "another agency as sender"
    NOT_OWNER = "recall of another's document"
    NOT_PARTY = "take-back of another's document"


ANSWERS: dict[Flaw, str | None] = {
    Flaw.JUNK: None,
    Flaw.EMPTY: "E_EMPTY",
    Flaw.TRUNCATED: "E_NOT_WELL_FORMED",
    Flaw.DOCTYPE: "E_DTD",
    Flaw.NOT_UTF8: "E_ENCODING",
    Flaw.NAMESPACE: "E_NAMESPACE",
    Flaw.NOT_BASE64: "E_BASE64",
    Flaw.ATTACHMENT_GONE: "E_ATTACHMENT_MISSING",
    Flaw.UNKNOWN_RECEIVER: "E_UNKNOWN_RECEIVER",
    Flaw.FOREIGN_SENDER: "E_SENDER_UNKNOWN",
    Flaw.NOT_OWNER: "E_NOT_OWNER",
    Flaw.NOT_PARTY: "E_STATUS_NOT_PARTY",
}
"""The refusal that each flaw must meet; None is repaired and delivered."""


def spoil(packet: bytes, flaw: Flaw) -> bytes:
    """Put a flaw into a sound edXML packet with an attachment.

    Flaws of the content, not of the bytes, leave the packet as it is: the message has them.
    """
    match flaw:
        case Flaw.JUNK:
            return b"1212\r\n" + packet
        case Flaw.EMPTY:
            return b""
        case Flaw.TRUNCATED:
            return packet[: len(packet) * 2 // 3]
        case Flaw.DOCTYPE:
            return packet.replace(b"?>", b"?>\n<!DOCTYPE edXML>", 1)
        case Flaw.NOT_UTF8:
            return re.sub(rb"[\xc2-\xf4][\x80-\xbf]+", b"\xe2 ", packet, count=1)
        case Flaw.NAMESPACE:
            return packet.replace(_NAMESPACE, b"http://www.go.vn/eDoc")
        case Flaw.NOT_BASE64:
            return re.sub(
                rb"(ContentTransferEncoded[^>]*>)[^<]*<", rb"\1(see the paper copy)<", packet
            )
        case Flaw.ATTACHMENT_GONE:
            return re.sub(rb"<AttachmentEncoded>.*</AttachmentEncoded>", b"", packet, flags=re.S)
        case Flaw.UNKNOWN_RECEIVER | Flaw.FOREIGN_SENDER | Flaw.NOT_OWNER | Flaw.NOT_PARTY:
            return packet
        case _:
            assert_never(flaw)
