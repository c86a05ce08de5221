"""PDF checker: what the signatures in a kept file prove."""

from typing import Protocol

from adapters.contract import AttachmentSource
from schemas.verdict import PdfVerdict


class PdfChecker(Protocol):
    """Checks files against a trust list.

    Never hangs, and no file can harm who asks: one that breaks the examination is `unreadable`.
    """

    async def check(self, sha256: str, size: int, *, files: AttachmentSource) -> PdfVerdict:
        """The verdict on a file, the same content examined once.

        Args:
            files: Where it is found; opened from its seal where it was sealed.

        Raises:
            TransportError: The attachment store is away.
            DocumentError: The file is absent or damaged.
        """
