"""One tick of a release: where it stands, what was judged, and the move that follows."""

from dataclasses import dataclass
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.projection import project_route
from sixgates.adapters.wiring import World, build
from sixgates.gates.decision import Decision, Move
from sixgates.gates.evidence import Evidence, Trial, gather
from sixgates.gates.project import Project
from sixgates.gates.verdict import Outcome
from sixgates.ledger.ledger import Entry, Kind, LostRaceError, require_route
from sixgates.ledger.release import next_route
from sixgates.ledger.route import Route, Version
from tasks.record import record, show
from tasks.report import report
from tasks.retry import TRANSIENT
from tasks.run import project_of


@dataclass(frozen=True, slots=True)
class Tick:
    """A release at one moment."""

    project: str
    """Name or path of the project file."""
    route: Route
    now: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What a gate decided, and the shares that the traffic allows."""

    decision: Decision
    shares: tuple[float, ...]


@task(**TRANSIENT, cache_policy=NO_CACHE)
def look(project: str) -> Tick:
    """Read who serves, and bring gateways and aliases back in line with it."""
    world = build()
    route = require_route(world.ledger, project_of(project).name)
    project_route(world, route)
    return Tick(project, route, world.clock.now())


@task(**TRANSIENT, cache_policy=NO_CACHE)
def move(tick: Tick, judged: Judged) -> Route:
    """Record the verdict and carry out its move; a lost race leaves the winner's route."""
    world, project, route = build(), project_of(tick.project), tick.route
    decision = judged.decision
    following = next_route(
        route, decision.move, shares=judged.shares, holdback=project.policies.monitor.holdback,
        at=tick.now, actor="sixgates", reason=decision.reason,
    )  # fmt: skip
    opening = _opening(world, route)
    if following is None:
        if not _already_open(world, route):
            _record(world, route, decision, opening)
        else:
            show(route.model, decision.verdict)
        return route
    try:
        world.ledger.append_route(following)
    except LostRaceError:
        standing = require_route(world.ledger, route.model)
        if standing != following:
            return standing
        # A retry after its own route was appended: what follows may be repeated.
    project_route(world, following)
    _record(world, route, decision, opening)
    _mark_refused(world, following, decision)
    if not following.is_open and opening is not None:
        report(world, following.model, following.release, opening.body["tracking"])
    return following


def evidence_of(
    tick: Tick, trial: Version, control: Version, shares: dict[int, float], slow_ms: float
) -> Evidence:
    """Gather what the gateways logged in the given epochs."""
    world, project, route = build(), project_of(tick.project), tick.route
    opened = next(r.at for r in world.ledger.routes(route.model) if r.epoch in shares)
    cards = {v.number: world.models.get(route.model, v.digest)[1] for v in (trial, control)}
    classes = {number: card.classes for number, card in cards.items()}
    return gather(
        project,
        Trial(trial.number, control.number, shares, route.epoch, classes),
        world.log.predictions(route.model, opened),
        world.log.labels(route.model),
        now=tick.now,
        slow_ms=slow_ms,
    )


def lost_answers(tick: Tick) -> int:
    """Count answers that gateways gave in this release without being able to log them."""
    world = build()
    opening = _opening(world, tick.route)
    before = opening.body["unlogged"] if opening else {}
    return sum(
        max(0, gateway.unlogged - before.get(gateway.url, 0))
        for gateway in world.traffic.serving(tick.route.model)
    )


def definition(tick: Tick) -> Project:
    """Return the project that a tick is about."""
    return project_of(tick.project)


def _opening(world: World, route: Route) -> Entry | None:
    opened = world.ledger.entries(route.model, kind=Kind.RELEASE, release=route.release)
    return opened[0] if opened else None


def _already_open(world: World, route: Route) -> bool:
    """Whether this epoch already has an inconclusive verdict: ticks repeat, the record does not."""
    verdicts = world.ledger.entries(route.model, kind=Kind.VERDICT, release=route.release)
    return any(
        v.body.get("epoch") == route.epoch and v.body["outcome"] == Outcome.INCONCLUSIVE
        for v in verdicts
    )


def _record(world: World, route: Route, decision: Decision, opening: Entry | None) -> None:
    tracking = opening.body["tracking"] if opening else ""
    record(
        world, model=route.model, release=route.release, verdict=decision.verdict,
        tracking=tracking, epoch=route.epoch,
    )  # fmt: skip


def _mark_refused(world: World, route: Route, decision: Decision) -> None:
    if decision.move not in {Move.ROLL_BACK, Move.EXPIRE}:
        return
    release = [r for r in world.ledger.routes(route.model) if r.release == route.release]
    tried = {r.beside.version.number for r in release if r.beside}
    for version in tried - {route.champion.number}:
        world.registry.mark(route.model, version, {"refused": decision.reason[:500]})
