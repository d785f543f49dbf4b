"""The record of what happened and who serves, in SQL.

Appending a route is the compare-and-set of the whole system: `UNIQUE(model, epoch)` lets exactly
one of several controllers win.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.schema import CreateIndex, CreateTable

from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.records import Arm
from sixgates.ledger import tables
from sixgates.ledger.route import Beside, Route, Step, Version

GATEWAY_SILENCE = timedelta(seconds=10)
"""A gateway that has not been seen for so long counts as gone."""

BUSY_SECONDS = 30.0
"""How long a statement waits for another writer of the same SQLite file."""


class Kind(StrEnum):
    """What an entry records."""

    ALERT = "alert"
    RUN = "run"
    """A retrain began; its body names trigger and data."""
    VERDICT = "verdict"
    ANSWER = "answer"
    """How a run ended; answers the alert named in its body."""
    RELEASE = "release"
    """A release opened: its stages and what it was judged on."""
    PROOF = "proof"
    """What the gateways said they serve, read back after a change of route."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    seq: int
    model: str
    kind: Kind
    release: str
    """Run or release it belongs to; empty where none."""
    at: datetime
    """Event time, naive UTC."""
    recorded: datetime
    """Wall clock, naive UTC."""
    actor: str
    reason: str
    body: dict[str, Any]


class LostRaceError(TransientError):
    """Another controller appended this epoch first: read again and judge anew."""


class Ledger:
    """Append-only access to one ledger database. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Open the ledger at a SQLAlchemy URL, creating its tables where they are missing."""
        self._engine = sa.create_engine(url, connect_args=_connect_args(url))
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _use_wal)
        with self._errors(), self._engine.begin() as connection:
            # Two processes may open a new ledger at the same moment.
            for table in tables.metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))

    def append(
        self,
        model: str,
        kind: Kind,
        *,
        at: datetime,
        reason: str,
        release: str = "",
        actor: str = "sixgates",
        body: dict[str, Any] | None = None,
    ) -> int:
        """Record one entry and return its sequence number."""
        row = {
            "model": model, "kind": kind, "release": release, "at": at, "recorded": _wall(),
            "actor": actor, "reason": reason, "body": body or {},
        }  # fmt: skip
        with self._errors(), self._engine.begin() as connection:
            result = connection.execute(tables.entries.insert().values(**row))
            return int(result.inserted_primary_key[0])  # type: ignore[index]

    def entries(
        self, model: str, *, kind: Kind | None = None, release: str | None = None
    ) -> list[Entry]:
        """Return the entries of a model, oldest first."""
        t = tables.entries
        query = sa.select(t).where(t.c.model == model).order_by(t.c.seq)
        if kind is not None:
            query = query.where(t.c.kind == kind)
        if release is not None:
            query = query.where(t.c.release == release)
        with self._errors(), self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [Entry(**{**row, "kind": Kind(row["kind"])}) for row in rows]

    def route(self, model: str) -> Route | None:
        """Return who serves now, or None before the first model."""
        newest = self._routes(model, newest_first=True, limit=1)
        return newest[0] if newest else None

    def routes(self, model: str) -> list[Route]:
        """Return every route of a model, oldest first: who served when, and why."""
        return self._routes(model)

    def append_route(self, route: Route) -> None:
        """Record a new route.

        Raises:
            LostRaceError: another controller recorded this epoch first.
            ContractError: the epoch does not follow the newest one.
        """
        current = self.route(route.model)
        expected = 1 if current is None else current.epoch + 1
        if not 1 <= route.epoch <= expected:
            raise ContractError(
                f"epoch {route.epoch} of {route.model} does not follow: epoch {expected} is next"
            )
        beside = route.beside
        row = {
            "model": route.model, "epoch": route.epoch, "step": route.step,
            "champion": route.champion.number, "champion_digest": route.champion.digest,
            "beside": beside and beside.version.number,
            "beside_digest": beside and beside.version.digest,
            "arm": beside and beside.arm, "share": beside and beside.share,
            "release": route.release, "at": route.at, "recorded": _wall(),
            "actor": route.actor, "reason": route.reason,
        }  # fmt: skip
        try:
            with self._errors(), self._engine.begin() as connection:
                connection.execute(tables.routes.insert().values(**row))
        except IntegrityError as exc:
            raise LostRaceError(
                f"epoch {route.epoch} of {route.model} was taken by another controller"
            ) from exc

    def announce(self, model: str, url: str) -> None:
        """Say that a gateway for this model is alive at a URL; repeated as its heartbeat."""
        insert = sqlite.insert if self._engine.dialect.name == "sqlite" else _postgres_insert()
        values = {"url": url, "model": model, "seen": _wall()}
        statement = insert(tables.gateways).values(**values)
        statement = statement.on_conflict_do_update(index_elements=["url"], set_=values)
        with self._errors(), self._engine.begin() as connection:
            connection.execute(statement)

    def withdraw(self, url: str) -> None:
        """Say that the gateway at a URL has stopped."""
        t = tables.gateways
        with self._errors(), self._engine.begin() as connection:
            connection.execute(t.delete().where(t.c.url == url))

    def gateways(self, model: str) -> list[str]:
        """Return the URLs of the gateways that serve this model and are alive."""
        t = tables.gateways
        query = sa.select(t.c.url).where(t.c.model == model, t.c.seen >= _wall() - GATEWAY_SILENCE)
        with self._errors(), self._engine.connect() as connection:
            return sorted(connection.execute(query).scalars())

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _routes(
        self, model: str, *, newest_first: bool = False, limit: int | None = None
    ) -> list[Route]:
        t = tables.routes
        order = t.c.epoch.desc() if newest_first else t.c.epoch
        query = sa.select(t).where(t.c.model == model).order_by(order).limit(limit)
        with self._errors(), self._engine.connect() as connection:
            return [_to_route(row) for row in connection.execute(query).mappings()]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeoutError) as exc:
            said = exc.orig if isinstance(exc, DBAPIError) else "every connection is in use"
            raise TransientError(
                f"the ledger {self._engine.url.render_as_string()} did not answer: {said}"
            ) from exc


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


def _wall() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _connect_args(url: str) -> dict[str, Any]:
    if sa.make_url(url).get_backend_name() == "sqlite":
        return {"timeout": BUSY_SECONDS}
    return {}


def _use_wal(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the driver's own types
    cursor = connection.cursor()
    # SQLite answers "locked" at once, without its own wait, where several connections change the
    # journal of one new file: the change is the only statement that must be tried again by hand.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _postgres_insert() -> Any:  # noqa: ANN401 - returns the dialect's function
    from sqlalchemy.dialects import postgresql

    return postgresql.insert


def require_route(ledger: Ledger, model: str) -> Route:
    """Return who serves, or say what to do where nobody does."""
    route = ledger.route(model)
    if route is None:
        raise ConfigurationError(
            f"no model of {model} serves yet: run `sixgates retrain --project {model}`"
            " with comparison.cold_start='serve'"
        )
    return route
