"""Which account told that a delivery failed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nobody is known to have told of what is there already."""
    op.add_column("letters", sa.Column("reporter", sa.String, nullable=False, server_default=""))
