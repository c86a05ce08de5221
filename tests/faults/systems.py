"""Systems: agencies' systems that behave badly."""

import asyncio
from datetime import timedelta

from adapters.contract import EndpointContext, Offer, Parcel
from adapters.endpoints.folder import FolderEndpoint


class SlowEndpoint(FolderEndpoint):
    """Some agencies' systems take their time for each hand-over.

    Args:
        codes: Whose.
    """

    def __init__(
        self, context: EndpointContext, *, takes: timedelta, codes: tuple[str, ...]
    ) -> None:
        super().__init__(context)
        self._takes = takes.total_seconds() if context.agency in codes else 0.0

    async def offer(self, parcel: Parcel) -> Offer:
        """Hand over, slowly."""
        await asyncio.sleep(self._takes)
        return await super().offer(parcel)
