"""One step of one project, as it is called in a process of its own; see `flows/each.py`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from random import shuffle
from typing import Any

from prefect.settings import (
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    get_current_settings,
    temporary_settings,
)

from flows.hooks import note_broken
from flows.steps import STEPS, Said, Step
from sixgates.adapters.notifications import tell_people
from sixgates.adapters.project_files import load_project
from sixgates.adapters.wiring import build
from sixgates.gates.errors import PipelineError
from tasks.due import Due, due
from tasks.finish import bring_in_line
from tasks.report import report_end
from tasks.turn import turn_of

BEHIND_SECONDS = 3600.0
"""So long a project that broke comes after those that did not."""


def in_turn(step: Step, projects: Sequence[str]) -> list[str]:
    """Order the projects: those that broke of late last, the others by chance."""
    ledger, order = build().ledger, list(projects)
    shuffle(order)
    leases = {project: ledger.lease(_behind(step, project)) for project in order}
    return sorted(order, key=lambda p: (lease := leases[p]) is not None and lease.left > 0)


def one(project: str, *, step: Step, data: Mapping[str, str], seconds: float) -> Said:
    """Run the step of a project, if there is anything to do, and say how it ended."""
    if step == "tick" and _is_idle(project):
        return Said("Idle")
    state = flow_of(project, step=step, data=data, seconds=seconds)
    if not state.is_completed():
        _put_behind(step, project)
    return Said(state.name, state.message or "", broke=not state.is_completed())


def flow_of(project: str, *, step: Step, data: Mapping[str, str], seconds: float) -> Any:  # noqa: ANN401 - Prefect's state
    """Run the flow of a step, and return how it ended."""
    work = STEPS[step]
    given = work.given | ({"data": data[project]} if project in data else {})
    flow = getattr(import_module(f"flows.{work.flow}"), work.flow)
    options, beat = {}, {}
    if work.quick:
        # Nothing of it is persisted; told so, Prefect does not ask its server three times where to.
        here = get_current_settings().results.local_storage_path
        options = {"persist_result": False, "result_storage": here}
        beat = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings(beat):
        return flow.with_options(timeout_seconds=seconds, **options)(
            project, **given, return_state=True
        )


def note_lost(project: str, *, step: Step, why: Mapping[str, str]) -> None:
    """Put on record and tell people that the process of a flow was ended, which runs no hook.

    Args:
        project: The one to speak of.
        step: What was done.
        why: What happened, by project.
    """
    _put_behind(step, project)
    note_broken(STEPS[step].flow, project, why[project])
    tell_people(build(), project)


def _is_idle(project: str) -> bool:
    """Whether a project needs no tick; in its minute it is brought in line, without a run of it.

    What people are owed is sent then too: its process may have been killed before anybody was told.
    """
    try:
        world, model = build(), load_project(project).name
        match due(world, model, datetime.now(UTC).replace(tzinfo=None)):
            case Due.TICK:
                return False
            case Due.LOOK:
                with turn_of(project) as busy:
                    if busy is None:
                        report_end(world, bring_in_line(world, model))
                tell_people(world, project)  # no run of it ends here whose hook would do so
    except PipelineError:
        return False  # its flow says so, and is told of
    return True


def _put_behind(step: Step, project: str) -> None:
    build().ledger.take(_behind(step, project), "each", BEHIND_SECONDS)


def _behind(step: Step, project: str) -> str:
    """Name the lease of a project that broke."""
    return f"behind:{step}:{project}"
