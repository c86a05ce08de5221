"""Drop: one file that an agency puts into its outbox, with the result that it must have."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from adapters.contract import AttachmentSource, Message
from adapters.formats.edxml import EdxmlFormat
from schemas.identifiers import AgencyCode

_NAMESPACE = b"http://www.mic.gov.vn/TBT/QCVN_102_2016"
_NOT_ASCII = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
_CONTENT = re.compile(rb"(ContentTransferEncoded[^>]*>)[^<]*<")
_ATTACHMENTS = re.compile(rb"<AttachmentEncoded>.*</AttachmentEncoded>", re.DOTALL)


class Flaw(StrEnum):
    """What can be wrong with a file: seen in real files, or an attempt to deceive."""

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
"""The code with which a file with this flaw must be refused; None: it is repaired and delivered."""

_DAMAGE: dict[Flaw, Callable[[bytes], bytes]] = {
    Flaw.JUNK: lambda packet: b"1212\r\n" + packet,
    Flaw.EMPTY: lambda _: b"",
    Flaw.TRUNCATED: lambda packet: packet[: len(packet) * 2 // 3],
    Flaw.DOCTYPE: lambda packet: packet.replace(b"?>", b"?>\n<!DOCTYPE edXML>", 1),
    Flaw.NOT_UTF8: lambda packet: _NOT_ASCII.sub(b"\xe2 ", packet, count=1),
    Flaw.NAMESPACE: lambda packet: packet.replace(_NAMESPACE, b"http://www.go.vn/eDoc"),
    Flaw.NOT_BASE64: lambda packet: _CONTENT.sub(rb"\1(see the paper copy)<", packet),
    Flaw.ATTACHMENT_GONE: lambda packet: _ATTACHMENTS.sub(b"", packet),
}
"""How a sound edXML packet gets a flaw of its bytes; other flaws are in the message itself."""


class DropKind(StrEnum):
    """What a drop is."""

    LETTER = "letter"
    CIRCULAR = "circular to all"
    REPLY = "reply"
    RECALL = "recall"
    UPDATE = "update"
    REPLACE = "replacement"
    STATUS = "status report"
    REPEAT = "same document again"
    BROKEN = "broken file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """A planned file.

    Attributes:
        sender: The agency whose outbox it is put into.
        name: Unique in that outbox.
        wave: It is dropped when the drops of all lower waves have arrived.
        recipients: The agencies that must receive it; none when it is refused or a repetition.
        refusal: The code with which it must be refused.
        notices: The codes of receivers that are refused although the file is accepted.
    """

    sender: AgencyCode
    kind: DropKind
    name: str = ""
    wave: int = 0
    message: Message
    recipients: tuple[AgencyCode, ...] = ()
    flaw: Flaw | None = None
    refusal: str | None = None
    notices: tuple[str, ...] = ()

    def packet(self, files: AttachmentSource, *, written_at: datetime) -> bytes:
        """The content of the file: an edXML packet, with its flaw if it has one."""
        packet = b"".join(
            EdxmlFormat().write(self.message, attachments=files, written_at=written_at)
        )
        damage = None if self.flaw is None else _DAMAGE.get(self.flaw)
        return packet if damage is None else damage(packet)
