"""Checker: verdicts on files, each content examined once.

A circular to 94 recipients has one PDF. A verdict holds for an hour, because certificates run out.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta

from adapters.contract import AttachmentSource
from bus.pdf.inspector import DEADLINE, Inspector
from bus.ports import Clock
from schemas.term import term
from schemas.verdict import PdfOutcome, PdfVerdict

MOST_BYTES = 100 * 1024 * 1024
HOLDS = timedelta(hours=1)
REMEMBERED = 4096


class ProcessPdfChecker:
    """As promised by the port: the examination runs in a process of its own, one file at a time.

    Args:
        anchors: Certificates, DER, that are trusted.
        most_bytes: Larger files are not checked.
    """

    def __init__(
        self,
        *,
        anchors: Sequence[bytes],
        clock: Clock,
        most_bytes: int = MOST_BYTES,
        deadline: timedelta = DEADLINE,
    ) -> None:
        self._clock = clock
        self._most_bytes = most_bytes
        self._inspector = Inspector(anchors, deadline=deadline)
        self._alone = asyncio.Lock()
        self._known: OrderedDict[str, tuple[datetime, asyncio.Task[PdfVerdict]]] = OrderedDict()

    async def check(self, sha256: str, size: int, *, files: AttachmentSource) -> PdfVerdict:
        """As promised by the port."""
        if size > self._most_bytes:
            reason = term("pdf_large", size=size, limit=self._most_bytes)
            return PdfVerdict(outcome=PdfOutcome.NOT_CHECKED, reason=reason)
        now = self._clock()
        known = self._known.get(sha256)
        if known is None or known[0] <= now:
            known = now + HOLDS, asyncio.create_task(self._examine(sha256, size, now, files))
            self._known[sha256] = known
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        try:
            # Whoever is called off does not call off the others that wait for the same.
            return await asyncio.shield(known[1])
        except Exception:
            # That the store was away says nothing of the file.
            if self._known.get(sha256) is known:
                del self._known[sha256]
            raise

    async def close(self) -> None:
        """End the process."""
        for _, task in self._known.values():
            task.cancel()
        await asyncio.to_thread(self._inspector.close)

    async def _examine(
        self, sha256: str, size: int, now: datetime, files: AttachmentSource
    ) -> PdfVerdict:
        async with self._alone:
            return await asyncio.to_thread(self._inspect, sha256, size, now, files)

    def _inspect(
        self, sha256: str, size: int, now: datetime, files: AttachmentSource
    ) -> PdfVerdict:
        with files.open(sha256) as file:
            return self._inspector.inspect(file, size=size, now=now)
