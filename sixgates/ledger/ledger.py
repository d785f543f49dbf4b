"""The record of what happened and who serves, in SQL.

Appending a route is the compare-and-set of the whole system: `UNIQUE(model, epoch)` lets exactly
one of several controllers win.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from sixgates.gates.decision import Decision
from sixgates.gates.errors import ConfigurationError, PipelineError
from sixgates.ledger import (
    chain,
    export,
    intents,
    judgement,
    leases,
    listening,
    presence,
    tables,
    verify,
)
from sixgates.ledger.database import ANSWER_SECONDS, engine_for, reading, snapshot, writing
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.judgement import Judgement
from sixgates.ledger.leases import Lease
from sixgates.ledger.route import Route
from sixgates.ledger.rows import (
    Draft,
    LostRaceError,
    append_entry,
    append_route,
    read_dated_routes,
    read_entries,
    read_newest,
    read_routes,
    require_next,
)
from sixgates.ledger.schema import ensure_tables

__all__ = ["Entry", "Kind", "Ledger", "LostRaceError", "require_route"]

_Objection = TypeVar("_Objection")


class Ledger:
    """Append-only access to one ledger database. Safe to share between threads."""

    def __init__(self, url: str, patience: float = ANSWER_SECONDS) -> None:
        """Open the ledger at a SQLAlchemy URL; a new one gets its tables.

        Args:
            url: Of the database.
            patience: Seconds after which a PostgreSQL server that says nothing counts as gone.

        Raises:
            ConfigurationError: the ledger is older or newer than this code, or needs a driver.
            TransientError: the database did not answer.
        """
        self._engine = engine_for(url, patience)
        try:
            ensure_tables(self._engine)
        except PipelineError:
            self.close()
            raise

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
        with writing(self._engine) as connection:
            return append_entry(
                connection, model, kind, at=at, reason=reason, release=release, actor=actor,
                body=body or {},
            )  # fmt: skip

    def entries(
        self, model: str, *, kind: Kind | None = None, release: str | None = None
    ) -> list[Entry]:
        """Return the entries of a model, oldest first."""
        with reading(self._engine) as connection:
            return read_entries(connection, model, kind=kind, release=release)

    def newest(self, model: str, kinds: Collection[Kind], limit: int = 1) -> list[Entry]:
        """Return the newest entries of some kinds, the newest first."""
        with reading(self._engine) as connection:
            return read_newest(connection, model, kinds, limit)

    def intend(
        self,
        model: str,
        action: str,
        *,
        at: datetime,
        release: str = "",
        body: dict[str, Any] | None = None,
        reason: str = "",
    ) -> int:
        """Record what is about to be done outside, before it is done, and return its number.

        Args:
            model: To which model.
            action: What will be done, as the one who finishes it after a crash will look for it.
            at: Event time.
            release: Run or release it belongs to.
            body: All that is needed to finish or undo it.
            reason: Why; the action itself where not given.
        """
        return self.append(
            model, Kind.INTENT, at=at, release=release, reason=reason or action,
            body={"action": action, "given": body or {}},
        )  # fmt: skip

    def close_intent(
        self, intent: int, *, at: datetime, outcome: str, body: dict[str, Any] | None = None
    ) -> int:
        """Record what became of an intent, and return the number of the closing.

        Two that finish the same work after a crash may both say so: a second closing with the
        same outcome changes nothing and returns the first. One with another outcome is refused,
        for then one of the two is mistaken about the world.

        Raises:
            ContractError: there is no such intent, or it was closed with another outcome.
        """
        with writing(self._engine) as connection:
            return intents.close(connection, intent, at=at, outcome=outcome, body=body or {})

    def unfinished(self, model: str) -> list[Entry]:
        """Return the intents of a model that were never closed, oldest first."""
        with reading(self._engine) as connection:
            return intents.unfinished(connection, model)

    def route(self, model: str) -> Route | None:
        """Return who serves now, or None before the first model."""
        with reading(self._engine) as connection:
            newest = read_routes(connection, model, newest_first=True, limit=1)
        return newest[0] if newest else None

    def routes(self, model: str) -> list[Route]:
        """Return every route of a model, oldest first: who served when, and why."""
        with reading(self._engine) as connection:
            return read_routes(connection, model)

    def dated_routes(self, model: str) -> list[tuple[Route, datetime]]:
        """Return every route of a model, oldest first, with the naive UTC of its recording."""
        with reading(self._engine) as connection:
            return read_dated_routes(connection, model)

    def listen(self, model: str, heard: Callable[[], None], ended: threading.Event) -> None:
        """Call `heard` soon after each new route of a model, until told to end; see `listening`.

        A hint: one may be lost, so poll as well. SQLite tells nothing, and this returns at once.
        """
        listening.listen(self._engine, model, heard, ended)

    def append_route(self, route: Route) -> None:
        """Record a new route.

        Raises:
            LostRaceError: another controller recorded this epoch first.
            ContractError: the epoch does not follow the newest one.
        """
        self.append_together(route.model, route=route)

    def append_together(
        self,
        model: str,
        *,
        entry: Draft | None = None,
        route: Route | None = None,
        unless: Callable[[Sequence[Entry], Sequence[Route]], _Objection] | None = None,
        about: Collection[Kind] = (),
    ) -> _Objection | None:
        """Append an entry, a route or both, unless the record speaks against it: all or nothing.

        Args:
            model: Of which model; before its first row there is nothing that could be held.
            entry: What comes first.
            route: What comes with it.
            unless: Asked once nobody else can append; given the entries of the kinds in `about` and
                all routes, both oldest first, it says why not, or None.
            about: Kinds of entries that `unless` is given.

        Returns:
            What `unless` said, and then nothing was appended; None where all was.

        Raises:
            LostRaceError: another controller recorded this epoch first.
            ContractError: the epoch does not follow the newest one.
        """
        with writing(self._engine) as connection:
            chain.hold(connection, model)
            if route is not None:
                require_next(connection, route)
            if unless is not None:
                known = [e for kind in about for e in read_entries(connection, model, kind=kind)]
                in_order = sorted(known, key=lambda found: found.seq)
                objection = unless(in_order, read_routes(connection, model))
                if objection is not None:
                    return objection
            if entry is not None:
                append_entry(
                    connection, model, entry.kind, at=entry.at, release=entry.release,
                    actor=entry.actor, reason=entry.reason, body=entry.body,
                )  # fmt: skip
            if route is not None:
                append_route(connection, route)
        return None

    def take(self, name: str, owner: str, seconds: float) -> bool:
        """Take a lease that is free, has run out or is one's own, and say whether one has it.

        Of any number who ask at the same moment, one gets it.

        Args:
            name: Of the lease, such as `tick:churn`.
            owner: Who asks; the same text renews, gives back and is told to the others.
            seconds: How long it lasts unless it is renewed, by the database's clock.
        """
        with writing(self._engine) as connection:
            return leases.take(connection, name, owner, seconds)

    def renew(self, name: str, owner: str, seconds: float) -> bool:
        """Let a lease last so many seconds from now; False where the owner no longer has it.

        One that ran out and that nobody else took is still the owner's.
        """
        with writing(self._engine) as connection:
            return leases.renew(connection, name, owner, seconds)

    def give_back(self, name: str, owner: str) -> bool:
        """End a lease; False where the owner no longer has it, and then nothing changes."""
        with writing(self._engine) as connection:
            return leases.give_back(connection, name, owner)

    def lease(self, name: str) -> Lease | None:
        """Return a lease, also one that has run out; None where nobody has it."""
        with reading(self._engine) as connection:
            return leases.read(connection, name)

    def judge(
        self, route: Route, at: datetime, decision: Decision, shares: tuple[float, ...]
    ) -> None:
        """Keep what a tick made of a route, in the place of what the one before it did.

        Args:
            route: Which was judged.
            at: Event time.
            decision: The verdict, and the move that it asks for.
            shares: Of the canary that the traffic allows.
        """
        with writing(self._engine) as connection:
            judgement.write(connection, route, at, decision, shares)

    def judgement(self, model: str) -> Judgement | None:
        """Return what the newest tick made of a model's release; None where none has judged yet."""
        with reading(self._engine) as connection:
            return judgement.read(connection, model)

    def models(self) -> list[str]:
        """Return the name of every model about which anything is recorded, sorted."""
        columns = [table.c.model for table in (*tables.CHAINED, tables.heads)]
        with reading(self._engine) as connection:
            return sorted(connection.execute(sa.union(*map(sa.select, columns))).scalars())

    def head(self, model: str) -> chain.Head | None:
        """Return the end of a model's chain: kept elsewhere, it proves all that came before it."""
        with reading(self._engine) as connection:
            return chain.head(connection, model)

    def verify(self, model: str) -> list[verify.Violation]:
        """Return everything that is wrong with the record of a model; empty when it is sound."""
        with snapshot(self._engine) as connection:
            return verify.violations(connection, model)

    def export(self, model: str) -> Iterator[str]:
        """Yield the record of a model as JSON lines in chain order; see `docs/reference/ledger.md`.

        Raises:
            ContractError: a row can no longer be read.
        """
        with snapshot(self._engine) as connection:
            yield from export.lines(connection, model)

    def announce(self, model: str, url: str) -> None:
        """Say that a gateway for this model is alive at a URL; repeated as its heartbeat."""
        with writing(self._engine) as connection:
            presence.announce(connection, model, url)

    def withdraw(self, url: str) -> None:
        """Say that the gateway at a URL has stopped."""
        with writing(self._engine) as connection:
            presence.withdraw(connection, url)

    def gateways(self, model: str) -> list[str]:
        """Return the URLs of the gateways that serve this model and are alive, sorted."""
        with reading(self._engine) as connection:
            return presence.alive(connection, model)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()


def require_route(ledger: Ledger, model: str) -> Route:
    """Return who serves, or say what to do where nobody does."""
    route = ledger.route(model)
    if route is None:
        raise ConfigurationError(
            f"no model of {model} serves yet: run `sixgates retrain --project {model}`"
            " with comparison.cold_start='serve'"
        )
    return route
