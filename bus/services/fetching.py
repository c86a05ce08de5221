"""Fetching: brings the attachments of a delivery to this machine before its format writes."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.contract import AttachmentSource
from bus.core.sealing.envelope import OpenFile
from bus.core.sealing.stream import OpenedFiles, open_file
from bus.ports import AttachmentFetcher

FETCHES_IN_A_ROW = 5
"""Fetches of one delivery that may find a file absent, in 3 to 5 s; then it waits as a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetching:
    """Fetches for the deliveries of one mailbox."""

    fetcher: AttachmentFetcher

    @asynccontextmanager
    async def fetched(
        self, digests: Sequence[str], *, sealed: Mapping[str, OpenFile] | None
    ) -> AsyncIterator[AttachmentSource]:
        """The files with these digests, on this machine until the block ends.

        Args:
            sealed: How to read the files of a sealed document; None: it was not sealed.

        Raises:
            TransportError: E_ATTACHMENT_AWAY: one is not in the store yet; or the store is away.
            DocumentError: E_ATTACHMENT_ABSENT: the sealed document does not contain it;
                E_ATTACHMENT_DIGEST.
        """
        stored = digests
        if sealed is not None:
            stored = [open_file(sealed, digest).sealed for digest in digests]
        if not stored:
            # Fetching nothing touches no disk.
            yield self.fetcher.fetch(())
            return
        files = await asyncio.to_thread(self.fetcher.fetch, stored)
        yield files if sealed is None else OpenedFiles(files, sealed)
        # Not after an error: an offer that was given up may still read in a thread. Then the files
        # stay as long as it refers to them.
        await asyncio.to_thread(files.release)
