r"""The canonical JSON format: one object, readable and complete, in UTF-8.

    {
      "format": "lienthong.document",        or "lienthong.status"
      "version": "1.0",
      "document": {...},                     or "status": {...}; fields as in the JSON schema
      "check": {...},                        for recipients only: what the signatures prove
      "contents": {"<sha256>": "<base64>"}   every attachment once, by its digest
    }

Members may come in any order. `contents` is streamed: its strings hold base64 with no escape but
`\/`. Without `contents` the object is what `to_canonical_json` gives: the canonical fields alone.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import BinaryIO

from adapters.contract import AttachmentSink, AttachmentSource, Limits, Message
from adapters.formats.canonical_json.reader import FileReader, from_canonical_json
from adapters.formats.canonical_json.writer import to_canonical_json, write_file
from schemas.codes import FormatName
from schemas.reading import Reading
from schemas.verdict import DeliveryCheck

__all__ = ["CanonicalJsonFormat", "from_canonical_json", "to_canonical_json"]


class CanonicalJsonFormat:
    """Reads and writes canonical JSON; see `adapters.contract.Format`."""

    name: str = FormatName.JSON
    suffix: str = ".json"

    def recognises(self, head: bytes, filename: str) -> bool:
        """Whether the name ends in the suffix, or an object begins that contains `lienthong.`."""
        if filename.casefold().endswith(self.suffix):
            return True
        return head.lstrip().startswith(b"{") and b'"lienthong.' in head

    def read(
        self, source: BinaryIO, *, sink: AttachmentSink, limits: Limits, today: date
    ) -> Reading:
        """Read one file. Raises `DocumentError` with line, column and field path."""
        return FileReader(source, sink=sink, limits=limits, today=today).read()

    def write(
        self,
        message: Message,
        *,
        attachments: AttachmentSource,
        written_at: datetime,  # noqa: ARG002  # a hop that is not there is not invented
    ) -> Iterator[bytes]:
        """Write one file. Raises `DocumentError` when an attachment is absent or damaged."""
        return write_file(message, attachments)

    def write_checked(
        self,
        message: Message,
        check: DeliveryCheck,
        *,
        attachments: AttachmentSource,
        written_at: datetime,  # noqa: ARG002
    ) -> Iterator[bytes]:
        """Write one file with the check as its member `check`."""
        return write_file(message, attachments, check)
