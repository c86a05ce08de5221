"""Parts: write the attachments of a packet, and their entries in the manifest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID, uuid5

from adapters.contract import AttachmentSource
from adapters.formats.base64_stream import encode
from adapters.formats.edxml.archive import looks_wrapped, pack
from adapters.formats.edxml.extras import Extras
from adapters.formats.edxml.markup import frame, leaf
from adapters.formats.edxml.names import QCVN
from adapters.formats.media_type import ARCHIVES, HEAD_BYTES, ZIP, extension
from schemas.document import Attachment, Document

_CONTENT_IDS = UUID("6b0f5c1e-7f0e-5d0a-9a55-4f2f3a1c8e77")
"""The UUID namespace of our ContentIds."""

_CONTENT_START = f'<edXML:ContentTransferEncoded xmlns:edXML="{QCVN}">'.encode()
_CONTENT_END = b"</edXML:ContentTransferEncoded>\n"
_READ_BYTES = 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One attachment to be written.

    Attributes:
        wrapped: Whether it is put into a ZIP with one entry.
        extras: The raw values of its element and of its manifest entry.
    """

    attachment: Attachment
    content_id: UUID
    wrapped: bool
    extras: "PartExtras"

    @property
    def media_type(self) -> str:
        """The type that is written; programs act on it."""
        return ZIP if self.wrapped else self.attachment.media_type

    def reference(self) -> str:
        """Its entry in the manifest."""
        return frame(
            "Reference",
            leaf("ContentId", f"cid:{self.content_id}"),
            leaf("ContentType", self.media_type),
            leaf("Description", self.attachment.description),
            leaf("AttachmentName", self.attachment.name),
            self.extras.listed,
        )

    def write(self, source: AttachmentSource) -> Iterator[bytes]:
        """Yield the `Attachment` element; its base64 is one line."""
        head = (
            leaf("ContentId", f"cid:{self.content_id}", prefix=""),
            leaf("AttachmentName", self.attachment.name, prefix=""),
            leaf("Description", self.attachment.description, prefix=""),
            leaf("ContentType", self.media_type, prefix=""),
            self.extras.vendors,
        )
        yield f"<Attachment>\n{''.join(head)}".encode() + _CONTENT_START
        with source.open(self.attachment.sha256) as file:
            yield from encode(self._packed(file) if self.wrapped else _chunks(file))
        yield _CONTENT_END + f"{self.extras.unknown}</Attachment>\n".encode()

    def _packed(self, file: BinaryIO) -> Iterator[bytes]:
        entry_name = f"{self.content_id}.{extension(self.attachment.name)}"
        return pack(_chunks(file), entry_name=entry_name)


@dataclass(frozen=True, kw_only=True, slots=True)
class PartExtras:
    """The raw values of an attachment's element and of its manifest entry, as markup."""

    vendors: str
    unknown: str
    listed: str


def write_extras(attachment: Attachment, number: int, extras: Extras) -> PartExtras:
    """Write the raw values of an attachment, which is counted from 1."""
    path = f"Attachment[{number}]"
    types = "".join(
        extras.text(f"{path}/{name}", prefix="")
        for name in ("Format", "MimeType")
        # The ZIP around the sender's file was removed.
        if attachment.media_type == ZIP or not extras.says(f"{path}/{name}", "zip")
    )
    return PartExtras(
        vendors=types + extras.text(f"{path}/FieldName", prefix=""),
        unknown=extras.unknown("Attachment", path),
        listed=extras.unknown("Reference", f"Reference[{number}]"),
    )


def plan_parts(
    document: Document, source: AttachmentSource, extras: Extras, *, zipped: bool
) -> list[Part]:
    """Decide how each attachment is written.

    A ContentId depends on document, position and content only, so a document is always written in
    the same way. Even without `zipped`, a ZIP that looks like the wrapping of another file is
    wrapped, because readers would otherwise unpack it.
    """
    return [
        Part(
            attachment=attachment,
            content_id=uuid5(_CONTENT_IDS, f"{document.document_id}\n{index}\n{attachment.sha256}"),
            wrapped=extension(attachment.name) != "zip"
            and (zipped or _would_be_unwrapped(attachment, source)),
            extras=write_extras(attachment, index + 1, extras),
        )
        for index, attachment in enumerate(document.attachments)
    ]


def _would_be_unwrapped(attachment: Attachment, source: AttachmentSource) -> bool:
    if attachment.media_type not in ARCHIVES:
        return False
    with source.open(attachment.sha256) as file:
        return looks_wrapped(file.read(HEAD_BYTES), attachment.name)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_READ_BYTES):
        yield chunk
