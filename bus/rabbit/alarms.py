"""Alarms: notices at once that the broker is short of memory or disk, also where nobody publishes.

The broker tells a connection that it is blocked only when it publishes (RabbitMQ manual, Alarms).
"""

import asyncio
from datetime import timedelta

import structlog

from bus.rabbit.management import Management
from schemas.problem import AxisError

LOOK_EVERY = timedelta(seconds=2)

_log = structlog.get_logger()


class AlarmWatch:
    """Asks the management interface again and again."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._active = False

    @property
    def active(self) -> bool:
        """Whether the broker took no publishes when it last answered."""
        return self._active

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                reasons = await self._management.alarms()
            except AxisError:
                # That the broker is away is noticed by those who are connected to it.
                reasons = None
            if reasons is not None and bool(reasons) is not self._active:
                self._active = bool(reasons)
                if reasons:
                    _log.error("broker_blocked", alarms=reasons)
                else:
                    _log.info("broker_unblocked")
            await asyncio.sleep(LOOK_EVERY.total_seconds())
