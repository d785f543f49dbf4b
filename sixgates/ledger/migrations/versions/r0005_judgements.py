"""What the newest tick made of the open release. Presence, not history, so no part of the chain."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make its table."""
    op.create_table(
        "judgements",
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("recorded", sa.DateTime, nullable=False),
        sa.Column("move", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
