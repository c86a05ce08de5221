"""The tables, the same on SQLite and PostgreSQL. Changes go through `bus.store.migrations`."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware moment, kept in UTC: SQLite would drop the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """To UTC. Raises `ValueError` for a moment without a zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Aware again."""
        return value and value.replace(tzinfo=UTC)


metadata = MetaData()

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", String, primary_key=True),
    Column("envelope_id", String, nullable=False),
    Column("mailbox", String, nullable=False),
    Column("document", String, nullable=False),
    Column("standing", String, nullable=False),
    Column("lease", Instant),
    Column("done_at", Instant),
    Index("deliveries_of_document", "document"),
)
"""The inbox. `standing` is a `bus.ports.Standing`; released deliveries are `fresh` again.

`document` is the mailbox with the document identity in one value: SQLite looks up many values by
index, but scans the whole table for many pairs.
"""

receipts = Table(
    "receipts",
    metadata,
    Column("delivery_id", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("signature", String, nullable=False),
)
"""The receipts of done deliveries, byte for byte."""

records = Table(
    "records",
    metadata,
    Column("envelope_id", String, primary_key=True),
    Column("identity", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("recipients", JSON, nullable=False),
    Column("document_id", String, nullable=False),
    Column("full_number", String),
    Column("year", Integer),
    Column("recorded_at", Instant, nullable=False),
    Index("records_by_document_id", "document_id", "recorded_at"),
    Index("records_by_number", "full_number", "recorded_at"),
)
"""The register of documents."""
