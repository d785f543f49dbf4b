"""The tables behind the ledger. `entries` and `routes` are append-only: nothing updates them."""

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("model", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("release", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("recorded", DateTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("body", JSON, nullable=False),
)

routes = Table(
    "routes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("model", String, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("step", String, nullable=False),
    Column("champion", String, nullable=False),
    Column("champion_digest", String, nullable=False),
    Column("beside", String),
    Column("beside_digest", String),
    Column("arm", String),
    Column("share", Float),
    Column("release", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("recorded", DateTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", String, nullable=False),
    UniqueConstraint("model", "epoch", name="one_route_an_epoch"),
)

gateways = Table(
    "gateways",
    metadata,
    Column("url", String, primary_key=True),
    Column("model", String, nullable=False, index=True),
    Column("seen", DateTime, nullable=False),
)
"""Which gateways are alive: presence, not history, so these rows are updated."""
