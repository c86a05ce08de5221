"""Ids and numbers of documents in the form in which they are compared, and what each did."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from bus.core.reference import id_key, number_key

revision = "0005"
down_revision = "0004"

_ROWS = 5000

_records = sa.table(
    "records",
    sa.column("envelope_id", sa.String),
    sa.column("document_id", sa.String),
    sa.column("full_number", sa.String),
    sa.column("id_key", sa.String),
    sa.column("number_key", sa.String),
)


def upgrade() -> None:
    """Add the columns, fill them, and search by them instead of by what was written."""
    op.add_column("records", sa.Column("type", sa.Integer))
    op.add_column("records", sa.Column("id_key", sa.String, nullable=False, server_default=""))
    op.add_column("records", sa.Column("number_key", sa.String))
    fill = (
        sa.update(_records)
        .where(_records.c.envelope_id == sa.bindparam("which"))
        .values(id_key=sa.bindparam("by_id"), number_key=sa.bindparam("by_number"))
    )
    connection = op.get_bind()
    for rows in _pages(connection):
        connection.execute(
            fill,
            [
                {
                    "which": row.envelope_id,
                    "by_id": id_key(row.document_id),
                    "by_number": None if row.full_number is None else number_key(row.full_number),
                }
                for row in rows
            ],
        )
    op.drop_index("records_by_document_id", "records")
    op.drop_index("records_by_number", "records")
    op.create_index("records_by_id_key", "records", ["id_key", "recorded_at"])
    op.create_index("records_by_number_key", "records", ["number_key", "recorded_at"])


def _pages(connection: sa.Connection) -> Iterator[Sequence[Any]]:
    """All rows, some at a time: a register may hold millions."""
    id_ = _records.c.envelope_id
    query = sa.select(id_, _records.c.document_id, _records.c.full_number).order_by(id_)
    last = ""
    while rows := list(connection.execute(query.where(id_ > last).limit(_ROWS))):
        yield rows
        last = rows[-1].envelope_id
