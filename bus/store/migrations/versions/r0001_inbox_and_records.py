"""The inbox with its receipts, and the register of documents."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.String, primary_key=True),
        sa.Column("envelope_id", sa.String, nullable=False),
        sa.Column("mailbox", sa.String, nullable=False),
        sa.Column("document", sa.String, nullable=False),
        sa.Column("standing", sa.String, nullable=False),
        sa.Column("lease", moment),
        sa.Column("done_at", moment),
    )
    op.create_index("deliveries_of_document", "deliveries", ["document"])
    op.create_table(
        "receipts",
        sa.Column("delivery_id", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.String, nullable=False),
    )
    op.create_table(
        "records",
        sa.Column("envelope_id", sa.String, primary_key=True),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("sender", sa.String, nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("document_id", sa.String, nullable=False),
        sa.Column("full_number", sa.String),
        sa.Column("year", sa.Integer),
        sa.Column("recorded_at", moment, nullable=False),
    )
    op.create_index("records_by_document_id", "records", ["document_id", "recorded_at"])
    op.create_index("records_by_number", "records", ["full_number", "recorded_at"])
