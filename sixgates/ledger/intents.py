"""Effects outside the ledger: an intent is recorded before one, a closing after it.

What a crash leaves between the two is an unfinished intent, for the next run to finish or undo.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sixgates.gates.errors import ContractError
from sixgates.ledger import chain, tables
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.rows import ENTRY, append_entry, read_entries, to_entry


def close(
    connection: sa.Connection, intent: int, *, at: datetime, outcome: str, body: dict[str, Any]
) -> int:
    """Record what became of an intent; see `Ledger.close_intent`."""
    begun = _intent(connection, intent)
    chain.hold(connection, begun.model)
    for known in read_entries(connection, begun.model, kind=Kind.CLOSED):
        if known.body["intent"] == intent:
            return _same_closing(known, outcome)
    return append_entry(
        connection, begun.model, Kind.CLOSED, at=at, release=begun.release, actor=begun.actor,
        reason=f"{begun.body['action']}: {outcome}",
        body={"intent": intent, "outcome": outcome, "given": body},
    )  # fmt: skip


def unfinished(connection: sa.Connection, model: str) -> list[Entry]:
    """Return the intents of a model that were never closed, oldest first."""
    closings = read_entries(connection, model, kind=Kind.CLOSED)
    closed = {closing.body["intent"] for closing in closings}
    intents = read_entries(connection, model, kind=Kind.INTENT)
    return [intent for intent in intents if intent.seq not in closed]


def _intent(connection: sa.Connection, seq: int) -> Entry:
    t = tables.entries
    query = sa.select(*ENTRY).where(t.c.seq == seq, t.c.kind == Kind.INTENT)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise ContractError(f"entry {seq} is no intent: close one that `intend` returned")
    return to_entry(row)


def _same_closing(known: Entry, outcome: str) -> int:
    if known.body["outcome"] != outcome:
        raise ContractError(
            f"intent {known.body['intent']} of {known.model} was closed as"
            f" '{known.body['outcome']}' and cannot be closed as '{outcome}': compare the ledger"
            " with the world"
        )
    return known.seq
