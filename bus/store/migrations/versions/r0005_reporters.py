"""Which account told that a delivery failed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nobody is known to have told of what is there already."""
    op.add_column("letters", sa.Column("reporter", sa.String, nullable=False, server_default=""))
