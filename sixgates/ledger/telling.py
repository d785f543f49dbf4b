"""Turn one outcome of the record into the message that a person gets. Pure."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from sixgates.gates.decision import Move
from sixgates.gates.message import Choice, Message, Served
from sixgates.gates.project import Project
from sixgates.gates.records import Arm
from sixgates.gates.verdict import Check, Gate, Verdict, percent
from sixgates.ledger import held_back
from sixgates.ledger.asked import approval_of, question_of
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.news import News, What
from sixgates.ledger.prospects import choices, following
from sixgates.ledger.route import Route, Step

BY_ITSELF = "sixgates"
"""The actor of what no person asked for."""


@dataclass(frozen=True, slots=True)
class Background:
    """What a message needs to know besides the outcome itself."""

    asked: str
    """Name or path of the project file, as commands take it."""
    project: Project | None
    """None where the project file does not load."""
    routes: Sequence[Route]
    """All of the model, oldest first."""
    entries: Sequence[Entry]
    """Those of the run or release that the outcome belongs to, oldest first."""
    proof: Entry | None
    """The newest proof of the model."""
    now: datetime
    """Event time, naive UTC."""
    report: str = ""
    """Address of the page of the run or release; empty where there is none."""


def message_of(news: News, background: Background) -> Message:
    """Return what to tell of an outcome; who serves and what follows is as of now."""
    cause = news.cause
    if isinstance(cause, Route):
        headline, happened, checks = _of_route(cause, background)
    else:
        headline, happened, checks = _of_entry(news.what, cause, background)
    data = next((e.body.get("data") for e in background.entries if e.kind is Kind.RUN), None)
    serving = background.routes[-1] if background.routes else None
    return Message(
        id=news.id,
        model=cause.model,
        what=news.what,
        headline=headline,
        at=background.now if news.what in _RECURRING else cause.at,
        happened=happened,
        checks=checks,
        served=_served(news, background),
        following=tuple(following(news, serving, background.project, background.now)),
        choices=tuple(choices(news, serving, background.asked, data)),
        report=background.report,
    )


def unrecorded(asked: str, name: str, reason: str, now: datetime) -> Message:
    """Return what to tell of a breakdown that the ledger itself could not take.

    Args:
        asked: Name or path of the project file.
        name: Of the flow run.
        reason: What broke.
        now: Wall clock, naive UTC.
    """
    return Message(
        id=f"{asked}/unrecorded/{name}",
        model=asked,
        what=What.BROKEN,
        headline="run broke down, and the ledger did not take it",
        at=now,
        happened=(_sentence(reason), "The ledger could not be written: this is told only once."),
        checks=(),
        served=None,
        following=("Gateways go on serving what they serve. Nothing is tried again by itself.",),
        choices=(Choice("see who serves", f"sixgates status --project {shlex.quote(asked)}"),),
    )


_HELD_BACK = {What.LAPSE, What.BREAKER}
_RECURRING = {What.UNPROVED, What.UNREACHED, What.RESTORED, *_HELD_BACK}
"""Their entries bear the time of the route, not of the trouble."""
_HEADLINES = {
    What.BUSY: "run not begun, a release is under way",
    What.HELD: "run held",
    What.BROKEN: "run broke down",
    What.UNPROVED: "rollback not proved",
    What.UNREACHED: "a gateway or the registry does not follow",
    What.RESTORED: "everything follows the ledger again",
}

_Told = tuple[str, tuple[str, ...], tuple[Check, ...]]


def _of_entry(what: What, entry: Entry, background: Background) -> _Told:
    if what is What.NOTICE:
        return entry.reason, (_sentence(entry.reason),), ()
    if what in _HELD_BACK:
        words = tuple(map(_sentence, held_back.happened(entry, background.entries)))
        return held_back.headline(entry), words, held_back.checks(entry)
    if what is What.ASKED:
        verdict = Verdict.from_dict(entry.body["verdict"])
        headline = f"version {entry.body['version']} waits for approval"
        return headline, (_sentence(entry.reason),), _deciding_of(verdict)
    if what is not What.REFUSED:
        headline = "release held" if entry.kind is Kind.HELD else _HEADLINES[what]
        return headline, (_sentence(f"{headline}: {entry.reason}"),), ()
    gate = Gate(entry.body["ending"].removeprefix("refused at "))
    checks = _deciding(v for v in _verdicts(background) if v.body["gate"] == gate)
    where = f"Gate {gate.number}, {gate}, refused the challenger"
    happened = f"{where}." if checks else _sentence(f"{where}: {entry.reason}")
    trigger = next((e.reason for e in background.entries if e.kind is Kind.RUN), "")
    asked = (f"The run was asked for by: {trigger}.",) if trigger else ()
    bodies = (v.body for v in _verdicts(background) if v.body["gate"] == gate)
    summary = next((tuple(body["summary"]) for body in bodies if "summary" in body), ())
    return f"run refused at gate {gate.number}, {gate}", (happened, *summary, *asked), checks


def _of_route(route: Route, background: Background) -> _Told:
    before = next((r for r in background.routes if r.epoch == route.epoch - 1), None)
    verdicts = [v for v in _verdicts(background) if _led_to(v, route)]
    checks = _deciding(verdicts) if route.actor == BY_ITSELF else ()
    headline, happened = _change(route, before, _by_person(background, route, before))
    why = () if checks else (_sentence(f"The reason: {route.reason}"),)
    return headline, (happened, *why), checks


def _by_person(background: Background, route: Route, before: Route | None) -> str:
    """Name what a person decided, or failed to decide, and no gate; empty where that is neither."""
    if before is None:
        return ""
    approval = approval_of(background.entries, before)
    if route.step is Step.PROMOTED and approval is not None and approval.override:
        return _OVERRIDDEN
    asked = question_of(background.entries, before)
    return _UNANSWERED if route.step is Step.EXPIRED and asked and approval is None else ""


def _change(route: Route, before: Route | None, person: str) -> tuple[str, str]:
    """Return headline and sentence of a step."""
    by_hand = route.actor != BY_ITSELF
    by_gate = before is not None and route.step is Step.ROLLED_BACK and not by_hand
    gate = Gate.MONITOR if before is not None and before.step is Step.PROMOTED else Gate.CANARY
    key = person or (gate if by_gate else route.step)
    beside = route.beside or (before.beside if before is not None else None)
    share = percent(beside.share if beside is not None else 0.0)
    given = {
        "champion": route.champion.number,
        "trial": _trial(route, before),
        "share": share,
        "phase": f"at {share} of the units" if beside and beside.share else "in shadow",
        "actor": route.actor,
    }
    headline, sentence = _CHANGES[key]
    return headline.format(**given), sentence.format(**given)


_OVERRIDDEN = "approved by override"
_UNANSWERED = "asked in vain"
_CHANGES: dict[str, tuple[str, str]] = {
    Step.COLD_START: (
        "first model, version {champion}, is champion",
        "Version {champion} is the first champion.",
    ),
    Step.SHADOW: (
        "release opened, version {trial} in shadow",
        "Version {trial} passed gates 1 to 4: it scores every request beside version {champion}.",
    ),
    Step.PROMOTED: (
        "version {champion} promoted",
        "Version {champion} passed gate 5, canary; version {trial} keeps {share} of the units.",
    ),
    Step.CONFIRMED: (
        "version {champion} confirmed",
        "Gate 6, monitor, watched version {champion} without alarm.",
    ),
    Step.EXPIRED: (
        "version {trial} expired without enough evidence",
        "The deadline passed before gate 5, canary, could decide about version {trial}.",
    ),
    Step.SUPERSEDED: (
        "version {trial} superseded by a newer run",
        "A newer run began while version {trial} was tried; version {champion} serves alone.",
    ),
    _OVERRIDDEN: (
        "version {champion} promoted by override",
        "Gate 5, canary, had not decided; version {trial} keeps {share} of the units.",
    ),
    _UNANSWERED: (
        "version {trial} expired without approval",
        "Version {trial} passed gate 5, canary, and nobody approved it in time.",
    ),
    Gate.CANARY: (
        "version {trial} rolled back by gate 5, canary",
        "Gate 5, canary, rolled version {trial} back {phase}.",
    ),
    Gate.MONITOR: (
        "version {trial} rolled back by gate 6, monitor",
        "Gate 6, monitor, rolled version {trial} back after its promotion.",
    ),
    Step.ROLLED_BACK: (
        "rolled back {actor} to version {champion}",
        "Version {champion} was put back {actor}; version {trial} is out.",
    ),
}


def _trial(route: Route, before: Route | None) -> str:
    """Return the version that the release is about, beside the champion of the route."""
    if route.beside is not None:
        return route.beside.version.number
    if before is None:
        return ""
    beside = before.beside.version if before.beside is not None else before.champion
    return (before.champion if beside == route.champion else beside).number


def _verdicts(background: Background) -> list[Entry]:
    return [e for e in background.entries if e.kind is Kind.VERDICT]


def _led_to(verdict: Entry, route: Route) -> bool:
    """Whether a verdict brought about a route: the last of gates 1 to 4, or that of the tick."""
    if route.step in {Step.COLD_START, Step.SHADOW}:
        return not verdict.body.get("epoch")
    return verdict.body.get("epoch") == route.epoch - 1 and verdict.body.get("move") != Move.HOLD


def _deciding(verdicts: Iterator[Entry] | list[Entry]) -> tuple[Check, ...]:
    """Return the checks that decided the last of some verdicts."""
    last = list(verdicts)[-1:]
    if not last:
        return ()
    return _deciding_of(Verdict.from_dict(last[0].body))


def _deciding_of(verdict: Verdict) -> tuple[Check, ...]:
    return tuple(c for c in verdict.checks if c.outcome is verdict.outcome and not c.muted)


def _served(news: News, background: Background) -> Served | None:
    if not background.routes:
        return None
    newest = background.routes[-1]
    reign = list(takewhile(lambda r: r.champion == newest.champion, reversed(background.routes)))
    beside = newest.beside
    words = ""
    if beside is not None:
        answers = f"answering {percent(beside.share)}" if beside.share else "in shadow"
        held = "the former champion, " if beside.arm is Arm.HOLDBACK else ""
        words = f"{held}version {beside.version.number} {answers}"
        cause = news.cause
        if isinstance(cause, Entry) and news.what in _HELD_BACK and held_back.lasts(cause, newest):
            words = held_back.answering(cause, background.entries, beside) or words
    return Served(
        newest.champion.number, newest.champion.digest, reign[-1].at, words,
        confirmed(background.proof, newest),
    )  # fmt: skip


def confirmed(proof: Entry | None, route: Route) -> str:
    """Say whether the gateways serve what the newest route says, by the newest proof."""
    if proof is None or proof.body["epoch"] != route.epoch:
        return "Not yet read back from the gateways."
    if proof.body["proved"]:
        return "Every gateway confirms it."
    if not proof.body["answers"] and not proof.body["trouble"]:
        return "NOT confirmed: no gateway is up."
    return _sentence(f"NOT confirmed: {proof.reason}")


def _sentence(words: str) -> str:
    words = words.strip()
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
