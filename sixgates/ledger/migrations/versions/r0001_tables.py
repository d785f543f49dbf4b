"""Entries, routes and the presence of gateways."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables as the first ledgers had them."""
    op.create_table(
        "entries",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("model", sa.String, nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("release", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("recorded", sa.DateTime, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_table(
        "routes",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("champion", sa.String, nullable=False),
        sa.Column("champion_digest", sa.String, nullable=False),
        sa.Column("beside", sa.String),
        sa.Column("beside_digest", sa.String),
        sa.Column("arm", sa.String),
        sa.Column("share", sa.Float),
        sa.Column("release", sa.String, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("recorded", sa.DateTime, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.UniqueConstraint("model", "epoch", name="one_route_an_epoch"),
    )
    op.create_table(
        "gateways",
        sa.Column("url", sa.String, primary_key=True),
        sa.Column("model", sa.String, nullable=False, index=True),
        sa.Column("seen", sa.DateTime, nullable=False),
    )
