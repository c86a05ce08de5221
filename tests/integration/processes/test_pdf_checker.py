"""The checker examines PDFs in a process of its own, and nothing a file does hurts anybody else."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from io import BytesIO
from typing import BinaryIO

import pytest

from bus.memory.attachments import MemoryAttachments
from bus.pdf.checker import HOLDS, ProcessPdfChecker
from bus.pdf.inspector import Inspector
from schemas.problem import TransportError
from schemas.term import term
from schemas.verdict import PdfOutcome
from tests.support.hostile_pdfs import bomb, endless_xref, huge_xref, looping_fields, nested
from tests.support.signed_pdfs import NOW, Authority, blank, sign


@cache
def authority() -> Authority:
    return Authority()


@cache
def signed() -> bytes:
    return sign(blank(), authority().signer())


class Counting(MemoryAttachments):
    """Attachments that know how often they were read."""

    opened = 0

    def open(self, sha256: str) -> BinaryIO:
        self.opened += 1
        return super().open(sha256)

    def put(self, content: bytes) -> str:
        writer = self.begin()
        writer.write(content)
        return writer.keep().sha256


@asynccontextmanager
async def checker(**changes: object) -> AsyncIterator[ProcessPdfChecker]:
    parts: dict[str, object] = {"anchors": [authority().root.der], "clock": lambda: NOW}
    made = ProcessPdfChecker(**(parts | changes))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    made = Inspector([authority().root.der])
    yield made
    made.close()


async def test_one_content_for_many_recipients_is_examined_once() -> None:
    store = Counting()
    sha256 = store.put(signed())
    async with checker() as pdfs:
        verdicts = await asyncio.gather(
            *(pdfs.check(sha256, len(signed()), files=store) for _ in range(94))
        )

    assert {verdict.outcome for verdict in verdicts} == {PdfOutcome.VALID}
    assert store.opened == 1


async def test_a_verdict_is_renewed_because_certificates_run_out() -> None:
    store, times = Counting(), [NOW, NOW + HOLDS]
    sha256 = store.put(signed())
    async with checker(clock=lambda: times.pop(0)) as pdfs:
        await pdfs.check(sha256, len(signed()), files=store)
        await pdfs.check(sha256, len(signed()), files=store)

    assert store.opened == 2


async def test_a_large_file_is_not_even_opened() -> None:
    store = Counting()
    sha256 = store.put(signed())
    async with checker(most_bytes=1000) as pdfs:
        verdict = await pdfs.check(sha256, len(signed()), files=store)

    assert verdict.outcome is PdfOutcome.NOT_CHECKED
    assert verdict.reason == term("pdf_large", size=len(signed()), limit=1000)
    assert store.opened == 0


async def test_an_absent_file_is_a_problem_and_no_verdict_and_not_remembered() -> None:
    store = Counting()
    sha256 = Counting().put(signed())
    async with checker() as pdfs:
        with pytest.raises(TransportError, match="E_ATTACHMENT_AWAY"):
            await pdfs.check(sha256, len(signed()), files=store)
        store.put(signed())

        assert (await pdfs.check(sha256, len(signed()), files=store)).outcome is PdfOutcome.VALID


async def test_who_is_called_off_does_not_call_off_the_others() -> None:
    store = Counting()
    sha256 = store.put(signed())
    async with checker() as pdfs:
        first = asyncio.create_task(pdfs.check(sha256, len(signed()), files=store))
        second = asyncio.create_task(pdfs.check(sha256, len(signed()), files=store))
        await asyncio.sleep(0)
        first.cancel()

        assert (await second).outcome is PdfOutcome.VALID


@pytest.mark.parametrize(
    "hostile",
    [
        nested(100_000),
        nested(1_000_000),
        looping_fields(),
        bomb(1_000_000_000),
        endless_xref(),
        huge_xref(1_000_000_000),
        b"%PDF-1.7\n" + bytes(5_000_000),
    ],
    ids=["nested", "deeply nested", "looping fields", "bomb", "endless", "huge", "zeros"],
)
def test_a_hostile_file_is_unreadable_and_the_next_one_is_not(
    inspector: Inspector, hostile: bytes
) -> None:
    broken = inspector.inspect(BytesIO(hostile), size=len(hostile), now=NOW)
    next_one = inspector.inspect(BytesIO(signed()), size=len(signed()), now=NOW)

    assert broken.outcome is PdfOutcome.UNREADABLE
    assert broken.reason
    assert next_one.outcome is PdfOutcome.VALID


def test_a_file_that_takes_too_long_is_given_up() -> None:
    slow = b"%PDF-1.7\n" + bytes(50_000_000)
    hasty = Inspector([authority().root.der], deadline=timedelta(seconds=0.6))
    verdict = hasty.inspect(BytesIO(slow), size=len(slow), now=NOW)
    hasty.close()

    assert verdict.outcome is PdfOutcome.UNREADABLE
    assert verdict.reason == term("pdf_late", seconds="0.6")


@pytest.mark.parametrize("said", [len(b"x") * 10, 10_000_000])
def test_a_file_of_another_size_than_announced_leaves_no_confusion(
    inspector: Inspector, said: int
) -> None:
    verdict = inspector.inspect(BytesIO(signed()), size=said, now=NOW)
    next_one = inspector.inspect(BytesIO(signed()), size=len(signed()), now=NOW)

    assert verdict.outcome is PdfOutcome.UNREADABLE
    assert next_one.outcome is PdfOutcome.VALID


def test_a_killed_examiner_is_replaced(inspector: Inspector) -> None:
    inspector.inspect(BytesIO(signed()), size=len(signed()), now=NOW)
    killed = inspector.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    # Whether this one is still given to it, or its end was seen before, is a matter of chance.
    inspector.inspect(BytesIO(signed()), size=len(signed()), now=NOW)
    next_one = inspector.inspect(BytesIO(signed()), size=len(signed()), now=NOW)

    assert inspector.pid != killed
    assert next_one.outcome is PdfOutcome.VALID


def test_the_examiner_sees_no_secret_of_ours(
    inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENTHONG_DATABASE_URL", "postgresql://lt:hunter2@db/lt")
    own = Inspector([authority().root.der])
    own.inspect(BytesIO(blank()), size=len(blank()), now=NOW)
    with open(f"/proc/{own.pid}/environ", "rb") as file:  # noqa: PTH123
        environment = file.read()
    own.close()

    assert b"hunter2" not in environment
