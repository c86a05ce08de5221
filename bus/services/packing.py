"""Packing: makes the parcel of a delivery for its recipient's system.

If the header signature of the original file is valid, the parcel is the original file. Otherwise
the document is written in the recipient's format, with the result of the signature check.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from adapters.contract import (
    AttachmentSource,
    CheckedFormat,
    Format,
    LossyFormat,
    Parcel,
    ParcelKind,
)
from bus.core.parcel import original_for, parcel_name
from bus.core.parties import Judged
from bus.core.stream import chunks_of
from bus.ports import FormatApart
from bus.services.retry_wait import Stopping
from bus.services.signature_check import SignatureCheck
from schemas.codes import Lane
from schemas.envelope import Envelope
from schemas.identifiers import DeliveryId
from schemas.omission import without
from schemas.problem import Place, Warned
from schemas.reading import Source
from schemas.verdict import DeliveryCheck, note_of


@dataclass(kw_only=True)
class Packing:
    """Makes one agency's parcels.

    Attributes:
        format: What this agency's system reads. A format in a process of its own is called in a
            thread, for one delivery of a lane at a time.
    """

    format: Format | FormatApart
    signature_check: SignatureCheck = field(default_factory=SignatureCheck)
    _places: dict[Lane, asyncio.Semaphore] = field(init=False)

    def __post_init__(self) -> None:
        self._places = {lane: asyncio.Semaphore() for lane in Lane}

    async def pack(
        self,
        envelope: Envelope,
        delivery: DeliveryId,
        *,
        files: AttachmentSource,
        leave: asyncio.Event,
        judged: Judged | None = None,
    ) -> Parcel:
        """Make the parcel. Its bytes are produced when the endpoint reads them, or earlier.

        Args:
            files: The source of the files of the document.
            leave: Set when the service stops.
            judged: The documents that the message refers to, with warnings.

        Raises:
            Stopping: `leave` was set first.
            TransportError, DocumentError: A file cannot be read.
            InternalError: A format in a process of its own failed.
        """
        check = await self.signature_check.of(envelope, delivery, files=files, leave=leave)
        if judged is not None and self._tells(judged):
            check = (check or DeliveryCheck(delivery_id=delivery)).model_copy(
                update={"about": judged.about, "warnings": judged.warnings}
            )
        if not isinstance(self.format, FormatApart):
            return _parcel(envelope, delivery, check, files, self.format)
        async with self._places[envelope.lane]:
            if leave.is_set():
                raise Stopping
            introduced = await asyncio.to_thread(self.format.introduced)
            return await asyncio.to_thread(_parcel, envelope, delivery, check, files, introduced)

    def _tells(self, judged: Judged) -> bool:
        """Whether the parcel or its note must contain the result: a note only for something new."""
        if isinstance(self.format, CheckedFormat):
            return bool(judged.about or judged.warnings)
        return bool(judged.warnings) or not judged.evident


def _parcel(
    envelope: Envelope,
    delivery: DeliveryId,
    check: DeliveryCheck | None,
    files: AttachmentSource,
    written_in: Format,
) -> Parcel:
    check = _with_losses(envelope, delivery, check, written_in)
    chunks, note = _content(envelope, check, files, written_in)
    return Parcel(
        delivery_id=delivery,
        kind=ParcelKind.STATUS if envelope.document is None else ParcelKind.DOCUMENT,
        name=parcel_name(envelope, delivery, written_in.suffix),
        chunks=chunks,
        note=note,
    )


def _with_losses(
    envelope: Envelope, delivery: DeliveryId, check: DeliveryCheck | None, written_in: Format
) -> DeliveryCheck | None:
    """The check, with a warning for each field that the recipient's format cannot carry."""
    if not isinstance(written_in, LossyFormat) or original_for(envelope, written_in.name):
        return check
    _, lost = without(envelope.message, written_in.omits)
    if not lost:
        return check
    told = tuple(
        Warned(code="W_NOT_CARRIED", place=Place(field=field), params={"field": field})
        for field in lost
    )
    check = check or DeliveryCheck(delivery_id=delivery)
    return check.model_copy(update={"warnings": (*check.warnings, *told)})


def _content(
    envelope: Envelope, check: DeliveryCheck | None, files: AttachmentSource, written_in: Format
) -> tuple[Iterable[bytes], bytes | None]:
    """The bytes of the parcel, and its note.

    A format that can write checks writes the check into the parcel; otherwise the note contains it.
    """
    original = original_for(envelope, written_in.name)
    message, attachments, written_at = envelope.message, files, envelope.sent_at
    note = None if check is None else note_of(check)
    if original is not None:
        return _copy(original, files), note
    if check is not None and isinstance(written_in, CheckedFormat):
        return written_in.write_checked(
            message, check, attachments=attachments, written_at=written_at
        ), None
    return written_in.write(message, attachments=attachments, written_at=written_at), note


def _copy(original: Source, files: AttachmentSource) -> Iterator[bytes]:
    with files.open(original.sha256) as file:
        yield from chunks_of(file)
