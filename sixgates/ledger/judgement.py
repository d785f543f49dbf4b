"""What the newest tick made of a release: the evidence so far, for whoever looks at it live.

The record holds a verdict when its outcome changes, because ticks repeat themselves each minute. In
between this one row a model is written anew by each tick: presence, not history, and nothing rests
on it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sixgates.gates.decision import Decision, Move
from sixgates.gates.verdict import Verdict
from sixgates.ledger import tables
from sixgates.ledger.route import Route
from sixgates.ledger.rows import wall
from sixgates.ledger.stored import as_stored

_WRITE = sa.text(
    "INSERT INTO judgements (model, epoch, at, recorded, move, reason, body)"
    " VALUES (:model, :epoch, :at, :recorded, :move, :reason, :body)"
    " ON CONFLICT (model) DO UPDATE SET epoch = excluded.epoch, at = excluded.at,"
    " recorded = excluded.recorded, move = excluded.move, reason = excluded.reason,"
    " body = excluded.body"
).bindparams(sa.bindparam("at", type_=sa.DateTime), sa.bindparam("recorded", type_=sa.DateTime))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one tick said."""

    epoch: int
    """Of the route that was judged."""
    at: datetime
    """Event time, naive UTC."""
    recorded: datetime
    """Wall clock, naive UTC."""
    decision: Decision
    shares: tuple[float, ...]
    """Of the canary that the traffic allows, growing; empty once it is promoted."""


def write(
    connection: sa.Connection,
    route: Route,
    at: datetime,
    decision: Decision,
    shares: tuple[float, ...],
) -> None:
    """Put a judgement in the place of the one before it; see `Ledger.judge`."""
    row = {
        "model": route.model, "epoch": route.epoch, "at": at, "recorded": wall(),
        "move": decision.move, "reason": decision.reason,
        "body": {"verdict": decision.verdict.to_dict(), "shares": list(shares)},
    }  # fmt: skip
    connection.execute(_WRITE, as_stored(row))


def read(connection: sa.Connection, model: str) -> Judgement | None:
    """Return the newest judgement of a model, None where no tick has judged yet."""
    t = tables.judgements
    row = connection.execute(sa.select(t).where(t.c.model == model)).mappings().first()
    if row is None:
        return None
    body: dict[str, Any] = json.loads(row["body"])
    decision = Decision(Verdict.from_dict(body["verdict"]), Move(row["move"]), row["reason"])
    return Judgement(row["epoch"], row["at"], row["recorded"], decision, tuple(body["shares"]))
