"""The register of what several homes must know, on SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.home.public_files import PublicFiles
from bus.services.register_sync import RegisterSync
from bus.store.register import SqlRegister
from bus.store.sql import open_store
from tests.integration.store.databases import DATABASES, empty_database

CERTIFICATE = "keys/agencies/H24/2026-12-01-0a1b2c3d4e5f.pem"


@pytest.fixture(params=DATABASES)
async def register(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlRegister]:
    async with empty_database(request.param, tmp_path) as url, open_store(url) as store:
        yield store.register


class Place:
    """A home with its side of the register."""

    def __init__(self, register: SqlRegister, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.sync = self.started(register)

    def started(self, register: SqlRegister) -> RegisterSync:
        return RegisterSync(
            register=register,
            files=PublicFiles(self.path),
            synced=self.path / "register.json",
        )

    def write(self, name: str, body: bytes) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def read(self, name: str) -> bytes | None:
        path = self.path / name
        return path.read_bytes() if path.exists() else None


@pytest.fixture
def homes(register: SqlRegister, tmp_path: Path) -> tuple[Place, Place]:
    return Place(register, tmp_path / "one"), Place(register, tmp_path / "two")


async def test_a_version_grows_with_every_change(register: SqlRegister) -> None:
    assert await register.version() == 0
    assert await register.put({"directory.json": b"1"}, after=0) == 1
    assert await register.put({"directory.json": b"2", "directory.jws": b"s"}, after=1) == 2
    assert await register.version() == 2


async def test_what_was_made_from_an_older_version_changes_nothing(register: SqlRegister) -> None:
    await register.put({"directory.json": b"1"}, after=0)

    assert await register.put({"directory.json": b"other"}, after=0) is None
    assert [entry.body for entry in await register.since(0)] == [b"1"]


async def test_of_two_changes_at_the_same_time_one_is_made(register: SqlRegister) -> None:
    made = await asyncio.gather(
        *(register.put({"directory.json": bytes([n])}, after=0) for n in range(4))
    )

    assert sorted(made, key=str) == [1, None, None, None]


async def test_a_removed_entry_is_told(register: SqlRegister) -> None:
    await register.put({CERTIFICATE: b"pem"}, after=0)
    await register.put({CERTIFICATE: None}, after=1)

    assert [(entry.name, entry.body) for entry in await register.since(1)] == [(CERTIFICATE, None)]


async def test_what_one_home_files_reaches_the_other(homes: tuple[Place, Place]) -> None:
    one, two = homes
    one.write("directory.json", b"{}")
    one.write(CERTIFICATE, b"pem")

    await one.sync.look()
    await two.sync.look()

    assert (two.read("directory.json"), two.read(CERTIFICATE)) == (b"{}", b"pem")


async def test_what_one_home_removes_goes_from_the_other(homes: tuple[Place, Place]) -> None:
    one, two = homes
    one.write(CERTIFICATE, b"pem")
    await one.sync.look()
    await two.sync.look()

    (two.path / CERTIFICATE).unlink()
    await two.sync.look()
    await one.sync.look()

    assert one.read(CERTIFICATE) is None


async def test_private_keys_and_passwords_stay_where_they_are(
    homes: tuple[Place, Place], register: SqlRegister
) -> None:
    one, _ = homes
    for name in ("keys/agencies/H24/a.key", "accounts/hub-worker", "keys/authorities/a.pem"):
        one.write(name, b"secret")

    await one.sync.look()

    assert await register.since(0) == []


async def test_a_change_while_the_home_was_stopped_is_seen_at_its_start(
    homes: tuple[Place, Place], register: SqlRegister
) -> None:
    one, two = homes
    one.write(CERTIFICATE, b"pem")
    await one.sync.look()
    await two.sync.look()

    (one.path / CERTIFICATE).unlink()
    await one.started(register).look()
    await two.sync.look()

    assert two.read(CERTIFICATE) is None


async def test_where_both_homes_changed_a_file_the_first_in_the_register_wins(
    homes: tuple[Place, Place],
) -> None:
    one, two = homes
    one.write("directory.json", b"one")
    two.write("directory.json", b"two")

    await one.sync.look()
    await two.sync.look()
    await one.sync.look()

    assert one.read("directory.json") == two.read("directory.json") == b"one"


async def test_a_new_database_is_filled_from_the_homes(
    homes: tuple[Place, Place], register: SqlRegister
) -> None:
    one, _ = homes
    one.write("directory.json", b"{}")
    await one.sync.look()
    one.write("register.json", (one.path / "register.json").read_bytes().replace(b":1", b":9", 1))

    await one.started(register).look()

    assert one.read("directory.json") == b"{}"
    assert [entry.name for entry in await register.since(0)] == ["directory.json"]


def test_only_public_files_are_ever_written(tmp_path: Path) -> None:
    for name in ("keys/agencies/H24/a.key", "../directory.json", "keys/agencies/../a.pem", "x"):
        with pytest.raises(ValueError, match="no public file"):
            PublicFiles(tmp_path).write({name: b""})
