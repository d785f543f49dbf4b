"""How entries and routes lie in their tables: values in, rows out, and back."""

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from sixgates.gates.records import Arm
from sixgates.ledger import chain, tables
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Beside, Route, Step, Version
from sixgates.ledger.stored import as_stored

ENTRY = [tables.entries.c[field.name] for field in fields(Entry)]
"""The columns of an entry: a reader has no use for its place in the chain."""


def wall() -> datetime:
    """Return the wall clock's time, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def append_entry(
    connection: sa.Connection,
    model: str,
    kind: Kind,
    *,
    at: datetime,
    reason: str,
    release: str,
    actor: str,
    body: dict[str, Any],
) -> int:
    """Append an entry to the chain of its model, and return its number."""
    row = {
        "model": model, "kind": kind, "release": release, "at": at, "recorded": wall(),
        "actor": actor, "reason": reason, "body": body,
    }  # fmt: skip
    return chain.append(connection, tables.entries, as_stored(row))


def read_entries(
    connection: sa.Connection, model: str, *, kind: Kind | None = None, release: str | None = None
) -> list[Entry]:
    """Return the entries of a model, oldest first."""
    t = tables.entries
    query = sa.select(*ENTRY).where(t.c.model == model).order_by(t.c.position)
    if kind is not None:
        query = query.where(t.c.kind == kind)
    if release is not None:
        query = query.where(t.c.release == release)
    return [to_entry(row) for row in connection.execute(query).mappings()]


def to_entry(row: sa.RowMapping) -> Entry:
    """Return the value of a row that was selected with `ENTRY`."""
    return Entry(**{**row, "kind": Kind(row["kind"]), "body": json.loads(row["body"])})


def read_routes(
    connection: sa.Connection, model: str, *, newest_first: bool = False, limit: int | None = None
) -> list[Route]:
    """Return the routes of a model, by epoch."""
    t = tables.routes
    order = t.c.epoch.desc() if newest_first else t.c.epoch
    query = sa.select(t).where(t.c.model == model).order_by(order).limit(limit)
    return [_to_route(row) for row in connection.execute(query).mappings()]


def append_route(connection: sa.Connection, route: Route) -> None:
    """Append a route; a constraint is broken where its epoch is taken."""
    beside = route.beside
    row = {
        "model": route.model, "epoch": route.epoch, "step": route.step,
        "champion": route.champion.number, "champion_digest": route.champion.digest,
        "beside": beside and beside.version.number,
        "beside_digest": beside and beside.version.digest,
        "arm": beside and beside.arm, "share": beside and float(beside.share),
        "release": route.release, "at": route.at, "recorded": wall(),
        "actor": route.actor, "reason": route.reason,
    }  # fmt: skip
    chain.append(connection, tables.routes, as_stored(row))


def _to_route(row: sa.RowMapping) -> Route:
    beside = None
    if row["beside"] is not None:
        version = Version(row["beside"], row["beside_digest"])
        beside = Beside(version, Arm(row["arm"]), row["share"])
    return Route(
        model=row["model"],
        epoch=row["epoch"],
        step=Step(row["step"]),
        champion=Version(row["champion"], row["champion_digest"]),
        beside=beside,
        release=row["release"],
        at=row["at"],
        actor=row["actor"],
        reason=row["reason"],
    )
