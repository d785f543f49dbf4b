"""What happens next, as sentences: what the gate still needs, what follows, who is waited for."""

from dataclasses import dataclass
from datetime import datetime

from sixgates.gates.decision import Move
from sixgates.gates.message import moment
from sixgates.gates.verdict import Outcome, percent
from sixgates.gateway.page.evidence import Look
from sixgates.gateway.page.record import Record
from sixgates.gateway.page.serving import Here
from sixgates.gateway.page.stages import Stage, Time
from sixgates.gateway.page.troubles import acknowledged, sentence
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Route, Step

_FIRST = "The first model that passes the gates is served at once."
_CLOSED = "The next run begins by schedule, by an alert of the watch, or by hand."
_NOBODY = "No run begins until a person lets the line run again."
_LEFT = "was left without an answer: the next one goes on with it, or ends it."
_HELD = (
    "No run begins by itself until a person acknowledges the rollback, or the hold, and any pause"
    " after refusals, has passed."
)
_BROKEN = "The next tick rolls the release back everywhere."
_LAPSED = "The share comes back within seconds of the next tick, unless that tick ends the release."
_STOPPED = "Nothing moves up until a person lets the line run again; a rollback is never held."
_FROZEN = (
    "It stays at its share until a person decides; past its deadline it expires, and harm beyond"
    " doubt rolls it back."
)
_MOVES = {
    Move.ADVANCE: "it goes to the next share",
    Move.PROMOTE: "it is promoted",
    Move.CONFIRM: "it is confirmed",
    Move.ROLL_BACK: "it is rolled back",
    Move.EXPIRE: "it expires, and the champion stays",
}


@dataclass(frozen=True, slots=True)
class Following:
    """What happens next."""

    sentence: str
    needs: tuple[str, ...] = ()
    """What the gate has not enough of yet: seen, needed and time left, in the verdict's words."""
    waits: bool = False
    """Whether it waits for a person."""


def following(
    here: Here, record: Record, look: Look | None, stages: tuple[Stage, ...], now: datetime
) -> Following:
    """Say what happens next.

    Args:
        here: What this gateway says of itself.
        record: What the ledger says.
        look: The newest at the release.
        stages: Of the release.
        now: Wall clock, naive UTC.
    """
    if record.newest is None or not record.newest.route.is_open:
        return _between(here, record, now)
    return _of_release(here, record, look, stages)


def _between(here: Here, record: Record, now: datetime) -> Following:
    """Say how the next release comes about, while there is none."""
    run = _run(record)
    if run is not None and record.at_work == run.release:
        began = moment(run.recorded)
        return Following(f"A run is under way since {began}: gates 1 to 4 judge a new version.")
    if _is_stopped(record):
        return Following(_NOBODY, waits=True)
    if record.held is not None and _lasts(record.held, now):
        return Following(sentence(record.held.reason))
    if run is not None:
        return Following(f"The run that began {moment(run.recorded)} {_LEFT}")
    return Following(_next(here, record))


def _next(here: Here, record: Record) -> str:
    """Say what lets a run begin, where none has and nobody is known to keep it back."""
    if record.newest is None:
        return _FIRST
    route = record.newest.route
    if route.step is Step.ROLLED_BACK and not acknowledged(record, route):
        return _HELD
    expired = route.step is Step.EXPIRED and not acknowledged(record, route)
    if not (record.refused or expired):
        return _CLOSED
    # How many are too many, the project's policy says, which no gateway knows.
    return (
        f"{_CLOSED} Those that begin by themselves may pause after refusals, such as the newest:"
        f" sixgates status --project {here.model} says until when, and sixgates acknowledge ends"
        " it."
    )


def _lasts(held: Entry, now: datetime) -> bool:
    until = held.body.get("until")
    return until is None or now < datetime.fromisoformat(until)


def _of_release(
    here: Here, record: Record, look: Look | None, stages: tuple[Stage, ...]
) -> Following:
    route = record.routes[-1].route
    if here.cut or _said(record, route, Kind.BREAKER):
        return Following(_BROKEN)
    asked = _said(record, route, Kind.ASKED)
    if asked and route.step is Step.CANARY and not _said(record, route, Kind.APPROVED):
        return _question(asked)
    needs = _needs(look) if look is not None and look.epoch == route.epoch else ()
    if here.lapsed:
        return Following(_LAPSED, needs)
    if _is_stopped(record):
        return Following(_STOPPED, needs, waits=True)
    if look is None or look.epoch != route.epoch:
        return Following("The next tick judges it.")
    return _judged(record, route, look, stages)


def _judged(record: Record, route: Route, look: Look, stages: tuple[Stage, ...]) -> Following:
    verdict, move, needs = look.decision.verdict, look.decision.move, _needs(look)
    gate = f"Gate {verdict.gate.number}, {verdict.gate}"
    if move is Move.HOLD and verdict.outcome is Outcome.FAIL:
        return Following(_FROZEN, needs, waits=True)
    if move is not Move.HOLD and (held := _said(record, route, Kind.HELD)):
        return Following(sentence(held.reason), needs)
    if move is not Move.HOLD:
        return Following(f"{gate}, has decided: {_MOVES[move]}.", needs)
    harm = (
        "puts the former champion back at the next tick"
        if route.step is Step.PROMOTED
        else "rolls it back at the next tick, or freezes its share where the project says so"
    )
    return Following(f"{gate}, gathers what it still needs{_then(stages)}. Harm {harm}.", needs)


def _then(stages: tuple[Stage, ...]) -> str:
    ahead = next((stage for stage in stages if stage.time is Time.AHEAD), None)
    if ahead is None:
        return ""
    if ahead.share is not None and ahead.share < 1:
        return f", then it goes to {percent(ahead.share)}"
    return f", then it is {ahead.name}"


def _needs(look: Look) -> tuple[str, ...]:
    checks = look.decision.verdict.checks
    return tuple(
        check.sentence
        for check in checks
        if check.outcome is Outcome.INCONCLUSIVE and not check.muted
    )


def _question(asked: Entry) -> Following:
    until = moment(datetime.fromisoformat(asked.body["until"]))
    return Following(
        f"Version {asked.body['version']} waits for a person to approve or reject it, by command:"
        f" sixgates approve, sixgates reject. Without an answer by {until}, it expires and the"
        " champion stays.",
        waits=True,
    )


def _run(record: Record) -> Entry | None:
    """Return the run that nobody has answered and that has opened no release."""
    run = record.run
    opened = {dated.route.release for dated in record.routes}
    return None if run is None or run.release in opened else run


def _is_stopped(record: Record) -> bool:
    return record.line is not None and record.line.kind is Kind.STOPPED


def _said(record: Record, route: Route, kind: Kind) -> Entry | None:
    """Return what was said last of a kind under a route."""
    own = (e for e in reversed(record.release) if e.body.get("epoch") == route.epoch)
    return next((entry for entry in own if entry.kind is kind), None)
