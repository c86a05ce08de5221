"""PDF: the checker of signed PDFs, where a trust list is configured."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from bus.bootstrap.process import now
from bus.pdf.checker import ProcessPdfChecker
from bus.pdf.trust_list import PATTERN, read_trust_list
from bus.ports import PdfChecker
from bus.settings import Settings
from bus.store.home import Home

_log = structlog.get_logger()


def trust_list_of(settings: Settings) -> Path | None:
    """The folder of the trust list: the one that is set, or the home's when it holds something."""
    if settings.trust_list is not None:
        return settings.trust_list
    ours = Home(settings.home).trust_list
    return ours if any(ours.glob(PATTERN)) else None


@asynccontextmanager
async def pdf_checker(settings: Settings) -> AsyncIterator[PdfChecker | None]:
    """A checker as long as it is needed; None without a trust list.

    Raises:
        ConfigurationError: The trust list cannot be used.
    """
    folder = trust_list_of(settings)
    if folder is None:
        yield None
        return
    trusted = await asyncio.to_thread(read_trust_list, folder)
    for problem in trusted.set_aside:
        _log.error("trust_list_file_refused", problem=str(problem))
    checker = ProcessPdfChecker(anchors=trusted.anchors, clock=now)
    try:
        yield checker
    finally:
        await checker.close()
