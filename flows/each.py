"""One step of many projects: a few processes take them in turn, fairly and with limits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from glob import glob
from random import shuffle
from typing import Any, Literal

from prefect import flow
from prefect.states import Completed, Failed

from flows.compact import compact
from flows.fan_out import Lost, fan_out
from flows.freshness import freshness
from flows.hooks import note_lost
from flows.release import release
from flows.retrain import retrain
from flows.watch import watch
from sixgates.adapters.project_files import load_project
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ConfigurationError, PipelineError
from tasks.due import is_due

Step = Literal["tick", "compact", "watch", "freshness", "retrain"]
GRACE_SECONDS = 15.0
"""A flow that is out of time ends by itself first, and says so; then its process is ended."""
NOTE_SECONDS = 30.0
BEHIND_SECONDS = 3600.0
"""So long a project that broke comes after those that did not."""


@dataclass(frozen=True, slots=True)
class _Work:
    flow: Any
    seconds: float
    """For one project."""
    given: dict[str, str]


_WORK: dict[Step, _Work] = {
    "tick": _Work(release, 45.0, {}),
    "compact": _Work(compact, 240.0, {}),
    "watch": _Work(watch, 900.0, {}),
    "freshness": _Work(freshness, 300.0, {}),
    "retrain": _Work(retrain, 4 * 3600.0, {"trigger": "schedule"}),
}


@dataclass(frozen=True, slots=True)
class Said:
    """How the flow of a project ended."""

    name: str
    """Of its state; "Idle" where there was nothing to do."""
    message: str = ""
    broke: bool = False


@flow(name="each", flow_run_name="each-{step}")
def each(
    step: Step,
    projects: list[str],
    data: dict[str, str] | None = None,
    *,
    at_once: int = 2,
    seconds: float | None = None,
    begin_within: float = 3600.0,
) -> Any:  # noqa: ANN401 - Prefect's state
    """Run one step of each project; one that breaks, hangs or dies keeps no other one waiting.

    A tick leaves out projects without an open release, but for one look in ten minutes.

    Args:
        step: What to do.
        projects: Names or paths of project files; a pattern such as `projects/*.py` is all that
            are there now.
        data: Address of the data by project, as it is named in `projects`; the project's own source
            where not given.
        at_once: How many projects are at work at the same time.
        seconds: How long one project may take; 45 for a tick, 240 for a compaction, 300 for
            freshness, 900 for a watch, 4 hours for a retrain where not given.
        begin_within: Seconds after which no further project is begun; the next run's order is
            another one.
    """
    chosen, work, data = _expanded(projects), _WORK[step], data or {}
    limit = work.seconds if seconds is None else seconds
    if len(chosen) == 1:
        return _flow_of(step, chosen[0], data, limit)
    said: dict[str, Said] = {}
    for project, end in fan_out(
        partial(one, step, data=data, seconds=limit), _in_turn(step, chosen),
        at_once=at_once, seconds=limit + GRACE_SECONDS, begin_within=begin_within,
    ):  # fmt: skip
        said[project] = Said("Lost", end.why, broke=True) if isinstance(end, Lost) else end
        if said[project].broke:
            build().ledger.take(_behind(step, project), "each", BEHIND_SECONDS)
    lost = {project: end.message for project, end in said.items() if end.name == "Lost"}
    _tell_of(work.flow.name, lost, at_once)
    return _state_of(chosen, said)


def _tell_of(flow_name: str, lost: dict[str, str], at_once: int) -> None:
    """Do what the hooks of a flow would have done, had its process lived."""
    note = partial(note_lost, flow_name, lost)
    for _ in fan_out(note, [*lost], at_once=at_once, seconds=NOTE_SECONDS, begin_within=3600):
        pass  # where a project file lets nobody read its model's name, the run's state alone tells


def one(step: Step, project: str, *, data: dict[str, str], seconds: float) -> Said:
    """Run the step of one project and say how it ended; called in a process of its own."""
    if step == "tick" and not _is_due(project):
        return Said("Idle")
    state = _flow_of(step, project, data, seconds)
    return Said(state.name, state.message or "", broke=not state.is_completed())


def _flow_of(step: Step, project: str, data: dict[str, str], seconds: float) -> Any:  # noqa: ANN401 - Prefect's state
    work = _WORK[step]
    given = work.given | ({"data": data[project]} if project in data else {})
    return work.flow.with_options(timeout_seconds=seconds)(project, **given, return_state=True)


def _is_due(project: str) -> bool:
    try:
        model = load_project(project).name
    except PipelineError:
        return True  # its flow says so, and is told of
    return is_due(build(), model, datetime.now(UTC).replace(tzinfo=None))


def _expanded(projects: Sequence[str]) -> list[str]:
    """Return the projects without doubles, patterns resolved.

    Raises:
        ConfigurationError: there is none.
    """
    found = [
        name
        for project in projects
        for name in (sorted(glob(project)) if "*" in project else [project])  # noqa: PTH207 - may be absolute
    ]
    if not found:
        raise ConfigurationError(
            f"{projects} names no project: give names, paths or a pattern such as projects/*.py"
        )
    return list(dict.fromkeys(found))


def _in_turn(step: Step, projects: Sequence[str]) -> list[str]:
    """Order the projects: those that broke of late last, the others by chance."""
    ledger, order = build().ledger, list(projects)
    shuffle(order)
    leases = {project: ledger.lease(_behind(step, project)) for project in order}
    return sorted(order, key=lambda p: (lease := leases[p]) is not None and lease.left > 0)


def _behind(step: Step, project: str) -> str:
    """Name the lease of a project that broke."""
    return f"behind:{step}:{project}"


def _state_of(chosen: Sequence[str], said: dict[str, Said]) -> Any:  # noqa: ANN401 - Prefect's state
    counts = Counter(end.name for end in said.values())
    if late := len(chosen) - len(said):
        counts["not begun"] = late
    told = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    broke = {project: end.message for project, end in said.items() if end.broke}
    if not broke:
        return Completed(name="Done", message=told)
    first = "; ".join(f"{project}: {why}" for project, why in list(broke.items())[:10])
    return Failed(name="SomeBroke", message=f"{told}; the others went on. {first}")
