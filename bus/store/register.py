"""Register in a database: files with the version that they came with."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, func, insert, select, text

from bus.ports.register import RegisterEntry
from bus.store.database import Database
from bus.store.schema import register

_LOCK = text("SELECT pg_advisory_xact_lock(7238913313)")
_VERSION = select(func.coalesce(func.max(register.c.version), 0))


class SqlRegister:
    """The register in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> int:
        """See `ports.Register.version`."""
        return await self._database.read(_version)

    async def since(self, version: int) -> Sequence[RegisterEntry]:
        """See `ports.Register.since`."""
        newer = select(register).where(register.c.version > version)
        ordered = newer.order_by(register.c.version, register.c.name)

        def work(connection: Connection) -> Sequence[RegisterEntry]:
            return [
                RegisterEntry(name=row.name, body=row.body, version=row.version)
                for row in connection.execute(ordered)
            ]

        return await self._database.read(work)

    async def put(self, changes: Mapping[str, bytes | None], *, after: int) -> int | None:
        """See `ports.Register.put`."""

        def work(connection: Connection) -> int | None:
            if connection.dialect.name == "postgresql":
                # Versions are committed in their order: a reader never misses one.
                connection.execute(_LOCK)
            if _version(connection) != after:
                return None
            rows = [
                {"name": name, "body": body, "version": after + 1} for name, body in changes.items()
            ]
            connection.execute(delete(register).where(register.c.name.in_(sorted(changes))))
            connection.execute(insert(register), rows)
            return after + 1

        return await self._database.write(work) if changes else after


def _version(connection: Connection) -> int:
    version: int = connection.execute(_VERSION).scalar_one()
    return version
