"""Expiry: lets the leases of a worker expire without waiting for it."""

from datetime import UTC, datetime

from sqlalchemy import Connection, update

from bus.core.placement import WorkerName
from bus.store.schema import workers
from bus.store.sql import Store


async def let_expire(store: Store, worker: WorkerName) -> None:
    """As if the worker had not renewed its leases for long."""
    gone = update(workers).where(workers.c.name == worker)

    def work(connection: Connection) -> None:
        connection.execute(gone.values(live_until=datetime(2019, 3, 12, tzinfo=UTC)))

    await store.database.write(work)
