"""What ledger, registry and gateways say at one moment, as plain values."""

from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from sixgates.adapters.project_files import load_project
from sixgates.adapters.reconcile import differences, unanswered
from sixgates.adapters.wiring import build
from sixgates.gates.errors import PipelineError
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route
from tasks.finish import run_is_live


def look(project: str) -> dict[str, Any]:
    """Return who serves by each of the three, what is on record, and what is left open.

    Args:
        project: Path of the project file.
    """
    world, model = build(), load_project(project).name
    ledger, route = world.ledger, world.ledger.route(model)
    entries = ledger.entries(model)
    facts: dict[str, Any] = {
        "routes": [_plain(r) for r in ledger.routes(model)],
        "verdicts": [
            (e.release, e.body["gate"], e.body["epoch"], e.body["outcome"], e.body.get("move"))
            for e in entries
            if e.kind is Kind.VERDICT
        ],
        "runs": [e.release for e in entries if e.kind is Kind.RUN],
        "answers": [(e.release, e.body["ending"]) for e in entries if e.kind is Kind.ANSWER],
        "lapses": sum(e.kind is Kind.LAPSE for e in entries),
        "intents": Counter(e.body["action"] for e in entries if e.kind is Kind.INTENT),
        "unfinished": [e.body["action"] for e in ledger.unfinished(model)],
        "unanswered": [e.release for e in unanswered(world, model)],
        "live": run_is_live(world, model),
        "chain": ledger.verify(model),
        "differences": differences(world, route, project) if route else [],
        "aliases": None,
        "tracked": [],
        "gateways": [],
    }
    with suppress(PipelineError):
        facts["aliases"] = world.registry.aliases(model)
        facts["tracked"] = sorted(world.registry.open_runs(model).values())
    with suppress(PipelineError):
        facts["gateways"] = [asdict(answer) for answer in world.traffic.serving(model)]
    return facts


def _plain(route: Route) -> dict[str, Any]:
    beside = route.beside
    return {
        "epoch": route.epoch,
        "step": route.step,
        "release": route.release,
        "actor": route.actor,
        "champion": route.champion.digest,
        "beside": beside.version.digest if beside else "",
        "share": beside.share if beside else 0.0,
        "versions": [route.champion.number, *([beside.version.number] if beside else [])],
    }
