"""A store of dead letters, in each kind of database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bus.ports import DeadLetters
from bus.store.sql import open_dead_letters
from tests.integration.store.databases import DATABASES, empty_database


@pytest.fixture(params=DATABASES)
async def letters(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DeadLetters]:
    async with empty_database(request.param, tmp_path) as url, open_dead_letters(url) as store:
        yield store
