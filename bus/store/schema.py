"""The tables, the same on SQLite and PostgreSQL. Changes go through `bus.store.migrations`."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
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
    Column("owner", String, nullable=False, server_default=""),
    Index("deliveries_of_document", "document"),
)
"""The inbox. `standing` is a `core.duplicates.Standing`; released deliveries are `fresh` again.

`owner` is who claimed a delivery last.

`document` is the mailbox with the document identity in one value: SQLite looks up many values by
index, but scans the whole table for many pairs.
"""

offered = Table(
    "offered",
    metadata,
    Column("delivery_id", String, primary_key=True),
    Column("mailbox", String, nullable=False),
    Column("offered_at", Instant, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("offered_by_mailbox", "mailbox", "offered_at"),
)
"""What is kept of deliveries whose system answers later (`core.offered`), until they are closed."""

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
    Column("type", Integer),
    Column("id_key", String, nullable=False),
    Column("number_key", String),
    Column("subject", String),
    Index("records_by_id_key", "id_key", "recorded_at"),
    Index("records_by_number_key", "number_key", "recorded_at"),
)
"""The register of documents."""

confirmations = Table(
    "confirmations",
    metadata,
    Column("envelope_id", String, primary_key=True),
    Column("mailboxes", JSON, nullable=False),
    Column("confirmed_at", Instant, nullable=False),
    Index("confirmations_by_time", "confirmed_at", "envelope_id"),
)
"""Documents that the broker has confirmed in all of their mailboxes, before the sender was told."""

arrivals = Table(
    "arrivals",
    metadata,
    Column("delivery_id", String, primary_key=True),
    Column("arrived_at", Instant, nullable=False),
)
"""Deliveries that an agency's own worker has handed over, as its signed receipts prove."""

# --- dead letters -------------------------------------------------------------------------------

causes = Table(
    "causes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", String, nullable=False),
    Column("mailbox", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("failure_class", String, nullable=False),
    Column("code", String, nullable=False),
    Index(
        "causes_by_value",
        "fingerprint",
        "mailbox",
        "stage",
        "failure_class",
        "code",
        unique=True,
    ),
)
"""Why dead letters failed: a few thousand rows, however many letters there are."""

letters = Table(
    "letters",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("cause", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("problem", String, nullable=False),
    Column("number", String),
    Column("document_id", String),
    Column("envelope_id", String),
    Column("attempts", Integer, nullable=False),
    Column("replays", Integer, nullable=False),
    Column("returned", Boolean, nullable=False),
    Column("first_failed_at", Instant, nullable=False),
    Column("failed_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("changed_at", Instant, nullable=False),
    Column("reporter", String, nullable=False, server_default=""),
    Index("letters_by_id", "id", unique=True),
    Index("letters_by_time", "failed_at", "key", "state"),
    Index("letters_by_state", "state", "attempts", "failed_at", "key"),
    Index("letters_by_cause", "cause", "state", "attempts", "failed_at", "key"),
    Index("letters_by_sender", "sender", "failed_at", "key", "state", "attempts", "cause"),
    Index("letters_by_number", "number", "failed_at"),
    Index("letters_by_envelope", "envelope_id"),
    Index("letters_by_origin", "first_failed_at", "cause", "state"),
    Index(
        "letters_returned",
        "failed_at",
        "key",
        "state",
        "attempts",
        "cause",
        sqlite_where=text("returned IS 1"),
        postgresql_where=text("returned IS true"),
    ),
    Index(
        "letters_due",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
)
"""Dead letters without their bytes, so that a list reads narrow rows. `problem` is JSON.

Few indexes know the state, and most of those keep a letter's place when it changes: a letter that
is replayed moves in two of them. Each more would multiply the pages that a batch writes.
"""

originals = Table(
    "originals",
    metadata,
    Column("letter", Integer, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
    Column("properties", LargeBinary, nullable=False),
)
"""The deliveries that dead letters are about. `properties` is JSON, for a text cannot hold NUL."""

history = Table(
    "history",
    metadata,
    Column("entry", Integer, primary_key=True),
    Column("letter", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("happening", String, nullable=False),
    Column("operator", String),
    Column("order_id", String),
    Column("text", String),
    Column("attempt_id", String),
    Index("history_of_letter", "letter"),
)
"""What happened to dead letters. `attempt_id` tells which attempts were counted."""

tallies = Table(
    "tallies",
    metadata,
    Column("cause", Integer, primary_key=True, autoincrement=False),
    Column("state", String, primary_key=True),
    Column("attempts", Integer, primary_key=True, autoincrement=False),
    Column("letters", Integer, nullable=False),
)
"""How many letters share these values."""

orders = Table(
    "orders",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False),
    Column("placed", String, nullable=False),
    Column("state", String, nullable=False),
    Column("done", Integer, nullable=False),
    Column("approved_by", String),
    Column("cancelled_by", String),
    Column("finished_at", Instant),
    Index("orders_by_id", "id", unique=True),
    Index("orders_by_state", "state"),
)
"""Operators' orders, numbered as they were placed; `placed` is the order then, as JSON."""

holds = Table(
    "holds",
    metadata,
    Column("letter", Integer, primary_key=True, autoincrement=False),
    Column("order_number", Integer, nullable=False),
    Column("failed_at", Instant, nullable=False),
    Index("holds_of_order", "order_number", "failed_at", "letter"),
)
"""Which order under way a letter belongs to: at most one. A million are held in a few seconds."""

journal = Table(
    "journal",
    metadata,
    Column("id", String, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("operator", String, nullable=False),
    Column("what", String, nullable=False),
    Column("about", String, nullable=False),
    Column("why", String),
    Column("outcome", String, nullable=False),
    Column("code", String),
    Index("journal_by_time", "at"),
)
"""What operators did (`core.journal`)."""

# --- several workers, several homes -------------------------------------------------------------

workers = Table(
    "workers",
    metadata,
    Column("name", String, primary_key=True),
    Column("serves", String, nullable=False),
    Column("serving", Integer, nullable=False),
    Column("live_until", Instant, nullable=False),
)
"""The workers of all homes. `serves` is the list of the mailboxes that one can serve, as JSON."""

mailbox_leases = Table(
    "mailbox_leases",
    metadata,
    Column("mailbox", String, primary_key=True),
    Column("worker", String, nullable=False),
)
"""Which worker serves a mailbox, as long as the worker is live: a renewal writes one row only."""

register = Table(
    "register",
    metadata,
    Column("name", String, primary_key=True),
    Column("body", LargeBinary),
    Column("version", Integer, nullable=False),
    Index("register_by_version", "version"),
)
"""What several homes must know, by file name. `body` is NULL where the file was removed; the
greatest `version` is the version of the register."""
