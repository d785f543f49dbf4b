"""Which entry closed which intent: an index beside the chain, made from what the closings say."""

import json

import sqlalchemy as sa
from alembic import op

from sixgates.gates.errors import ContractError

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table, with a row for every closing there is."""
    closings = op.create_table(
        "closings",
        sa.Column("intent", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("closing", sa.Integer, nullable=False),
    )
    connection = op.get_bind()
    found: dict[int, int] = {}
    query = sa.text("SELECT seq, body FROM entries WHERE kind = 'closed' ORDER BY seq")
    for seq, body in connection.execute(query):
        found.setdefault(_intent(seq, body), seq)
    if found:
        rows = [{"intent": intent, "closing": closing} for intent, closing in found.items()]
        connection.execute(closings.insert(), rows)


def _intent(seq: int, body: str) -> int:
    # In Python: neither database reads the NaN that a body may hold as JSON.
    try:
        return int(json.loads(body)["intent"])
    except (KeyError, TypeError, ValueError) as exc:
        raise ContractError(
            f"entries row {seq} does not say which intent it closed ({exc!r}): mend it by hand,"
            " then migrate again"
        ) from exc
