"""State hooks: they notify and hasten; they carry nothing. A kill -9 runs none of them."""

import logging
from typing import Any

from sixgates.adapters.wiring import build
from sixgates.ledger.ledger import Kind

_log = logging.getLogger(__name__)


def record_breakdown(flow: Any, flow_run: Any, state: Any) -> None:  # noqa: ANN401 - Prefect's
    """Write into the ledger that a pipeline run broke, and its alert is therefore unanswered."""
    try:
        world = build()
        parameters = dict(flow_run.parameters or {})
        project = str(parameters.get("project", ""))
        world.ledger.append(
            model_name(project),
            Kind.ANSWER,
            at=world.clock.now(),
            reason=f"{flow.name} broke: {state.message or state.name}",
            body={"alert": None, "ending": "broken", "flow_run": str(flow_run.id)},
        )
    except Exception:  # noqa: BLE001 - a hook must never add a failure to a failure
        _log.exception("could not record the breakdown of %s", getattr(flow, "name", "a flow"))


def model_name(project: str) -> str:
    """Return the model's name where the project loads, else what was asked for."""
    from sixgates.adapters.project_files import load_project
    from sixgates.gates.errors import PipelineError

    try:
        return load_project(project).name
    except PipelineError:
        return project
