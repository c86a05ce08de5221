"""SignatureCheck: what a recipient is told of the signatures in a delivery, before it gets it.

It informs and refuses nothing (Decree 28/2018): a delivery with an altered file arrives like any
other, and says so.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from adapters.contract import AttachmentSource
from bus.ports import PdfChecker
from bus.services.retry_wait import Stopping
from schemas.document import Attachment
from schemas.envelope import Envelope
from schemas.identifiers import DeliveryId
from schemas.term import term
from schemas.verdict import AttachmentVerdict, DeliveryCheck, PdfOutcome, PdfVerdict, judged

MOST_TIME = timedelta(seconds=60)
"""For all files of one delivery; what is not judged by then arrives unchecked."""

_PDF = "application/pdf"
NO_PDF = term("no_pdf")


@dataclass(frozen=True, kw_only=True)
class SignatureCheck:
    """Judges deliveries.

    Attributes:
        pdfs: Absent when no trust list is configured.
    """

    pdfs: PdfChecker | None = None
    most_time: timedelta = MOST_TIME

    async def of(
        self,
        envelope: Envelope,
        delivery: DeliveryId,
        *,
        files: AttachmentSource,
        leave: asyncio.Event,
    ) -> DeliveryCheck | None:
        """What there is to say; None when that is nothing.

        Args:
            files: Where the files of the document are found.

        Raises:
            Stopping: `leave` was set first.
            TransportError, DocumentError: A file cannot be read.
        """
        if envelope.document is None:
            return None
        header = envelope.source_signature
        if header is not None and header.is_absent:
            header = None
        attachments = envelope.document.attachments
        verdicts = (
            ()
            if self.pdfs is None
            else await self._judge(attachments, self.pdfs, files=files, leave=leave)
        )
        if header is None and not verdicts:
            return None
        return DeliveryCheck(delivery_id=delivery, header_signature=header, attachments=verdicts)

    async def _judge(
        self,
        attachments: Sequence[Attachment],
        pdfs: PdfChecker,
        *,
        files: AttachmentSource,
        leave: asyncio.Event,
    ) -> tuple[AttachmentVerdict, ...]:
        ends = asyncio.get_running_loop().time() + self.most_time.total_seconds()
        verdicts = []
        for attachment in attachments:
            if leave.is_set():
                raise Stopping
            verdict = await self._within(ends, verdict_on(attachment, pdfs, files=files))
            verdicts.append(judged(attachment.name, attachment.sha256, verdict))
        return tuple(verdicts)

    async def _within(self, ends: float, verdict: Awaitable[PdfVerdict]) -> PdfVerdict:
        try:
            async with asyncio.timeout_at(ends):
                return await verdict
        except TimeoutError:
            reason = term("pdf_not_within", seconds=f"{self.most_time.total_seconds():g}")
            return PdfVerdict(outcome=PdfOutcome.NOT_CHECKED, reason=reason)


async def verdict_on(
    attachment: Attachment, pdfs: PdfChecker, *, files: AttachmentSource
) -> PdfVerdict:
    """The verdict on one file; only a PDF can have legal value.

    Raises what the checker raises.
    """
    # By its bytes, as the reader saw them, or by its name.
    if attachment.media_type == _PDF or attachment.name.casefold().endswith(".pdf"):
        return await pdfs.check(attachment.sha256, attachment.size, files=files)
    return PdfVerdict(outcome=PdfOutcome.NONE, reason=NO_PDF)
