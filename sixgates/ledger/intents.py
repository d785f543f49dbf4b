"""Effects outside the ledger: an intent is recorded before one, a closing after it.

What a crash leaves between the two is an unfinished intent, for the next run to finish or undo.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sixgates.gates.errors import ContractError
from sixgates.ledger import chain, tables
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.rows import ENTRY, append_entry, to_entry


def close(
    connection: sa.Connection, intent: int, *, at: datetime, outcome: str, body: dict[str, Any]
) -> int:
    """Record what became of an intent; see `Ledger.close_intent`."""
    begun = _intent(connection, intent)
    chain.hold(connection, begun.model)
    known = _closing(connection, intent)
    if known is not None:
        return _same_closing(known, outcome)
    closing = append_entry(
        connection, begun.model, Kind.CLOSED, at=at, release=begun.release, actor=begun.actor,
        reason=f"{begun.body['action']}: {outcome}",
        body={"intent": intent, "outcome": outcome, "given": body},
    )  # fmt: skip
    connection.execute(tables.closings.insert().values(intent=intent, closing=closing))
    return closing


def unfinished(connection: sa.Connection, model: str) -> list[Entry]:
    """Return the intents of a model that were never closed, oldest first."""
    e, c = tables.entries, tables.closings
    closed = sa.exists().where(c.c.intent == e.c.seq)
    query = sa.select(*ENTRY).where(e.c.model == model, e.c.kind == Kind.INTENT, ~closed)
    rows = connection.execute(query.order_by(e.c.position)).mappings()
    return [to_entry(row) for row in rows]


def _intent(connection: sa.Connection, seq: int) -> Entry:
    t = tables.entries
    query = sa.select(*ENTRY).where(t.c.seq == seq, t.c.kind == Kind.INTENT)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise ContractError(f"entry {seq} is no intent: close one that `intend` returned")
    return to_entry(row)


def _closing(connection: sa.Connection, intent: int) -> Entry | None:
    e, c = tables.entries, tables.closings
    query = sa.select(*ENTRY).join(c, c.c.closing == e.c.seq).where(c.c.intent == intent)
    row = connection.execute(query).mappings().first()
    return None if row is None else to_entry(row)


def _same_closing(known: Entry, outcome: str) -> int:
    if known.body["outcome"] != outcome:
        raise ContractError(
            f"intent {known.body['intent']} of {known.model} was closed as"
            f" '{known.body['outcome']}' and cannot be closed as '{outcome}': compare the ledger"
            " with the world"
        )
    return known.seq
