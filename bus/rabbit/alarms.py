"""Alarms: notices within seconds that the broker is short of memory or disk, without publishing.

The broker tells a connection that it is blocked only when the connection publishes (RabbitMQ
manual, Alarms). So this module asks the management interface every four seconds.
"""

import asyncio
from datetime import timedelta

import structlog

from bus.rabbit.management import Management
from schemas.problem import AxisError

LOOK_EVERY = timedelta(seconds=4)

_log = structlog.get_logger()


class AlarmWatch:
    """Asks the management interface every `LOOK_EVERY` and logs when an alarm begins or ends."""

    def __init__(self, management: Management) -> None:
        self._management = management
        self._active = False

    @property
    def active(self) -> bool:
        """Whether an alarm stopped publishing when the broker last answered."""
        return self._active

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            try:
                reasons = await self._management.alarms()
            except AxisError:
                # `connection` reports that the broker is away.
                reasons = None
            if reasons is not None and bool(reasons) is not self._active:
                self._active = bool(reasons)
                if reasons:
                    _log.error("broker_blocked", alarms=reasons)
                else:
                    _log.info("broker_unblocked")
            await asyncio.sleep(LOOK_EVERY.total_seconds())
