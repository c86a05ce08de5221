"""Database: transactions on SQLite or PostgreSQL, and their errors as errors of the catalogue.

Work is a plain function of a connection, the same for both: on SQLite it runs in a thread of its
own, on PostgreSQL over asyncpg.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, FromClause, create_engine, event, make_url
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from schemas.problem import AxisError
from schemas.term import Term, foreign, of_os, term

Answer = TypeVar("Answer")

_LOOK_AGAIN_SECONDS = 0.02
CONNECT_SECONDS = 5.0
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATE_CLASS_DATA = "22"
_SQLSTATES_OF_THE_STORE = frozenset({"42501", "42P01"})
"""SQLSTATE of a missing right to a table, and of a missing table."""
_SQLSTATE_DISK_FULL = "53100"


class Database(Protocol):
    """One store. Recovers by itself when the database comes back."""

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run work in a transaction and commit it durably.

        Raises:
            TransportError: E_STORE_AWAY, E_STORE_FULL. Whether it was committed is not known.
        """

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Run work that only reads. Raises `TransportError` E_STORE_AWAY."""

    async def aclose(self) -> None:
        """Close every connection."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What a database is used for.

    Attributes:
        busy_seconds: Seconds to wait while another process writes.
        statement_seconds: How long a statement may take on a server, with its waiting time.
        cache_kib: The page cache of a SQLite file, for each of its two connections.
        checkpoint_pages: After so many pages, SQLite copies its log into the file.
    """

    busy_seconds: float = 5.0
    statement_seconds: float = 30.0
    cache_kib: int = 2_000
    checkpoint_pages: int = 1_000


SMALL = Load()
"""Many small operations."""

BULK = Load(busy_seconds=120, statement_seconds=120, cache_kib=65_536, checkpoint_pages=10_000)
"""Also actions on a million rows (measured: 500 replayed letters in 66 instead of 84 ms)."""


def connect(url: str, *, load: Load = SMALL) -> Database:
    """Open the database of a URL: `sqlite:///file?timeout=5` or `postgresql://host/name`.

    Args:
        load: A `timeout` in the URL replaces its `busy_seconds`.

    Raises:
        ConfigurationError: E_SETTING: the URL has another scheme, or the driver is not installed.
        TransportError: E_STORE_AWAY, the file cannot be made.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "sqlite" and parsed.database:
            busy_seconds = float(str(parsed.query.get("timeout", load.busy_seconds)))
            return SqliteDatabase(
                Path(parsed.database).absolute(), replace(load, busy_seconds=busy_seconds)
            )
        if backend == "postgresql":
            return PostgresDatabase(parsed.set(drivername="postgresql+asyncpg"), load)
    except (ArgumentError, ModuleNotFoundError, TypeError, ValueError) as error:
        raise AxisError.of("E_SETTING", name="database_url", cause=foreign(error)) from error
    cause = term("database_form")
    raise AxisError.of("E_SETTING", name="database_url", cause=cause)


async def prove_writable(database: Database) -> None:
    """Begin to write, and write nothing. Raises `TransportError` E_STORE_AWAY, E_STORE_FULL."""
    await database.write(_begin_to_write)


def _begin_to_write(connection: Connection) -> None:
    # SQLite takes its lock when the transaction begins; a server refuses this if it only reads.
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_current_xact_id()")


