"""What the ledger tells the governor and the notices about a model."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sixgates.gates.governor import BY_HAND, Event, Standing
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Route, Step

HELD = "held"
"""How the answer to a run ends that the governor did not let begin, or not open its release."""

ACTS = (Kind.ALERT, Kind.RUN, Kind.ANSWER, Kind.STOPPED, Kind.RESUMED, Kind.ACKNOWLEDGED)
"""What people and runs did, as far as this file looks at it."""


class Waiting(NamedTuple):
    """An alert that no run has answered for good."""

    alert: Entry
    held: Entry | None
    """The newest answer by which the governor put it off; None where nobody answered at all."""
    since: datetime
    """Since when it could have been answered, as far as is on record."""


def read_standing(ledger: Ledger, model: str) -> Standing:
    """Read what may brake a model now."""
    return standing_of(model, read_acts(ledger, model), ledger.routes(model))


def read_acts(ledger: Ledger, model: str) -> list[Entry]:
    """Read what this file looks at, oldest first: without the verdicts, most of a long record."""
    acts = [entry for kind in ACTS for entry in ledger.entries(model, kind=kind)]
    return sorted(acts, key=lambda entry: entry.seq)


def standing_of(model: str, entries: Sequence[Entry], routes: Sequence[Route]) -> Standing:
    """Return what may brake a model.

    Args:
        model: Which one.
        entries: What people and runs did, oldest first, see `read_acts`.
        routes: All its routes, oldest first.
    """
    stops = [e for e in entries if e.kind in {Kind.STOPPED, Kind.RESUMED}]
    stopped = stops[-1] if stops and stops[-1].kind is Kind.STOPPED else None
    seen = [e for e in entries if e.kind is Kind.ACKNOWLEDGED]
    seen_seq = seen[-1].seq if seen else 0
    seen_epoch = max((int(e.body["epoch"]) for e in seen), default=0)
    rollbacks = [r for r in routes if r.step is Step.ROLLED_BACK and r.epoch > seen_epoch]
    newest = max(rollbacks, key=lambda r: r.at, default=None)
    return Standing(
        model,
        stopped=Event(stopped.at, f"{stopped.actor}: {stopped.reason}") if stopped else None,
        rolled_back=Event(newest.at, newest.reason) if newest else None,
        begun=tuple(e.at for e in _runs(entries) if e.body["trigger"] not in BY_HAND),
        refused=_refused_in_a_row(entries, routes, seen_seq, seen_epoch),
    )


def waiting_alert(entries: Sequence[Entry], routes: Sequence[Route]) -> Waiting | None:
    """Return the newest alert where nobody answered it, or the governor put it off last.

    A run that began for it and was put off before its release opened leaves it waiting too. Where
    a champion serves that was trained since, by whomever it was asked for, nothing is left to do.

    Args:
        entries: What people and runs did, oldest first, see `read_acts`.
        routes: All routes of the model, oldest first.
    """
    alerts = [e for e in entries if e.kind is Kind.ALERT]
    if not alerts or _trained_since(alerts[-1], entries, routes):
        return None
    alert, said = alerts[-1], _last_word(entries, alerts[-1].seq)
    if said is not None and not _is_held(said):
        return None
    return Waiting(alert, said, _since(alert, said, entries))


def has_its_run(entries: Sequence[Entry], alert: int, dead: Collection[str]) -> bool:
    """Whether a run began for an alert: it is under way, or answered the alert for good.

    Args:
        entries: What people and runs did, oldest first, see `read_acts`.
        alert: Entry of the alert.
        dead: Runs that nobody answered and nobody is at work on.
    """
    runs = [e for e in _runs(entries) if e.body["alert"] == alert and e.release not in dead]
    answered = {e.release for e in entries if e.kind is Kind.ANSWER}
    if any(run.release not in answered for run in runs):
        return True
    said = _last_word(entries, alert)
    return bool(runs) and said is not None and not _is_held(said)


def trigger_of(entries: Sequence[Entry], release: str) -> str:
    """Return who or what asked for the run that opened a release; empty where that is unknown."""
    return next((str(e.body["trigger"]) for e in _runs(entries) if e.release == release), "")


def newest_run(entries: Sequence[Entry]) -> Entry | None:
    """Return the run that began last, by whomever it was asked for."""
    runs = _runs(entries)
    return runs[-1] if runs else None


def _trained_since(alert: Entry, entries: Sequence[Entry], routes: Sequence[Route]) -> bool:
    """Whether the run that made the champion began after an alert, which is about another one."""
    made = next((r.release for r in routes if r.champion == routes[-1].champion), None)
    return any(run.release == made and run.seq > alert.seq for run in _runs(entries))


def _last_word(entries: Sequence[Entry], alert: int) -> Entry | None:
    """Return the newest run or answer that is about an alert."""
    kinds = {Kind.RUN, Kind.ANSWER}
    said = [e for e in entries if e.kind in kinds and e.body.get("alert") == alert]
    return said[-1] if said else None


def _is_held(said: Entry) -> bool:
    return said.kind is Kind.ANSWER and said.body["ending"] == HELD


def _since(alert: Entry, held: Entry | None, entries: Sequence[Entry]) -> datetime:
    if held is None:
        return alert.at
    let_go = {Kind.RESUMED, Kind.ACKNOWLEDGED}
    ends = [e.at for e in entries if e.kind in let_go and e.seq > held.seq]
    if not ends and held.body["until"] is not None:
        ends = [datetime.fromisoformat(held.body["until"])]
    return max([held.at, *ends])


def _runs(entries: Sequence[Entry]) -> list[Entry]:
    return [e for e in entries if e.kind is Kind.RUN]


class _Fate(NamedTuple):
    """What became of the challenger of a run."""

    refused: bool
    at: datetime
    seq: int
    """Ledger entry that says so, 0 where a route does."""
    epoch: int
    """Route that says so, 0 where an entry does."""


def _refused_in_a_row(
    entries: Sequence[Entry], routes: Sequence[Route], seen_seq: int, seen_epoch: int
) -> tuple[datetime, ...]:
    row: list[datetime] = []
    for run in reversed(_runs(entries)):
        fate = _fate(run.release, entries, routes)
        if fate is None:
            continue
        if not fate.refused or (fate.seq <= seen_seq and fate.epoch <= seen_epoch):
            break
        row.append(fate.at)
    return tuple(reversed(row))


def _fate(run: str, entries: Sequence[Entry], routes: Sequence[Route]) -> _Fate | None:
    """Return what became of a challenger; None where the run broke or nothing was decided."""
    own = [r for r in routes if r.release == run]
    if own and own[-1].step is Step.SUPERSEDED:
        return None
    if own and own[-1].step not in {Step.SHADOW, Step.CANARY}:
        last = own[-1]
        return _Fate(last.step in {Step.ROLLED_BACK, Step.EXPIRED}, last.at, 0, last.epoch)
    answers = [e for e in entries if e.release == run and e.kind is Kind.ANSWER]
    refusals = [e for e in answers if str(e.body["ending"]).startswith("refused at ")]
    if refusals:
        return _Fate(refused=True, at=refusals[0].at, seq=refusals[0].seq, epoch=0)
    return None
