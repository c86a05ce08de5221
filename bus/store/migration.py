"""Migration: brings the tables of a database to the version this program needs."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from schemas.problem import AxisError
from schemas.term import foreign

_SCRIPTS = Path(__file__).with_name("migrations")
HEAD = "0010"
"""The newest version of the tables; the tests prove that it is."""
_VERSION = text("SELECT version_num FROM alembic_version")
_LOCK = text("SELECT pg_advisory_xact_lock(7238913311)")


def migrate(connection: Connection, *, to: str = "head") -> None:
    """Apply all missing migrations, or none. Of several processes one migrates, the others wait.

    Args:
        to: Which version of the tables is wanted.

    Raises:
        ConfigurationError: E_SETTING, a newer version of this program has changed the tables.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    if to == "head" and _version(connection) == HEAD:
        return
    # Imported only here, because the import would delay every command that opens the store.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError as error:
        raise AxisError.of("E_SETTING", name="database_url", cause=foreign(error)) from error


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(_VERSION).scalar()
    return version
