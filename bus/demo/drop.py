"""Drop: one file that an agency puts into its outbox, with what must become of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from adapters.contract import AttachmentSource, Message
from adapters.formats.edxml import EdxmlFormat
from bus.demo.flaws import Flaw, spoil
from schemas.identifiers import AgencyCode


class DropKind(StrEnum):
    """What a drop is, as the demonstration counts it."""

    DOWN = "letter to provinces"
    UP = "letter to the centre"
    ACROSS = "letter to peers"
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
        sender: Whose outbox it goes into.
        name: Unique in that outbox.
        wave: Drops of a wave rely on all of the waves before having arrived.
        recipients: Who must be handed it; nobody, when it is refused or a repeat.
        refusal: The code it must be refused with.
        notices: The codes of receivers refused although the file is accepted.
    """

    sender: AgencyCode
    kind: DropKind
    name: str
    wave: int
    message: Message
    recipients: tuple[AgencyCode, ...] = ()
    flaw: Flaw | None = None
    refusal: str | None = None
    notices: tuple[str, ...] = ()

    def packet(self, files: AttachmentSource, *, written_at: datetime) -> bytes:
        """The file as it is dropped: an edXML packet, with its flaw if it has one."""
        chunks = EdxmlFormat().write(self.message, attachments=files, written_at=written_at)
        packet = b"".join(chunks)
        return packet if self.flaw is None else spoil(packet, self.flaw)
