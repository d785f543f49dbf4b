"""What the ledger tells about the approval of one challenger: the question, and the answer.

Both are about exactly one release, epoch and digest. What was asked or approved of another share,
another model or another run never counts.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sixgates.gates.approval import Approval
from sixgates.gates.decision import Decision
from sixgates.gates.verdict import Gate, Verdict
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Route, Step


def question_of(entries: Sequence[Entry], route: Route) -> Entry | None:
    """Return the question about the challenger of a route; None where nobody was asked."""
    return next((e for e in entries if e.kind is Kind.ASKED and _about(e, route)), None)


def open_question(entries: Sequence[Entry], route: Route) -> Entry | None:
    """Return the question that still waits for an answer; None where none does."""
    if route.step is not Step.CANARY or approval_of(entries, route) is not None:
        return None
    return question_of(entries, route)


def until_of(question: Entry | None) -> datetime | None:
    """Return until when a question may be answered, in event time; None where there is none."""
    return None if question is None else datetime.fromisoformat(question.body["until"])


def approval_of(entries: Sequence[Entry], route: Route) -> Approval | None:
    """Return the newest approval of the challenger of a route; None where nobody gave one."""
    given = [e for e in entries if e.kind is Kind.APPROVED and _about(e, route)]
    if not given:
        return None
    newest = given[-1]
    return Approval(newest.actor, newest.reason, str(newest.body["override"]))


def comparison_of(entries: Sequence[Entry]) -> Verdict | None:
    """Return what gate 4 said of the run behind a release; None where that is not on record."""
    said = (e for e in entries if e.kind is Kind.VERDICT and e.body["gate"] == Gate.COMPARE)
    return next((Verdict.from_dict(e.body) for e in said), None)


def newest_verdict(entries: Sequence[Entry], route: Route) -> Entry | None:
    """Return the verdict recorded last of an epoch; None where there is none."""
    said = [e for e in entries if e.kind is Kind.VERDICT and e.body.get("epoch") == route.epoch]
    return said[-1] if said else None


def subject_of(route: Route) -> dict[str, Any]:
    """Return what a question or an approval is about, for its body; empty without challenger."""
    if route.beside is None:
        return {}
    tried = route.beside.version
    return {"epoch": route.epoch, "version": tried.number, "digest": tried.digest}


def question_body(route: Route, decision: Decision, why: str, until: datetime) -> dict[str, Any]:
    """Return a question with the evidence a person needs to answer it."""
    return {
        **subject_of(route),
        "share": route.beside.share if route.beside else 0.0,
        "champion": {"version": route.champion.number, "digest": route.champion.digest},
        "why": why,
        "until": until.isoformat(),
        "verdict": decision.verdict.to_dict(),
    }


def _about(entry: Entry, route: Route) -> bool:
    if route.beside is None or entry.release != route.release:
        return False
    return subject_of(route).items() <= entry.body.items()
