"""What agencies' own workers have handed over, by their receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create what the account of deliveries counts beside the inbox."""
    op.create_table(
        "arrivals",
        sa.Column("delivery_id", sa.String, primary_key=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
    )
