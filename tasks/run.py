"""One retrain, from the moment it is asked for to its answer."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import uuid4

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.parquet_lake import ParquetLake
from sixgates.adapters.project_files import load_project
from sixgates.adapters.provenance import code_revision, lock_digest
from sixgates.adapters.wiring import World, build
from sixgates.gates.ports import ModelRef
from sixgates.gates.project import Project
from sixgates.ledger.ledger import Kind
from tasks.report import report
from tasks.retry import TRANSIENT


@dataclass(frozen=True, slots=True)
class Run:
    """A retrain under way; small, so that tasks can pass it on."""

    id: str
    project: str
    """Name or path of the project file."""
    data: str | None
    """Address of the data, or None for the project's own source."""
    model: str
    tracking: str
    """Tracking run in the registry."""
    alert: int | None
    """Ledger entry of the alert that asked for it."""
    at: datetime
    """Event time of its beginning; data is read as of this moment."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Why no run was begun."""

    reason: str


@task(**TRANSIENT, cache_policy=NO_CACHE)
def begin(project: str, data: str | None, alert: int | None, trigger: str) -> Run | Busy:
    """Open a run, unless a release of the model is under way."""
    world, chosen = build(), load_project(project)
    ParquetLake(chosen, data).check()
    now, route = world.clock.now(), world.ledger.route(chosen.name)
    body = {"trigger": trigger, "alert": alert, "data": data}
    if alert is not None and _taken(world, chosen.name, alert):
        return Busy(f"alert {alert} has its run already")
    if route is not None and route.is_open:
        reason = f"release {route.release} is under way ({route.step}): no second one beside it"
        world.ledger.append(
            chosen.name, Kind.ANSWER, at=now, reason=reason, body={**body, "ending": "busy"}
        )
        return Busy(reason)
    run = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
    tags = {"trigger": trigger, "code": code_revision(), "lock": lock_digest(), "run": run}
    tracking = world.registry.start_run(chosen.name, run, tags)
    world.ledger.append(
        chosen.name, Kind.RUN, at=now, release=run, reason=trigger,
        body={**body, "tracking": tracking},
    )  # fmt: skip
    return Run(run, project, data, chosen.name, tracking, alert, now)


@task(**TRANSIENT, cache_policy=NO_CACHE)
def answer(run: Run, ending: str, reason: str, refused: ModelRef | None = None) -> None:
    """Record how the run ended, and with it the answer to its alert; mark a refused version.

    A retry records it once.
    """
    world = build()
    if refused is not None:
        world.registry.mark(run.model, refused.version, {"refused": reason[:500]})
    body = {"alert": run.alert, "ending": ending}
    if not world.ledger.entries(run.model, kind=Kind.ANSWER, release=run.id):
        world.ledger.append(
            run.model, Kind.ANSWER, at=world.clock.now(), release=run.id, reason=reason, body=body
        )
    report(world, run.model, run.id, run.tracking)
    world.registry.end_run(run.tracking, "FINISHED", reason)


def world_of(run: Run) -> tuple[World, Project]:
    """Return the adapters and the project of a run."""
    return build(), project_of(run.project)


def _taken(world: World, model: str, alert: int) -> bool:
    """Whether a run has begun for an alert: events may arrive twice."""
    return any(run.body["alert"] == alert for run in world.ledger.entries(model, kind=Kind.RUN))


@lru_cache(maxsize=8)
def project_of(project: str) -> Project:
    """Load a project once a process."""
    return load_project(project)
