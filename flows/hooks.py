"""State hooks: they notify and hasten; they carry nothing. A kill -9 runs none of them."""

import logging
from typing import Any

from sixgates.adapters.project_files import load_project
from sixgates.adapters.wiring import build
from sixgates.gates.errors import PipelineError
from sixgates.ledger.ledger import Entry, Kind, Ledger

_log = logging.getLogger(__name__)


def record_breakdown(flow: Any, flow_run: Any, state: Any) -> None:  # noqa: ANN401 - Prefect's
    """Answer the run that broke, so that its alert is not waited for, and close it as failed."""
    try:
        world = build()
        model = _model_name(str(dict(flow_run.parameters or {}).get("project", "")))
        run = _unanswered(world.ledger, model)
        world.ledger.append(
            model,
            Kind.ANSWER,
            at=world.clock.now(),
            release=run.release if run else "",
            reason=f"{flow.name} broke: {state.message or state.name}",
            body={"alert": run.body["alert"] if run else None, "ending": "broken"},
        )
        if run is not None:
            world.registry.end_run(run.body["tracking"], "FAILED", str(state.message))
    except Exception:  # noqa: BLE001 - a hook must never add a failure to a failure
        _log.exception("could not record the breakdown of %s", getattr(flow, "name", "a flow"))


def _unanswered(ledger: Ledger, model: str) -> Entry | None:
    answered = {e.release for e in ledger.entries(model, kind=Kind.ANSWER)}
    runs = [e for e in ledger.entries(model, kind=Kind.RUN) if e.release not in answered]
    return runs[-1] if runs else None


def _model_name(project: str) -> str:
    """Return the model's name where the project loads, else what was asked for."""
    try:
        return load_project(project).name
    except PipelineError:
        return project
