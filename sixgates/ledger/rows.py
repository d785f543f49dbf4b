"""How entries and routes lie in their tables: values in, rows out, and back."""

import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.records import Arm
from sixgates.ledger import chain, listening, tables
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Beside, Route, Step, Version
from sixgates.ledger.stored import as_stored

ENTRY = [tables.entries.c[field.name] for field in fields(Entry)]
"""The columns of an entry: a reader has no use for its place in the chain."""


class LostRaceError(TransientError):
    """Another controller appended this epoch first: read again and judge anew."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry before it has its number."""

    kind: Kind
    at: datetime
    """Event time, naive UTC."""
    release: str
    """Run or release it belongs to."""
    reason: str
    body: dict[str, Any]
    actor: str = "sixgates"


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


def read_newest(
    connection: sa.Connection, model: str, kinds: Collection[Kind], limit: int
) -> list[Entry]:
    """Return the newest entries of some kinds, the newest first."""
    t = tables.entries
    query = sa.select(*ENTRY).where(t.c.model == model, t.c.kind.in_(kinds))
    found = connection.execute(query.order_by(t.c.position.desc()).limit(limit))
    return [to_entry(row) for row in found.mappings()]


def read_routes(
    connection: sa.Connection, model: str, *, newest_first: bool = False, limit: int | None = None
) -> list[Route]:
    """Return the routes of a model, by epoch."""
    found = _route_rows(connection, model, newest_first=newest_first, limit=limit)
    return [_to_route(row) for row in found]


def read_dated_routes(connection: sa.Connection, model: str) -> list[tuple[Route, datetime]]:
    """Return the routes of a model by epoch, each with the wall time at which it was recorded."""
    found = _route_rows(connection, model)
    return [(_to_route(row), row["recorded"]) for row in found]


def require_next(connection: sa.Connection, route: Route) -> None:
    """Make sure that the epoch of a route is the next one of its model.

    Raises:
        LostRaceError: the epoch is taken.
        ContractError: it does not follow the newest one.
    """
    newest = read_routes(connection, route.model, newest_first=True, limit=1)
    expected = newest[0].epoch + 1 if newest else 1
    if 1 <= route.epoch < expected:
        raise _taken(route)
    if route.epoch != expected:
        raise ContractError(
            f"epoch {route.epoch} of {route.model} does not follow: epoch {expected} is next"
        )


def append_route(connection: sa.Connection, route: Route) -> None:
    """Append a route, of which gateways hear once it is committed.

    Raises:
        LostRaceError: its epoch is taken. `require_next` cannot see it where two append the very
            first row of a model: there is nothing yet that one of them could hold.
    """
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
    try:
        chain.append(connection, tables.routes, as_stored(row))
    except IntegrityError as exc:
        raise _taken(route) from exc
    listening.announce(connection, route.model)


def _route_rows(
    connection: sa.Connection, model: str, *, newest_first: bool = False, limit: int | None = None
) -> sa.MappingResult:
    t = tables.routes
    order = t.c.epoch.desc() if newest_first else t.c.epoch
    query = sa.select(t).where(t.c.model == model).order_by(order).limit(limit)
    return connection.execute(query).mappings()


def _taken(route: Route) -> LostRaceError:
    return LostRaceError(f"epoch {route.epoch} of {route.model} was taken by another controller")


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
