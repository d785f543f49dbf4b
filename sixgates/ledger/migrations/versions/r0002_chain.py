"""The chain: a position and a hash for every row, heads, and triggers that keep it."""

from heapq import merge

import sqlalchemy as sa
from alembic import op

from sixgates.gates.errors import ContractError

# The formula of the chain and the triggers are the code's own: were they ever to change, every
# recorded hash would be worth nothing.
from sixgates.ledger.chain import GENESIS, canonical, link
from sixgates.ledger.triggers import create_triggers

revision = "0002"
down_revision = "0001"

_CHAINED = ("entries", "routes")


def upgrade() -> None:
    """Chain what is there in the order in which it was recorded."""
    heads = op.create_table(
        "heads",
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    op.drop_index("ix_entries_model", table_name="entries")
    with op.batch_alter_table("entries") as entries:
        entries.alter_column(
            "body", type_=sa.Text, existing_type=sa.JSON, existing_nullable=False,
            postgresql_using="body::text",
        )  # fmt: skip
    for name in _CHAINED:
        op.add_column(name, sa.Column("position", sa.Integer))
        op.add_column(name, sa.Column("hash", sa.String))
    connection = op.get_bind()
    for model in _models(connection):
        connection.execute(heads.insert(), _chain(connection, model))
    for name, constraint in (
        ("entries", "one_entry_a_position"), ("routes", "one_route_a_position"),
    ):  # fmt: skip
        with op.batch_alter_table(name) as table:
            table.alter_column("position", existing_type=sa.Integer, nullable=False)
            table.alter_column("hash", existing_type=sa.String, nullable=False)
            table.create_unique_constraint(constraint, ["model", "position"])
    op.create_index("entries_by_kind", "entries", ["model", "kind"])
    create_triggers(connection)


def _models(connection: sa.Connection) -> list[str]:
    query = " UNION ".join(f"SELECT model FROM {name}" for name in _CHAINED)  # noqa: S608 - names
    return sorted(connection.execute(sa.text(query)).scalars())


def _chain(connection: sa.Connection, model: str) -> dict[str, object]:
    """Give every row of a model its place, and return its head.

    Nothing says how entries and routes of one moment lay; within a table the numbers do.
    """
    rows = merge(
        *(_places(connection, name, model) for name in _CHAINED), key=lambda place: place[0]
    )
    position, digest = 0, GENESIS
    for position, (_, name, seq) in enumerate(rows, start=1):
        digest = link(digest, _text(connection, name, seq, position))
        connection.execute(
            sa.text(f"UPDATE {name} SET position = :position, hash = :hash WHERE seq = :seq"),  # noqa: S608
            {"position": position, "hash": digest, "seq": seq},
        )
    return {"model": model, "position": position, "hash": digest}


def _places(connection: sa.Connection, name: str, model: str) -> list[tuple[str, str, int]]:
    query = f"SELECT recorded, seq FROM {name} WHERE model = :model ORDER BY seq"  # noqa: S608
    rows = connection.execute(sa.text(query), {"model": model})
    return [(str(recorded), name, seq) for recorded, seq in rows]


def _text(connection: sa.Connection, name: str, seq: int, position: int) -> str:
    query = f"SELECT * FROM {name} WHERE seq = :seq"  # noqa: S608
    row = connection.execute(sa.text(query), {"seq": seq}).mappings().one()
    try:
        return canonical(name, {**row, "position": position})
    except (TypeError, ValueError) as exc:
        raise ContractError(
            f"{name} row {seq} cannot be read ({exc}): mend it by hand, then migrate again"
        ) from exc
