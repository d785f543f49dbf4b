"""The last events, newest first: what happened, by whom, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sixgates.gates.verdict import Gate, Outcome, percent
from sixgates.gateway.page.record import SHOWN, Dated, Record
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Route, Step


class Sign(StrEnum):
    """How a person should take an event."""

    GOOD = "good"
    BAD = "bad"
    CARE = "care"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    recorded: datetime
    """Wall clock, naive UTC."""
    sign: Sign
    what: str
    why: str
    actor: str


_STEPS = {
    Step.COLD_START: (Sign.GOOD, "serves as the first model"),
    Step.SHADOW: (Sign.PLAIN, "in shadow"),
    Step.CANARY: (Sign.PLAIN, "canary"),
    Step.PROMOTED: (Sign.GOOD, "promoted"),
    Step.CONFIRMED: (Sign.GOOD, "confirmed"),
    Step.ROLLED_BACK: (Sign.BAD, "rolled back"),
    Step.EXPIRED: (Sign.CARE, "expired"),
    Step.SUPERSEDED: (Sign.CARE, "superseded"),
}
_KINDS = {
    Kind.ALERT: (Sign.CARE, "drift alert"),
    Kind.RUN: (Sign.PLAIN, "run began"),
    Kind.HELD: (Sign.CARE, "held by the governor"),
    Kind.STOPPED: (Sign.CARE, "line stopped"),
    Kind.RESUMED: (Sign.PLAIN, "line runs again"),
    Kind.ACKNOWLEDGED: (Sign.PLAIN, "acknowledged"),
    Kind.ASKED: (Sign.CARE, "approval asked for"),
    Kind.BREAKER: (Sign.BAD, "canary cut off"),
    Kind.UNLOGGED: (Sign.BAD, "answers not logged"),
    Kind.RECOVERED: (Sign.CARE, "put right"),
    Kind.NOTICE: (Sign.CARE, "notice"),
}
_OUTCOMES = {Outcome.PASS: Sign.GOOD, Outcome.FAIL: Sign.BAD, Outcome.INCONCLUSIVE: Sign.PLAIN}
_BROKEN = frozenset({"broken", "busy", "held"})


def events(record: Record) -> tuple[Event, ...]:
    """Return the last events, newest first."""
    found = [*_of_routes(record.routes[-SHOWN - 1 :]), *map(_of_entry, record.events)]
    return tuple(sorted(found, key=lambda event: event.recorded, reverse=True)[:SHOWN])


def trial_of(route: Route, before: Route | None) -> str:
    """Return the version that a release is about; empty where that cannot be told."""
    if route.step in {Step.COLD_START, Step.PROMOTED, Step.CONFIRMED}:
        return route.champion.number
    if route.beside is not None:
        return route.beside.version.number
    if before is None:
        return ""
    if before.champion != route.champion or before.beside is None:
        return before.champion.number
    return before.beside.version.number


def _of_routes(routes: tuple[Dated, ...]) -> Iterator[Event]:
    for index, (route, recorded) in enumerate(routes):
        before = routes[index - 1].route if index else None
        sign, words = _STEPS.get(route.step, (Sign.PLAIN, route.step))
        if route.step is Step.CANARY and route.beside is not None:
            words = f"canary at {percent(route.beside.share)}"
        what = f"version {trial_of(route, before)} {words}".replace("version  ", "")
        yield Event(recorded, sign, what, route.reason, route.actor)


def _of_entry(entry: Entry) -> Event:
    sign, what = _said(entry)
    return Event(entry.recorded, sign, what, entry.reason, entry.actor)


def _said(entry: Entry) -> tuple[Sign, str]:
    match entry.kind:
        case Kind.VERDICT:
            gate, outcome = Gate(entry.body["gate"]), Outcome(entry.body["outcome"])
            return _OUTCOMES[outcome], f"gate {gate.number}, {gate}: {outcome.upper()}"
        case Kind.ANSWER:
            ending = str(entry.body["ending"])
            bad = ending in _BROKEN or ending.startswith("refused")
            return Sign.CARE if bad else Sign.PLAIN, f"run ended: {ending}"
        case Kind.APPROVED:
            return Sign.GOOD, "overridden" if entry.body.get("override") else "approved"
        case Kind.LAPSE:
            over = bool(entry.body.get("to"))
            return (Sign.PLAIN, "lapse over") if over else (Sign.CARE, "canary's lease ran out")
        case _:
            return _KINDS.get(entry.kind, (Sign.PLAIN, entry.kind))
