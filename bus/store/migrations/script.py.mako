"""${message}"""

import sqlalchemy as sa
from alembic import op

from bus.store.schema import Instant

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Forward."""
    ${upgrades if upgrades else "pass"}
