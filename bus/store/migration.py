"""Migration: brings the tables of a database to the version this program needs."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, text

from schemas.problem import AxisError
from schemas.term import foreign

_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = text("SELECT pg_advisory_xact_lock(7238913311)")


def migrate(connection: Connection, *, to: str = "head") -> None:
    """Apply what is missing, all or nothing; of several processes one does, the others wait.

    Args:
        to: Which version of the tables is wanted.

    Raises:
        ConfigurationError: E_SETTING, a newer version of this program has changed the tables.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, to)
    except CommandError as error:
        raise AxisError.of("E_SETTING", name="database_url", cause=foreign(error)) from error
