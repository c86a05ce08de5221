"""PDF: the checker of signed PDFs, where a trust list is configured."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bus.bootstrap.process import now
from bus.home.layout import Home
from bus.pdf.checker import ProcessPdfChecker
from bus.pdf.trust_list import PATTERN, read_trust_list
from bus.ports import PdfChecker
from bus.settings import Settings
from schemas.problem import Problem


def trust_list_of(settings: Settings) -> Path | None:
    """The folder of the trust list: the one that is set, or the home's when it holds something."""
    if settings.trust_list is not None:
        return settings.trust_list
    ours = Home(settings.home).trust_list
    return ours if any(ours.glob(PATTERN)) else None


@asynccontextmanager
async def pdf_checker(
    settings: Settings, *, refused: Callable[[Problem], None]
) -> AsyncIterator[PdfChecker | None]:
    """A checker as long as it is needed; None without a trust list.

    Args:
        refused: Hears of each file of the trust list that does not count.

    Raises:
        ConfigurationError: The trust list cannot be used.
    """
    folder = trust_list_of(settings)
    if folder is None:
        yield None
        return
    trusted = await asyncio.to_thread(read_trust_list, folder)
    for problem in trusted.set_aside:
        refused(problem)
    checker = ProcessPdfChecker(anchors=trusted.anchors, clock=now)
    try:
        yield checker
    finally:
        await checker.close()
