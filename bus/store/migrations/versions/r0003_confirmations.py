"""What was confirmed to be in its mailboxes, and dead letters by their envelope."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create what the account of deliveries is taken from."""
    op.create_table(
        "confirmations",
        sa.Column("envelope_id", sa.String, primary_key=True),
        sa.Column("mailboxes", sa.JSON, nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("confirmations_by_time", "confirmations", ["confirmed_at", "envelope_id"])
    op.create_index("letters_by_envelope", "letters", ["envelope_id"])
