"""Several processes on one store, and processes that are killed."""

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bus.core.duplicates import Standing
from bus.core.message import SignedEnvelope
from bus.store.sql import Store, open_store
from schemas.identifiers import DeliveryId
from tests.integration.store.claims import NOW, claim_of
from tests.integration.store.databases import DATABASES, empty_database

ROOT = Path(__file__).parents[3]
DELIVERIES = [f"d{number}" for number in range(200)]


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def deliver(store: Store, name: str) -> None:
    """Claim and finish a delivery; say so once it is done."""
    if (await store.inbox.claim(claim_of(name), now=NOW)).standing is Standing.FRESH:
        receipt = SignedEnvelope(body=name.encode(), signature=name)
        await store.inbox.finish(DeliveryId(name), (receipt,), now=NOW)
        say(name)


async def work(url: str) -> None:
    """The other process: deliver everything, in an order of its own, when told to start."""
    async with open_store(url) as store:
        say("ready")
        sys.stdin.readline()
        order = random.sample(DELIVERIES, len(DELIVERIES))
        for start in range(0, len(order), 10):
            await asyncio.gather(*(deliver(store, name) for name in order[start : start + 10]))


def start_process(url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, __file__, url],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kind", DATABASES)
async def test_processes_on_one_store_deliver_everything_once(kind: str, tmp_path: Path) -> None:
    async with empty_database(kind, tmp_path) as url:
        processes = [start_process(url) for _ in range(2)]
        for process in processes:
            assert process.stdout is not None
            assert await asyncio.to_thread(process.stdout.readline) == "ready\n"

        said = await asyncio.gather(
            *(asyncio.to_thread(process.communicate, "start\n") for process in processes)
        )

    assert [process.returncode for process in processes] == [0, 0]
    delivered = Counter(name for output, _ in said for name in output.split())
    assert delivered == Counter(DELIVERIES)


async def test_what_a_killed_process_said_is_done_is_done(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    process = start_process(f"sqlite:///{file}")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    process.stdin.write("start\n")
    process.stdin.flush()
    said = [process.stdout.readline().strip() for _ in range(65)]
    process.kill()
    said += process.communicate()[0].split()

    async with open_store(f"sqlite:///{file}") as store:
        answers = [await store.inbox.claim(claim_of(name), now=NOW) for name in said]

    assert {answer.standing for answer in answers} == {Standing.DONE}
    assert [answer.receipts[0].body.decode() for answer in answers] == said
    assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone() == ("ok",)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
