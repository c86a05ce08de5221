"""Worklist: places operators' orders about dead letters, within the limits of the settings."""

from datetime import datetime

from bus.core.dead_letters.letter import OrderId
from bus.core.dead_letters.order import BulkLimits, NewOrder, Order
from bus.ports import DeadLetters


class Worklist:
    """Places orders for every client: the command line today, others later.

    The limits come from the settings, never from the client. The store checks them in the
    transaction that takes the letters, so clients that place orders at once cannot exceed them.
    """

    def __init__(self, letters: DeadLetters, limits: BulkLimits) -> None:
        self._letters = letters
        self._limits = limits

    async def place(self, order: NewOrder, *, order_id: OrderId, now: datetime) -> Order:
        """Place an order. Raises `ConfigurationError` E_NEEDS_YES; then nothing was placed."""
        return await self._letters.place(order, order_id=order_id, now=now, limits=self._limits)
