"""Flaw: what can be wrong with a file that an agency drops, and what the axis answers."""

import re
from collections.abc import Callable
from enum import StrEnum

_NAMESPACE = b"http://www.mic.gov.vn/TBT/QCVN_102_2016"
_NOT_ASCII = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_CONTENT = re.compile(rb"(ContentTransferEncoded[^>]*>)[^<]*<")
_ATTACHMENTS = re.compile(rb"<AttachmentEncoded>.*</AttachmentEncoded>", re.DOTALL)


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
    SECRECY_MARK = "mark of State secrecy"
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
    Flaw.SECRECY_MARK: "E_STATE_SECRET",
    Flaw.UNKNOWN_RECEIVER: "E_UNKNOWN_RECEIVER",
    Flaw.FOREIGN_SENDER: "E_SENDER_UNKNOWN",
    Flaw.NOT_OWNER: "E_NOT_OWNER",
    Flaw.NOT_PARTY: "E_STATUS_NOT_PARTY",
}
"""The refusal that each flaw must meet; None is repaired and delivered."""


_SPOILERS: dict[Flaw, Callable[[bytes], bytes]] = {
    Flaw.JUNK: lambda packet: b"1212\r\n" + packet,
    Flaw.EMPTY: lambda _: b"",
    Flaw.TRUNCATED: lambda packet: packet[: len(packet) * 2 // 3],
    Flaw.DOCTYPE: lambda packet: packet.replace(b"?>", b"?>\n<!DOCTYPE edXML>", 1),
    Flaw.NOT_UTF8: lambda packet: _NOT_ASCII.sub(b"\xe2 ", packet, count=1),
    Flaw.NAMESPACE: lambda packet: packet.replace(_NAMESPACE, b"http://www.go.vn/eDoc"),
    Flaw.NOT_BASE64: lambda packet: _CONTENT.sub(rb"\1(see the paper copy)<", packet),
    Flaw.ATTACHMENT_GONE: lambda packet: _ATTACHMENTS.sub(b"", packet),
}


def spoil(packet: bytes, flaw: Flaw) -> bytes:
    """Put a flaw into a sound edXML packet with an attachment.

    A flaw of the content, not of the bytes, leaves the packet as it is: the message has it.
    """
    spoiler = _SPOILERS.get(flaw)
    return packet if spoiler is None else spoiler(packet)
