"""The edXML format, QCVN 102:2016 generation: compatible with observed messages.

The official text was not at hand, so nothing here claims to be validated against it.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import BinaryIO

from adapters.contract import AttachmentSink, AttachmentSource, Limits, Message
from adapters.formats.edxml.names import QCVN
from adapters.formats.edxml.reader import PacketReader
from adapters.formats.edxml.writer import write_packet
from schemas.codes import FormatName
from schemas.reading import Reading

__all__ = ["EdxmlFormat"]

_MARKS = (QCVN.encode(), b"<edXML", b":edXML")


class EdxmlFormat:
    """Reads edXML tolerantly and writes it strictly; see `adapters.contract.Format`.

    Args:
        zip_attachments: Write every attachment in a one-entry ZIP, for receivers with old readers.
    """

    name: str = FormatName.EDXML
    suffix: str = ".edxml"

    def __init__(self, *, zip_attachments: bool = False) -> None:
        self._zip_attachments = zip_attachments

    def recognises(self, head: bytes, filename: str) -> bool:
        """By its suffix, or by its namespace or root element."""
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
        return write_packet(
            message, attachments=attachments, written_at=written_at, zipped=self._zip_attachments
        )
