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
    Column(
        "seq",
        Integer,
        primary_key=True,
        autoincrement=True,
        doc="number of the entry; other entries refer to it",
    ),
    Column("model", String, nullable=False, doc="name of the project"),
    Column("kind", String, nullable=False, doc="what it records, see below"),
    Column("release", String, nullable=False, doc="run or release it belongs to; empty where none"),
    Column("at", DateTime, nullable=False, doc="event time, naive UTC"),
    Column("recorded", DateTime, nullable=False, doc="wall clock, naive UTC"),
    Column("actor", String, nullable=False, doc="who or what"),
    Column("reason", String, nullable=False, doc="why, in a sentence"),
    # Text and not a JSON type: PostgreSQL's would refuse the NaN of a verdict that SQLite keeps.
    Column("body", Text, nullable=False, doc="everything else, as JSON"),
    Column("position", Integer, nullable=False, doc="its place in the chain of its model"),
    Column("hash", String, nullable=False, doc="SHA-256 of it and of all before it"),
    UniqueConstraint("model", "position", name="one_entry_a_position"),
    Index("entries_by_kind", "model", "kind"),
)
"""What happened."""

routes = Table(
    "routes",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True, doc="number of the route"),
    Column("model", String, nullable=False, doc="name of the project"),
    Column("epoch", Integer, nullable=False, doc="the newest epoch of a model is the truth"),
    Column("step", String, nullable=False, doc="of the release, see below"),
    Column("champion", String, nullable=False, doc="version that serves"),
    Column("champion_digest", String, nullable=False, doc="SHA-256 of its text"),
    Column("beside", String, doc="version that runs beside it; null where none"),
    Column("beside_digest", String, doc="SHA-256 of its text"),
    Column("arm", String, doc="part of the version beside: `canary` or `holdback`"),
    Column("share", Float, doc="share of units it answers, 0 to 0.5"),
    Column("release", String, nullable=False, doc="release it belongs to"),
    Column("at", DateTime, nullable=False, doc="event time, naive UTC"),
    Column("recorded", DateTime, nullable=False, doc="wall clock, naive UTC"),
    Column("actor", String, nullable=False, doc="who or what"),
    Column("reason", String, nullable=False, doc="why, in a sentence"),
    Column("position", Integer, nullable=False, doc="its place in the chain of its model"),
    Column("hash", String, nullable=False, doc="SHA-256 of it and of all before it"),
    UniqueConstraint("model", "epoch", name="one_route_an_epoch"),
    UniqueConstraint("model", "position", name="one_route_a_position"),
)
"""Who serves. One epoch of a model has one route, so one of several controllers wins it."""

closings = Table(
    "closings",
    metadata,
    Column("intent", Integer, primary_key=True, autoincrement=False, doc="entry of kind `intent`"),
    Column("closing", Integer, nullable=False, doc="entry of kind `closed`"),
)
"""Which entry closed which intent: an index of what the closings say, for finding what is open
without reading all of them. A row lost here lets an intent be finished once more: no harm."""

CHAINED = (entries, routes)
"""The tables whose rows form the chain of a model."""

heads = Table(
    "heads",
    metadata,
    Column("model", String, primary_key=True, doc="name of the project"),
    Column("position", Integer, nullable=False, doc="of the last row of its chain"),
    Column("hash", String, nullable=False, doc="of that row"),
)
"""The last link of each model's chain: found wrong, it shows that a tail was cut off."""

gateways = Table(
    "gateways",
    metadata,
    Column("url", String, primary_key=True, doc="where it listens"),
    Column("model", String, nullable=False, index=True, doc="name of the project"),
    Column(
        "seen",
        DateTime,
        nullable=False,
        doc="when it was last seen, by the clock of the database",
    ),
)
"""Which gateways are alive: presence, not history, so these rows are updated."""

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True, doc="what is held"),
    Column("owner", String, nullable=False, doc="who holds it, in words"),
    Column(
        "until",
        Double,
        nullable=False,
        doc="until when, in seconds since 1970 by the clock of the database",
    ),
    Column("seconds", Double, nullable=False, doc="how long the newest renewal was for"),
)
"""Who has what until when, in seconds since 1970: presence too."""

judgements = Table(
    "judgements",
    metadata,
    Column("model", String, primary_key=True, doc="name of the project"),
    Column("epoch", Integer, nullable=False, doc="of the route that was judged"),
    Column("at", DateTime, nullable=False, doc="event time, naive UTC"),
    Column("recorded", DateTime, nullable=False, doc="wall clock, naive UTC"),
    Column("move", String, nullable=False, doc="what the tick did with the release"),
    Column("reason", String, nullable=False, doc="why, in a sentence"),
    Column(
        "body",
        Text,
        nullable=False,
        doc="the verdict, and the shares that the traffic allows, as JSON",
    ),
)
"""What the newest tick made of the release of each model: presence as well."""

version = Table(
    "ledger_version",
    MetaData(),  # Alembic keeps this table itself, under a name that MLflow's own does not take
    Column("version_num", String(32), primary_key=True),
)
