"""The evidence so far: what the newest look of gate 5 or 6 at the release found, and what it needs.

Each tick leaves its look behind, see `sixgates.ledger.judgement`; where that is of another release,
the verdict that was recorded last stands in for it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sixgates.gates.decision import Decision, Move
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, number, numbers
from sixgates.gateway.page.record import Record
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Route

_PROGRESS = frozenset({"stage", "watched"})
"""Checks that count up to what they need."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one tick found."""

    epoch: int
    recorded: datetime
    """Wall clock, naive UTC."""
    decision: Decision


@dataclass(frozen=True, slots=True)
class Bar:
    """How far the evidence about one quantity has come, either way."""

    name: str
    promote: float | None
    promote_at: float | None
    rollback: float | None
    rollback_at: float
    muted: bool
    said: str
    """The same as text."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A count on its way."""

    seen: float
    needed: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Line:
    """One check, for a table."""

    name: str
    outcome: Outcome
    seen: str
    required: str
    n: str
    promote: str
    rollback: str
    sentence: str
    muted: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """The evidence, as the page shows it."""

    gate: str
    outcome: Outcome
    judged: datetime
    """Wall time."""
    earlier: bool
    """Whether it is about the stage before the present one."""
    ended: bool
    """Whether the release that it is about is over."""
    legend: str
    """How to read the picture."""
    bars: tuple[Bar, ...]
    progress: tuple[Progress, ...]
    lines: tuple[Line, ...]


def look_of(record: Record) -> Look | None:
    """Return the newest look at the newest release; None where no gate has judged it."""
    if record.newest is None:
        return None
    release = record.newest.route.release
    epochs = {dated.route.epoch for dated in record.routes if dated.route.release == release}
    told = [e for e in record.release if e.kind is Kind.VERDICT and e.body.get("epoch") in epochs]
    found = [_look(entry) for entry in told[-1:]]
    kept = record.judgement
    if kept is not None and kept.epoch in epochs:
        found.append(Look(kept.epoch, kept.recorded, kept.decision))
    return max(found, key=lambda look: look.recorded, default=None)


def shown(look: Look, route: Route) -> Shown:
    """Return what to show of a look at the release of a route, which is the newest."""
    verdict = look.decision.verdict
    return Shown(
        gate=f"Gate {verdict.gate.number}, {verdict.gate}",
        outcome=verdict.outcome,
        judged=look.recorded,
        earlier=route.is_open and look.epoch != route.epoch,
        ended=not route.is_open,
        legend=_legend(verdict),
        bars=tuple(_bars(verdict.checks)),
        progress=tuple(
            Progress(check.seen, check.required, check.sentence)
            for check in verdict.checks
            if check.name in _PROGRESS and check.seen is not None and check.required
        ),
        lines=tuple(map(_line, verdict.checks)),
    )


def _look(entry: Entry) -> Look:
    verdict, move = Verdict.from_dict(entry.body), Move(entry.body.get("move") or Move.HOLD)
    decision = Decision(verdict, move, entry.reason)
    return Look(int(entry.body["epoch"]), entry.recorded, decision)


def _bars(checks: Sequence[Check]) -> list[Bar]:
    """The mean that rolls back comes first, what is muted last."""
    bars = []
    for check in checks:
        if (e := check.e_values) is None:
            continue
        said = ["for a rollback {} of {}".format(*_written(e.rollback, e.rollback_at))]
        if e.promote_at is not None:
            said.append("for a promotion {} of {}".format(*_written(e.promote, e.promote_at)))
        name = "harm, the mean" if check.name == "harm" else check.name
        bars.append(
            Bar(name, e.promote, e.promote_at, e.rollback, e.rollback_at, check.muted,
                f"{name}: {', '.join(said)}")
        )  # fmt: skip
    return sorted(bars, key=lambda bar: bar.muted)


def _legend(verdict: Verdict) -> str:
    if verdict.gate is Gate.MONITOR:
        return (
            "On a log scale: to the left grows the evidence that the new champion is worse. Where a"
            " bar reaches its line, the former one is put back."
        )
    e_values = {check.name: check.e_values for check in verdict.checks if check.e_values}
    promote = next((number(e.promote_at) for e in e_values.values() if e.promote_at), "")
    rollback = number(e_values["harm"].rollback_at) if "harm" in e_values else ""
    return (
        "On a log scale: to the right grows the evidence that the new version is good enough, to"
        " the left that it does harm. It is promoted when every bar on the right has reached its"
        f" line (1/alpha = {promote}), and rolled back when the mean on the left has reached its"
        f" own (1/beta = {rollback})."
    )


def _line(check: Check) -> Line:
    e = check.e_values
    seen, required = _written(check.seen, check.required)
    promote = _written(e.promote, e.promote_at)[0] if e else ""
    rollback = _written(e.rollback, e.rollback_at)[0] if e else ""
    return Line(
        check.name, check.outcome, seen, required, f"{check.n:,}", promote, rollback,
        check.sentence, check.muted,
    )  # fmt: skip


def _written(*values: float | None) -> list[str]:
    finite = (value if value is not None and math.isfinite(value) else None for value in values)
    return numbers(*finite, unknown="")