class SqliteDatabase:
    """A SQLite file. Several processes may use it; one writes at a time.

    Plain sqlite3 in one thread for writing and one for reading. Over aiosqlite every statement
    takes four turns between two threads, which cost more than the work (measured: 32 operations
    a transaction, 308 against 196 µs for a claim and its finish).
    """

    def __init__(self, file: Path, load: Load) -> None:
        self._file = file
        self._load = load
        self._engine = create_engine("sqlite://", creator=self._open, pool_size=2)
        self._engine.dialect.statement_compiler = _HintedCompiler
        event.listen(self._engine, "checkout", self._require_same_file)
        event.listen(self._engine, "begin", _begin)
        self._reading = self._engine.execution_options(reading=True)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        with _doorway():
            file.touch(mode=0o600)

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """See `Database.write`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, _transact, self._engine, work)

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """See `Database.read`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader, _transact, self._reading, work)

    async def aclose(self) -> None:
        """Close every connection, in the thread that may still be using one."""
        self._reader.shutdown()
        await asyncio.get_running_loop().run_in_executor(self._writer, self._engine.dispose)
        self._writer.shutdown()

    def _open(self) -> sqlite3.Connection:
        # mode=rw: a file that was deleted must not be made again, empty.
        connection = sqlite3.connect(
            f"file:{quote(str(self._file))}?mode=rw",
            uri=True,
            timeout=self._load.busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        self._write_ahead(connection)
        # A commit must survive a power failure, so each commit syncs the log.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{self._load.cache_kib}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {self._load.checkpoint_pages}")
        return connection

    def _write_ahead(self, connection: sqlite3.Connection) -> None:
        """Set the mode WAL; several processes may open a new file at the same time.

        SQLite does not wait by itself for the others while the mode changes
        (https://sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
        """
        until = time.monotonic() + self._load.busy_seconds
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > until:
                    connection.close()
                    raise
                time.sleep(_LOOK_AGAIN_SECONDS)
            else:
                return

    def _require_same_file(
        self, _connection: sqlite3.Connection, entry: ConnectionPoolEntry, _proxy: object
    ) -> None:
        """Check that the file is still there: SQLite would go on writing to a deleted one."""
        try:
            inode = self._file.stat().st_ino
        except FileNotFoundError:
            inode = 0
        if entry.info.setdefault("inode", inode) != inode:
            raise DisconnectionError(f"{self._file} was replaced")


class _HintedCompiler(SQLiteCompiler):
    """Writes `INDEXED BY`, which SQLAlchemy itself cannot write."""

    def get_from_hint_text(self, _table: FromClause, text: str | None) -> str | None:
        """Return the hint unchanged."""
        return text


class PostgresDatabase:
    """A server, shared by any number of processes."""

    def __init__(self, url: URL, load: Load) -> None:
        # A command on an embedded store does not wait for its import.
        from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

        self._engine = create_async_engine(
            url,
            connect_args={"timeout": CONNECT_SECONDS, "command_timeout": load.statement_seconds},
            pool_timeout=load.statement_seconds,
        )

    async def write(self, work: Callable[[Connection], Answer]) -> Answer:
        """See `Database.write`."""
        with _doorway():
            async with self._engine.begin() as connection:
                return await connection.run_sync(work)

    async def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """See `Database.read`."""
        return await self.write(work)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _transact(engine: Engine, work: Callable[[Connection], Answer]) -> Answer:
    with _doorway(), engine.begin() as connection:
        return work(connection)


def _begin(connection: Connection) -> None:
    # A writer takes its lock before it reads, so that two processes cannot both find a delivery
    # free (https://sqlite.org/lang_transaction.html).
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _doorway() -> Iterator[None]:
    """Turn errors of databases and networks into errors of the catalogue.

    Callers wait for E_STORE_AWAY without a limit, so only the absence of the store becomes that
    error. An error of a value or a statement is raised unchanged.
    """
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if _is_of_the_statement(error, cause):
            raise
        if _is_full(cause):
            raise AxisError.of("E_STORE_FULL") from error
        raise AxisError.of("E_STORE_AWAY", cause=_told(cause)) from error


def _is_of_the_statement(error: Exception, cause: BaseException | None) -> bool:
    """Whether the error comes from the statement, and not from the store."""
    state = _sqlstate(cause)
    if isinstance(getattr(cause, "__cause__", None), ValueError):
        # asyncpg could not send a value; otherwise its errors are of the connection.
        return True
    match error:
        case DataError() | IntegrityError() | NotSupportedError():
            return True
        case ProgrammingError():
            # A table or a right that is missing, or a connection that is closed.
            return state not in _SQLSTATES_OF_THE_STORE and "closed" not in str(cause)
        case DBAPIError():
            # SQLite has no code of its own for missing tables.
            odd = getattr(cause, "sqlite_errorname", None) == "SQLITE_ERROR"
            return state.startswith(_SQLSTATE_CLASS_DATA) or (odd and "no such" not in str(cause))
        case StatementError():
            return True
        case _:
            return False


def _is_full(cause: BaseException | None) -> bool:
    return (
        getattr(cause, "sqlite_errorname", None) == "SQLITE_FULL"
        or _sqlstate(cause) == _SQLSTATE_DISK_FULL
    )


def _sqlstate(cause: BaseException | None) -> str:
    """The SQLSTATE of an error of PostgreSQL; empty if it has none."""
    return getattr(cause, "sqlstate", None) or ""


def _told(cause: BaseException | None) -> Term:
    if isinstance(cause, OSError):
        return of_os(cause)
    if getattr(cause, "sqlite_errorname", None) == "SQLITE_BUSY":
        return term("store_locked")
    return foreign(_first_line(cause))


def _first_line(cause: BaseException | None) -> str:
    return (str(cause).splitlines() or [type(cause).__name__])[0]
