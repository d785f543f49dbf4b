"""What came of a run, or newest of a model, and what happens next: as messages say it."""

from datetime import datetime
from typing import Any

from sixgates.adapters.project_files import load_project
from sixgates.gates.errors import PipelineError
from sixgates.gates.project import Project
from sixgates.ledger.entry import Kind
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.news import news
from sixgates.ledger.telling import Background, message_of

_UNDER_WAY = "Nothing was decided yet: the run goes through its gates."


def upshot(ledger: Ledger, model: str, run: str | None, now: datetime) -> dict[str, Any]:
    """Return `headline`, `next` (sentences) and `choices` (`purpose` and `command` of each).

    Args:
        ledger: What happened.
        model: Of which model.
        run: Of one run alone; None for the newest of whatever is told of the model.
        now: Event time, naive UTC.
    """
    entries, routes = ledger.entries(model), ledger.routes(model)
    told = [n for n in news(entries, routes) if run is None or n.cause.release == run]
    if not told:
        return {"headline": "", "next": [_UNDER_WAY], "choices": []}
    newest = told[-1]
    own = [e for e in entries if newest.cause.release and e.release == newest.cause.release]
    proofs = [e for e in entries if e.kind is Kind.PROOF]
    asked = next((str(e.body["project"]) for e in reversed(own) if "project" in e.body), model)
    message = message_of(
        newest,
        Background(asked, _project(asked), routes, own, proofs[-1] if proofs else None, now),
    )
    return {
        "headline": message.headline,
        "next": list(message.following),
        "choices": [{"purpose": c.purpose, "command": c.command} for c in message.choices],
    }


def _project(asked: str) -> Project | None:
    try:
        return load_project(asked)
    except PipelineError:
        return None
