"""The edXML format of QCVN 102:2016, compatible with messages of real systems.

The official text was not available, so no claim is made of conformity with it. `docs/edxml.md` says
what is read, repaired and refused.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import BinaryIO

from adapters.contract import AttachmentSink, AttachmentSource, Limits, Message
from adapters.formats.edxml.names import QCVN
from adapters.formats.edxml.reader import PacketReader
from adapters.formats.edxml.signing import HeaderSigner, sign_packet
from adapters.formats.edxml.writer import write_packet
from schemas.codes import FormatName
from schemas.document import Document
from schemas.reading import Reading

__all__ = ["EdxmlFormat"]

_MARKS = (QCVN.encode(), b"<edXML", b":edXML")


class EdxmlFormat:
    """Reads edXML tolerantly and writes it strictly; see `adapters.contract.Format`.

    Args:
        zip_attachments: Write each attachment in a ZIP with one entry, for old programs.
        strict: Leave out elements that are not in the format, for old programs.
        signer: Gives the key of the header signature; it is called for each packet.
    """

    name: str = FormatName.EDXML
    suffix: str = ".edxml"

    def __init__(
        self,
        *,
        zip_attachments: bool = False,
        strict: bool = False,
        signer: Callable[[], HeaderSigner] | None = None,
    ) -> None:
        self._zip_attachments = zip_attachments
        self._strict = strict
        self._signer = signer

    def recognises(self, head: bytes, filename: str) -> bool:
        """Whether the name ends in the suffix, or the namespace or root element is in the head."""
        return filename.casefold().endswith(self.suffix) or any(mark in head for mark in _MARKS)

    def read(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> Reading:
        """Read one packet. Raises `DocumentError` with line and column where they are known."""
        return PacketReader(source, sink=sink, limits=limits, today=today).read()

    def write(
        self, message: Message, *, attachments: AttachmentSource, written_at: datetime
    ) -> Iterator[bytes]:
        """Write one packet. Raises `DocumentError` when an attachment is absent or damaged."""
        packet = write_packet(
            message,
            attachments=attachments,
            written_at=written_at,
            zipped=self._zip_attachments,
            strict=self._strict,
        )
        most_bytes = Limits().max_signature_packet_bytes
        if self._signer is None or _attached_bytes(message) > most_bytes:
            return packet
        return sign_packet(packet, self._signer(), most_bytes=most_bytes)


def _attached_bytes(message: Message) -> int:
    return sum(each.size for each in message.attachments) if isinstance(message, Document) else 0
