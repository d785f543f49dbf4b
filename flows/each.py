"""One step of many projects: a few processes take them in turn, fairly and with limits.

This process imports nothing that only the projects' own need: a tick begins every minute.
"""

from collections import Counter
from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.states import Completed, Failed

from flows.fan_out import Lost, Pool, processes
from flows.steps import STEPS, Said, Step, imported
from sixgates.gates.errors import ConfigurationError, TransientError

GRACE_SECONDS = 15.0
"""A flow that is out of time ends by itself first, and says so; then its process is ended."""
WORD_SECONDS = 30.0
"""For what the ledger is asked or told of the projects themselves."""


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
            are there now, but for names that begin with `_`.
        data: Address of the data by project, as it is named in `projects`; the project's own source
            where not given.
        at_once: How many projects are at work at the same time.
        seconds: How long one project may take; 100 for a tick, which has its turn for 120, 240 for
            a compaction, 300 for freshness, 900 for a watch, 4 hours for a retrain where not given.
        begin_within: Seconds after which no further project is begun; the next run's order is
            another one.
    """
    chosen, data = _expanded(projects), data or {}
    if step in {"tick", "compact"} and data:
        raise ConfigurationError(f"a {step} reads no data of projects: leave `data` out")
    if strange := sorted(set(data) - set(chosen)):
        raise ConfigurationError(
            f"`data` names {strange}, which are none of the projects: write them as they are there"
        )
    limit = STEPS[step].seconds if seconds is None else seconds
    given: dict[str, Any] = {"step": step, "data": data, "seconds": limit}
    if len(chosen) == 1:
        from flows.one import flow_of

        state = flow_of(chosen[0], **given)
        # A new one: the state of another run, returned, would say no more than that it completed.
        return (Completed if state.is_completed() else Failed)(
            name=state.name, message=state.message
        )
    said: dict[str, Said] = {}
    with processes(at_once, imported(step)) as pool:
        order = pool.call("flows.one:in_turn", step, chosen, seconds=WORD_SECONDS)
        if isinstance(order, Lost):
            raise TransientError(f"the ledger could not be asked who broke of late: {order.why}")
        for project, end in pool.fan_out(
            "flows.one:one", order, given=given,
            seconds=limit + GRACE_SECONDS, begin_within=begin_within,
        ):  # fmt: skip
            said[project] = Said("Lost", end.why, broke=True) if isinstance(end, Lost) else end
        _tell_of(pool, step, {p: end.message for p, end in said.items() if end.name == "Lost"})
    return _state_of(chosen, said)


def _tell_of(pool: Pool, step: Step, lost: dict[str, str]) -> None:
    """Do what the hooks of a flow would have done, had its process lived."""
    given = {"step": step, "why": lost}
    for _ in pool.fan_out(
        "flows.one:note_lost", [*lost], given=given, seconds=WORD_SECONDS, begin_within=3600.0
    ):
        pass  # where a project file lets nobody read its model's name, the run's state alone tells


def _expanded(projects: Sequence[str]) -> list[str]:
    """Return the projects without doubles, patterns resolved.

    Raises:
        ConfigurationError: there is none.
    """
    found = [
        name
        for project in projects
        for name in (_matching(project) if "*" in project else [project])
    ]
    if not found:
        raise ConfigurationError(
            f"{projects} names no project: give names, paths or a pattern such as projects/*.py"
        )
    return list(dict.fromkeys(found))


def _matching(pattern: str) -> list[str]:
    """Return the project files of a pattern; `__init__.py` and `_draft.py` are none."""
    return [p for p in sorted(glob(pattern)) if not Path(p).name.startswith("_")]  # noqa: PTH207 - may be absolute


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
