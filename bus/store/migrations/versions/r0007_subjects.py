"""What a document is about, so that a conflict can show what arrived before."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Of what is there already it is not known."""
    op.add_column("records", sa.Column("subject", sa.String))
