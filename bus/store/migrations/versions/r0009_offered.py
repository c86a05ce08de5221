"""Deliveries that were offered to a system which answers later, and who holds a claim."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table of offered deliveries; name the owner of each claim."""
    op.create_table(
        "offered",
        sa.Column("delivery_id", sa.String, primary_key=True),
        sa.Column("mailbox", sa.String, nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("offered_by_mailbox", "offered", ["mailbox", "offered_at"])
    op.add_column("deliveries", sa.Column("owner", sa.String, nullable=False, server_default=""))
