"""What operators did."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the journal."""
    op.create_table(
        "journal",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("operator", sa.String, nullable=False),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("about", sa.String, nullable=False),
        sa.Column("why", sa.String),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("code", sa.String),
    )
    op.create_index("journal_by_time", "journal", ["at"])
