"""The tables behind the ledger, as the newest migration leaves them.

`entries` and `routes` are append-only: triggers refuse every change. `heads` says where the chain
of each model ends.
"""

from sqlalchemy import (
    Column,
    DateTime,
    Double,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("model", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("release", String, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("recorded", DateTime, nullable=False),
    Column("actor", String, nullable=False),
    Column("reason", String, nullable=False),
    # Text and not a JSON type: PostgreSQL's would refuse the NaN of a verdict that SQLite keeps.
    Column("body", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("hash", String, nullable=False),
    UniqueConstraint("model", "position", name="one_entry_a_position"),
    Index("entries_by_kind", "model", "kind"),
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
    Column("position", Integer, nullable=False),
    Column("hash", String, nullable=False),
    UniqueConstraint("model", "epoch", name="one_route_an_epoch"),
    UniqueConstraint("model", "position", name="one_route_a_position"),
)

closings = Table(
    "closings",
    metadata,
    Column("intent", Integer, primary_key=True, autoincrement=False),
    Column("closing", Integer, nullable=False),
)
"""Which entry closed which intent: an index of what the closings say, for finding what is open
without reading all of them. A row lost here lets an intent be finished once more: no harm."""

CHAINED = (entries, routes)
"""The tables whose rows form the chain of a model."""

heads = Table(
    "heads",
    metadata,
    Column("model", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("hash", String, nullable=False),
)
"""The last link of each model's chain: found wrong, it shows that a tail was cut off."""

gateways = Table(
    "gateways",
    metadata,
    Column("url", String, primary_key=True),
    Column("model", String, nullable=False, index=True),
    Column("seen", DateTime, nullable=False),
)
"""Which gateways are alive: presence, not history, so these rows are updated."""

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("until", Double, nullable=False),
    Column("seconds", Double, nullable=False),
)
"""Who has what until when, in seconds since 1970: presence too."""

judgements = Table(
    "judgements",
    metadata,
    Column("model", String, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("at", DateTime, nullable=False),
    Column("recorded", DateTime, nullable=False),
    Column("move", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("body", Text, nullable=False),
)
"""What the newest tick made of the release of each model: presence as well."""

version = Table(
    "ledger_version",
    MetaData(),  # Alembic keeps this table itself, under a name that MLflow's own does not take
    Column("version_num", String(32), primary_key=True),
)
