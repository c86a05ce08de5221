"""Empty databases for tests: SQLite always, PostgreSQL where a server is named or installed."""

import asyncio
import atexit
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

_NAMED = os.environ.get("LIENTHONG_TEST_POSTGRES_URL")
_START_SECONDS = 30.0


class PrivatePostgres:
    """A server of our own: a temporary folder, a socket in it, no network."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="lienthong-postgres-"))
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self._folder, self._user)
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-N")
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://postgres@/postgres?host={self._folder}"

    def start(self) -> None:
        self._server = subprocess.Popen(
            [self._programs / "postgres", "-D", "data", "-F", "-h", "", "-k", self._folder],
            cwd=self._folder,
            user=self._user,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        while not (self._folder / ".s.PGSQL.5432").exists():
            if time.monotonic() > deadline:
                raise TimeoutError("PostgreSQL did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop at once, cutting every connection."""
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait()
            self._server = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments],
            cwd=self._folder,
            user=self._user,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _installed() -> Path | None:
    """Where the programs of an installed PostgreSQL lie, if this user may run them."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if os.geteuid() == 0 and "postgres" not in {user.pw_name for user in pwd.getpwall()}:
        return None
    return next((folder for folder in folders if (folder / "postgres").exists()), None)


INSTALLED_POSTGRES = _installed()
DATABASES = ("sqlite", "postgresql") if _NAMED or INSTALLED_POSTGRES else ("sqlite",)


@cache
def private_postgres() -> PrivatePostgres:
    """The server of this test run, started when first asked for."""
    assert INSTALLED_POSTGRES is not None
    server = PrivatePostgres(INSTALLED_POSTGRES)
    atexit.register(server.remove)
    return server


@asynccontextmanager
async def empty_database(kind: str, folder: Path) -> AsyncIterator[str]:
    """The URL of a database without tables."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'store.db'}"
        return
    server = _NAMED or (await asyncio.to_thread(private_postgres)).url
    name = f"test_{uuid4().hex}"
    await _command(server, f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        await _command(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _command(server: str, statement: str) -> None:
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + _START_SECONDS
    try:
        while True:
            try:
                async with engine.connect() as connection:
                    await connection.execute(text(statement))
            except (SQLAlchemyError, OSError):
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)
            else:
                return
    finally:
        await engine.dispose()
