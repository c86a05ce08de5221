"""The register of documents, kept by memory, SQLite and PostgreSQL alike."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bus.core.record import DocumentRecord
from bus.ports import Confirmed, Records
from bus.store.sql import open_store
from schemas.codes import BusinessType
from schemas.identifiers import AgencyCode, DeliveryId, EnvelopeId, MailboxName
from tests.integration.store.databases import DATABASES, empty_database

NOW = datetime(2019, 3, 12, 8, 0, 0, 123456, tzinfo=UTC)
RECORD = DocumentRecord(
    envelope_id=EnvelopeId("e1"),
    identity="i1",
    sender=AgencyCode("G22"),
    recipients=(AgencyCode("H24"), AgencyCode("H26")),
    document_id="000.00.00.G22,2019/03/12,147/VPCP-KSTT",
    full_number="147/VPCP-KSTT",
    year=2019,
    recorded_at=NOW,
)


@pytest.fixture(params=DATABASES)
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    async with empty_database(request.param, tmp_path) as url, open_store(url) as store:
        yield store.records


async def test_a_recorded_document_is_found_as_it_was_recorded(records: Records) -> None:
    bare = replace(RECORD, envelope_id=EnvelopeId("e2"), full_number=None, year=None)

    await records.record(RECORD)
    await records.record(replace(bare, document_id="1"))

    assert await records.find(document_id=RECORD.document_id) == (RECORD,)
    assert await records.find(document_id="1") == (replace(bare, document_id="1"),)


async def test_a_document_is_found_by_number_and_year(records: Records) -> None:
    in_2020 = replace(RECORD, envelope_id=EnvelopeId("e2"), document_id="later", year=2020)
    await records.record(RECORD)
    await records.record(in_2020)

    assert await records.find(full_number="147/VPCP-KSTT", year=2020) == (in_2020,)
    assert await records.find(full_number="148/VPCP-KSTT", year=2020) == ()


async def test_a_document_is_found_however_its_id_and_number_are_written(records: Records) -> None:
    """What it did is recorded as well."""
    record = replace(RECORD, type=BusinessType.REPLACE)
    await records.record(record)

    for document_id in ("g22, 2019-03-12, 147/vpcp-kstt", RECORD.document_id.lower()):
        assert await records.find(document_id=document_id) == (record,)
    assert await records.find(full_number="0147 / vpcp-kstt") == (record,)
    assert await records.find(full_number="147/VPCP-KSTT", sender=AgencyCode("G22")) == (record,)
    assert await records.find(full_number="147/VPCP-KSTT", sender=AgencyCode("H24")) == ()


async def test_documents_that_share_an_id_are_all_found_newest_first(records: Records) -> None:
    reused = [
        replace(
            RECORD,
            envelope_id=EnvelopeId(f"e{hour}"),
            document_id="1",
            recorded_at=NOW + timedelta(hours=hour),
        )
        for hour in (1, 3, 2)
    ]

    for record in reused:
        await records.record(record)

    assert await records.find(document_id="1") == (reused[1], reused[2], reused[0])
    assert await records.find(document_id="1", limit=1) == (reused[1],)


async def test_everything_that_is_asked_for_must_hold(records: Records) -> None:
    in_2020 = replace(RECORD, envelope_id=EnvelopeId("e2"), year=2020)
    await records.record(RECORD)
    await records.record(in_2020)

    assert await records.find(document_id=RECORD.document_id, year=2020) == (in_2020,)
    assert await records.find(year=2019) == (RECORD,)
    assert await records.find(document_id="other", full_number=RECORD.full_number) == ()


async def test_the_same_envelope_twice_is_recorded_once(records: Records) -> None:
    again = replace(RECORD, recorded_at=NOW + timedelta(days=1))

    await asyncio.gather(records.record(RECORD), records.record(RECORD))
    await records.record(again)

    assert await records.find(document_id=RECORD.document_id) == (RECORD,)


async def test_an_unknown_document_is_not_found(records: Records) -> None:
    assert await records.find(document_id="unknown") == ()


async def test_many_documents_are_recorded_and_looked_up_at_once(records: Records) -> None:
    documents = [
        replace(RECORD, envelope_id=EnvelopeId(f"e{n}"), document_id=str(n)) for n in range(300)
    ]

    await asyncio.gather(*map(records.record, documents))
    found = await asyncio.gather(*(records.find(document_id=str(n)) for n in range(300)))

    assert found == [(document,) for document in documents]


async def test_confirmations_are_read_page_by_page_in_their_order(records: Records) -> None:
    confirmed = [_confirmed(f"e{n}", at=NOW + timedelta(seconds=n // 2)) for n in range(5)]

    await asyncio.gather(*map(records.confirm, reversed(confirmed)))
    first = await records.confirmed(since=None, behind=None, limit=3)
    second = await records.confirmed(
        since=first[-1].confirmed_at, behind=first[-1].envelope_id, limit=3
    )

    assert [*first, *second] == confirmed


async def test_confirmations_are_read_from_a_moment_on(records: Records) -> None:
    early, late = _confirmed("e1", at=NOW), _confirmed("e2", at=NOW + timedelta(hours=1))
    await records.confirm(early)
    await records.confirm(late)

    assert list(await records.confirmed(since=NOW, behind=None, limit=9)) == [early, late]
    assert list(
        await records.confirmed(since=NOW + timedelta(seconds=1), behind=None, limit=9)
    ) == [late]


async def test_a_document_that_is_confirmed_again_keeps_its_first_confirmation(
    records: Records,
) -> None:
    await records.confirm(_confirmed("e1", at=NOW))
    await records.confirm(_confirmed("e1", "H99", at=NOW + timedelta(hours=1)))

    assert list(await records.confirmed(since=None, behind=None, limit=9)) == [
        _confirmed("e1", at=NOW)
    ]


async def test_arrivals_are_known_once_they_are_kept(records: Records) -> None:
    await records.arrive(DeliveryId("d1"), now=NOW)
    await records.arrive(DeliveryId("d1"), now=NOW + timedelta(hours=1))
    await records.arrive(DeliveryId("d3"), now=NOW)
    asked = [DeliveryId(f"d{number}") for number in range(3000)]

    assert set(await records.arrived(asked)) == {"d1", "d3"}


def _confirmed(envelope: str, *mailboxes: str, at: datetime) -> Confirmed:
    return Confirmed(
        envelope_id=EnvelopeId(envelope),
        mailboxes=tuple(map(MailboxName, mailboxes or ("H24", "H41"))),
        confirmed_at=at,
    )
