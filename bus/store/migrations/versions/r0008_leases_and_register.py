"""Which worker serves which mailbox, and what several homes must know."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables of several workers and several homes beside one database."""
    op.create_table(
        "workers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("serves", sa.String, nullable=False),
        sa.Column("serving", sa.Integer, nullable=False),
        sa.Column("live_until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "mailbox_leases",
        sa.Column("mailbox", sa.String, primary_key=True),
        sa.Column("worker", sa.String, nullable=False),
    )
    op.create_table(
        "register",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("body", sa.LargeBinary),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("register_by_version", "register", ["version"])
