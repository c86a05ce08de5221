"""Dead letters with their deliveries, history and tallies, and operators' orders."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables of dead letters."""
    _create_causes()
    _create_letters()
    op.create_table(
        "originals",
        sa.Column("letter", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("properties", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "history",
        sa.Column("entry", sa.Integer, primary_key=True),
        sa.Column("letter", sa.Integer, nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("happening", sa.String, nullable=False),
        sa.Column("operator", sa.String),
        sa.Column("order_id", sa.String),
        sa.Column("text", sa.String),
        sa.Column("attempt_id", sa.String),
    )
    op.create_index("history_of_letter", "history", ["letter"])
    op.create_table(
        "tallies",
        sa.Column("cause", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String, primary_key=True),
        sa.Column("attempts", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("letters", sa.Integer, nullable=False),
    )
    op.create_table(
        "orders",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("placed", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("approved_by", sa.String),
        sa.Column("cancelled_by", sa.String),
        sa.Column("finished_at", _MOMENT),
    )
    op.create_index("orders_by_id", "orders", ["id"], unique=True)
    op.create_index("orders_by_state", "orders", ["state"])
    op.create_table(
        "holds",
        sa.Column("letter", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("order_number", sa.Integer, nullable=False),
        sa.Column("failed_at", _MOMENT, nullable=False),
    )
    op.create_index("holds_of_order", "holds", ["order_number", "failed_at", "letter"])


def _create_causes() -> None:
    op.create_table(
        "causes",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.String, nullable=False),
        sa.Column("mailbox", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("failure_class", sa.String, nullable=False),
        sa.Column("code", sa.String, nullable=False),
    )
    op.create_index(
        "causes_by_value",
        "causes",
        ["fingerprint", "mailbox", "stage", "failure_class", "code"],
        unique=True,
    )


def _create_letters() -> None:
    op.create_table(
        "letters",
        sa.Column("key", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("cause", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("sender", sa.String, nullable=False),
        sa.Column("lane", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("number", sa.String),
        sa.Column("document_id", sa.String),
        sa.Column("envelope_id", sa.String),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("replays", sa.Integer, nullable=False),
        sa.Column("returned", sa.Boolean, nullable=False),
        sa.Column("first_failed_at", _MOMENT, nullable=False),
        sa.Column("failed_at", _MOMENT, nullable=False),
        sa.Column("due_at", _MOMENT),
        sa.Column("changed_at", _MOMENT, nullable=False),
    )
    op.create_index("letters_by_id", "letters", ["id"], unique=True)
    for name, columns in (
        ("letters_by_time", ["failed_at", "key", "state"]),
        ("letters_by_state", ["state", "attempts", "failed_at", "key"]),
        ("letters_by_cause", ["cause", "state", "attempts", "failed_at", "key"]),
        ("letters_by_sender", ["sender", "failed_at", "key", "state", "attempts", "cause"]),
        ("letters_by_number", ["number", "failed_at"]),
        ("letters_by_origin", ["first_failed_at", "cause", "state"]),
    ):
        op.create_index(name, "letters", columns)
    op.create_index(
        "letters_returned",
        "letters",
        ["failed_at", "key", "state", "attempts", "cause"],
        sqlite_where=sa.text("returned IS 1"),
        postgresql_where=sa.text("returned IS true"),
    )
    op.create_index(
        "letters_due",
        "letters",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
