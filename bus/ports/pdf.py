"""PDF checker: what the signatures in a kept file prove."""

from typing import Protocol

from schemas.verdict import PdfVerdict


class PdfChecker(Protocol):
    """Checks files of the attachment store against a trust list.

    Never hangs, and no file can harm who asks: one that breaks the examination is `unreadable`.
    """

    async def check(self, sha256: str, size: int) -> PdfVerdict:
        """The verdict on a file, the same content examined once.

        Raises:
            TransportError: The attachment store is away.
            DocumentError: The file is absent or damaged.
        """
