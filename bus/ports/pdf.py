"""Checking the signatures in a stored PDF file."""

from typing import Protocol

from adapters.contract import AttachmentSource
from schemas.verdict import PdfVerdict


class PdfChecker(Protocol):
    """Checks files against a trust list.

    A check always ends, and a file that crashes it gets the verdict `unreadable`.
    """

    async def check(self, sha256: str, size: int, *, files: AttachmentSource) -> PdfVerdict:
        """Return the verdict on a file; the same content is examined only once.

        Args:
            files: The source of the file, which decrypts it if it was sealed.

        Raises:
            TransportError: The attachment store does not answer.
            DocumentError: The file is missing or damaged.
        """
