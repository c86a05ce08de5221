"""The tables that migrations make, and who may open them."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bus.store.database import connect
from bus.store.migration import HEAD, migrate
from bus.store.migrations import versions
from bus.store.schema import metadata, records
from bus.store.sql import open_store
from schemas.problem import ConfigurationError, TransportError
from tests.integration.store.databases import DATABASES, empty_database


def test_the_newest_version_of_the_tables_is_the_one_that_the_program_needs() -> None:
    scripts = ScriptDirectory(str(Path(versions.__file__).parents[1]))

    assert scripts.get_current_head() == HEAD


@pytest.mark.parametrize("kind", DATABASES)
async def test_the_migrations_make_exactly_the_tables_of_the_schema(
    kind: str, tmp_path: Path
) -> None:
    async with empty_database(kind, tmp_path) as url:
        database = connect(url)
        await database.write(migrate)

        differences = await database.write(
            lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
        )

        await database.aclose()
        assert differences == []


@pytest.mark.parametrize("kind", DATABASES)
async def test_documents_recorded_by_an_older_version_are_found_as_references_are_compared(
    kind: str, tmp_path: Path
) -> None:
    """Ids and numbers get the form in which they are compared now."""
    row = {
        "envelope_id": "e1",
        "identity": "i1",
        "sender": "G22",
        "recipients": ["H24"],
        "document_id": "000.00.00.G22,2019/03/12,147/VPCP-KSTT",
        "full_number": "147/VPCP-KSTT",
        "year": 2019,
        "recorded_at": datetime(2019, 3, 12, 8, tzinfo=UTC),
    }
    async with empty_database(kind, tmp_path) as url:
        database = connect(url)
        await database.write(partial(migrate, to="0004"))
        await database.write(lambda connection: connection.execute(records.insert().values(row)))
        await database.aclose()

        async with open_store(url) as store:
            [by_id] = await store.records.find(document_id="g22,2019-03-12,147/vpcp-kstt")
            [by_number] = await store.records.find(full_number="0147/vpcp-kstt")
            assert by_id == by_number
            assert (by_id.envelope_id, by_id.type) == ("e1", None)


@pytest.mark.parametrize("kind", DATABASES)
async def test_many_may_open_a_new_store_at_once(kind: str, tmp_path: Path) -> None:
    async with empty_database(kind, tmp_path) as url:

        async def open_and_look() -> object:
            async with open_store(url) as store:
                return await store.records.find(document_id="1")

        assert await asyncio.gather(*(open_and_look() for _ in range(4))) == [()] * 4


async def test_tables_of_a_newer_program_are_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    async with open_store(url):
        pass
    with sqlite3.connect(tmp_path / "store.db") as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigurationError) as refusal:
        async with open_store(url):
            pass

    assert refusal.value.problem.code == "E_SETTING"


@pytest.mark.parametrize(
    "url", ["", "sqlite://", "mysql://host/name", "sqlite:///file?timeout=soon", "no url"]
)
async def test_a_url_that_names_no_database_we_know_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        async with open_store(url):
            pass

    assert refusal.value.problem.code == "E_SETTING"


async def test_a_file_in_a_folder_that_is_absent_is_away(tmp_path: Path) -> None:
    with pytest.raises(TransportError) as refusal:
        async with open_store(f"sqlite:///{tmp_path / 'absent' / 'store.db'}"):
            pass

    assert refusal.value.problem.code == "E_STORE_AWAY"
