"""Packing: a delivery becomes the parcel for its recipient's system.

The original where it proves something, else written anew, with what is to be said of its
signatures.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from adapters.contract import AttachmentSource, CheckedFormat, Format, Parcel, ParcelKind
from bus.core.handover import original_for, parcel_name
from bus.core.parties import Judged
from bus.core.stream import chunks_of
from bus.services.appraisal import Appraisal
from schemas.envelope import Envelope
from schemas.identifiers import DeliveryId
from schemas.reading import Source
from schemas.verdict import DeliveryCheck, note_of


@dataclass(kw_only=True)
class Packing:
    """One agency's parcels.

    Attributes:
        format: What this agency's system reads.
    """

    format: Format
    appraisal: Appraisal = field(default_factory=Appraisal)

    async def pack(
        self,
        envelope: Envelope,
        delivery: DeliveryId,
        *,
        files: AttachmentSource,
        leave: asyncio.Event,
        judged: Judged | None = None,
    ) -> Parcel:
        """The parcel; its bytes are produced when it is handed over.

        Args:
            files: Where the files of the document are found.
            leave: Set: it is no longer worth while.
            judged: Whose documents the message is about.

        Raises:
            Stopping: `leave` was set first.
            TransportError, DocumentError: A file cannot be read.
        """
        check = await self.appraisal.of(envelope, delivery, files=files, leave=leave)
        if judged is not None and self._tells(judged):
            check = (check or DeliveryCheck(delivery_id=delivery)).model_copy(
                update={"about": judged.about, "warnings": judged.warnings}
            )
        chunks, note = self._content(envelope, check, files)
        return Parcel(
            delivery_id=delivery,
            kind=ParcelKind.STATUS if envelope.document is None else ParcelKind.DOCUMENT,
            name=parcel_name(envelope, delivery, self.format.suffix),
            chunks=chunks,
            note=note,
        )

    def _tells(self, judged: Judged) -> bool:
        """Within a file there is always place; a file beside it must say something new."""
        if isinstance(self.format, CheckedFormat):
            return bool(judged.about or judged.warnings)
        return bool(judged.warnings) or not judged.evident

    def _content(
        self, envelope: Envelope, check: DeliveryCheck | None, files: AttachmentSource
    ) -> tuple[Iterable[bytes], bytes | None]:
        """What the recipient's system gets, and the note beside it.

        The original where it proves something, else written anew; the check inside where the
        format has a place for it.
        """
        original = original_for(envelope, self.format.name)
        message, attachments, written_at = envelope.message, files, envelope.sent_at
        note = None if check is None else note_of(check)
        if original is not None:
            return _copy(original, files), note
        if check is not None and isinstance(self.format, CheckedFormat):
            return self.format.write_checked(
                message, check, attachments=attachments, written_at=written_at
            ), None
        return self.format.write(message, attachments=attachments, written_at=written_at), note


def _copy(original: Source, files: AttachmentSource) -> Iterator[bytes]:
    with files.open(original.sha256) as file:
        yield from chunks_of(file)
