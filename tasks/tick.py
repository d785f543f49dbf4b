"""One tick of a release: where it stands, what was judged, and the move that follows."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.clocks import WallClock
from sixgates.adapters.past_log import PastLog
from sixgates.adapters.wiring import World, build
from sixgates.gates.decision import Decision, Move
from sixgates.gates.evidence import Evidence, Trial, gather
from sixgates.gates.governor import Refused
from sixgates.gates.maturity import labels_since
from sixgates.gates.ports import SomeSilentError
from sixgates.gates.project import Project
from sixgates.ledger.asked import newest_verdict
from sixgates.ledger.ledger import Kind, LostRaceError, require_route
from sixgates.ledger.release import next_route
from sixgates.ledger.route import Route, Version
from tasks.approval import after_people, heard
from tasks.carry_out import Decided, carry_out, opening_of, record_move
from tasks.finish import bring_in_line
from tasks.frozen import ask_about_harm
from tasks.hold import held_back, is_noted, newest_note, note, objection
from tasks.record import show
from tasks.report import report_end
from tasks.retry import TRANSIENT
from tasks.run import project_of
from tasks.turn import let_canary_answer


@dataclass(frozen=True, slots=True)
class Tick:
    """A release at one moment."""

    project: str
    """Name or path of the project file."""
    route: Route
    now: datetime
    read: datetime = field(compare=False)
    """Wall clock, naive UTC: what a gateway receives after it belongs to the next tick."""
    ended: bool = False
    """Whether the release ended while the world was brought in line, before any gate was asked."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a gate may look at: a release as it is, or was, known at one moment."""

    world: World
    project: Project
    route: Route
    now: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """What a gate decided, and the shares that the traffic allows."""

    decision: Decision
    shares: tuple[float, ...]


@task(**TRANSIENT, cache_policy=NO_CACHE)
def look(project: str) -> Tick:
    """Read who serves, settle what a crash left, and bring gateways, registry and page in line."""
    world, model = build(), project_of(project).name
    before = world.ledger.route(model)
    route = bring_in_line(world, model)
    report_end(world, route)
    ended = before is not None and before.is_open and not route.is_open
    return Tick(project, route, world.clock.now(), WallClock().now(), ended)


@task(**TRANSIENT, cache_policy=NO_CACHE)
def move(tick: Tick, judged: Judged) -> Route:
    """Record the verdict and carry out its move; a lost race leaves the winner's route.

    A move upwards that the governor does not allow now is held, and recorded as such. It is asked
    once more in the transaction that appends the route: a stop that comes first is obeyed.
    """
    world, project, route = build(), project_of(tick.project), tick.route
    policy = project.policies.governor
    decision = heard(world, project, route, judged.decision, tick.now)
    let_canary_answer(world, route, project.policies.canary.lease)
    world.ledger.judge(route, tick.now, decision, judged.shares)
    if (held := held_back(world, route, decision, policy, tick.now)) is not None:
        return _hold(world, tick, decision, held)
    following = next_route(
        route, decision.move, shares=judged.shares, holdback=project.policies.monitor.holdback,
        at=tick.now, actor="sixgates", reason=decision.reason,
    )  # fmt: skip
    if following is None:
        ask_about_harm(world, route, decision, tick.now)
        if not _already_said(world, route, decision):
            record_move(world, route, decision, inputs_of(tick))
        else:
            show(route.model, decision.verdict)
        return route
    standing = require_route(world.ledger, route.model)
    if standing not in {route, following}:
        return standing
    decided = Decided(following, decision, inputs_of(tick))
    try:
        carry_out(world, decided, objection(route, decision, policy, tick.now))
    except LostRaceError:
        if (held := held_back(world, route, decision, policy, tick.now)) is not None:
            return _hold(world, tick, decision, held)
        return require_route(world.ledger, route.model)
    return following


def outcome_of(tick: Tick, judged: Judged, route: Route) -> str:
    """Say what came of a judgement that led to a route: its reason, or why it was held."""
    if route != tick.route:
        return route.reason
    world, project = build(), project_of(tick.project)
    decision = after_people(world, project, route, judged.decision, tick.now).decision
    held = None if decision.move is Move.HOLD else newest_note(world, route)
    return held or decision.reason


def inputs_of(tick: Tick) -> dict[str, str]:
    """Return by what the verdict of a tick can be found again."""
    return {"as_of": tick.now.isoformat(), "read": tick.read.isoformat()}


def scene_of(tick: Tick) -> Scene:
    """Return what the gate of a tick may look at; the same can be looked at again later."""
    return scene_at(build(), project_of(tick.project), tick.route, tick.now, tick.read)


def scene_at(world: World, project: Project, route: Route, now: datetime, read: datetime) -> Scene:
    """Return a release as it was known at a moment.

    Args:
        world: Everything that is known today.
        project: Whose policies judge.
        route: The newest route of the moment.
        now: Event time, naive UTC.
        read: Wall clock, naive UTC, when the log was read.
    """
    return Scene(replace(world, log=PastLog(world.log, now, read)), project, route, now)


def routes_of(scene: Scene) -> list[Route]:
    """Return the routes of the release up to the one that is judged, oldest first."""
    route = scene.route
    known = scene.world.ledger.routes(route.model)
    return [r for r in known if r.release == route.release and r.epoch <= route.epoch]


def evidence_of(
    scene: Scene,
    trial: Version,
    control: Version,
    shares: dict[int, float],
    slow_ms: float,
    *,
    before: tuple[int, ...] = (),
) -> Evidence:
    """Gather what the gateways logged in the given epochs, and of the control alone before them."""
    world, project, route = scene.world, scene.project, scene.route
    routes = world.ledger.routes(route.model)
    opened = next(r.at for r in routes if r.epoch in {*shares, *before})
    cards = {v.number: world.models.get(route.model, v.digest)[1] for v in (trial, control)}
    classes = {number: card.classes for number, card in cards.items()}
    label_age = max(card.label_age for card in cards.values())
    predictions = world.log.predictions(route.model, opened)
    return gather(
        project,
        Trial(
            trial.number,
            control.number,
            shares,
            route.epoch,
            classes,
            label_age,
            begun=min((r.at for r in routes if shares.get(r.epoch, 0.0) > 0), default=None),
            before=before,
        ),
        predictions,
        world.log.labels(route.model, labels_since(predictions)),
        now=scene.now,
        slow_ms=slow_ms,
    )


def lost_answers(tick: Tick) -> int:
    """Count answers that gateways gave in this release without being able to log them.

    What they put on record outlives them; what they say counts from their start, and is ahead of
    the record. Both tell of the same answers, so the larger number counts. Of one that hangs there
    is the record: it keeps no release from being judged, and rolled back.
    """
    world, route = build(), tick.route
    opening = opening_of(world, route)
    before = opening.body["unlogged"] if opening else {}
    lost: Counter[str] = Counter()
    for entry in world.ledger.entries(route.model, kind=Kind.UNLOGGED, release=route.release):
        lost[entry.actor] += entry.body["answers"]
    try:
        gateways = world.traffic.serving(route.model)
    except SomeSilentError as exc:
        gateways = exc.answers
    for gateway in gateways:
        known = before.get(gateway.url, 0)
        if gateway.unlogged < known:
            known = 0  # it started anew, so all of them are of this release
        lost[gateway.url] = max(lost[gateway.url], gateway.unlogged - known)
    return lost.total()


def _hold(world: World, tick: Tick, decision: Decision, held: Refused) -> Route:
    """Leave the route as it is, and record the verdict and why it changed nothing, once."""
    route = tick.route
    if is_noted(world, route, decision, held):
        show(route.model, decision.verdict)
    else:
        record_move(world, route, replace(decision, move=Move.HOLD), inputs_of(tick))
        note(world, route, decision, held, tick.now)
    return route


def _already_said(world: World, route: Route, decision: Decision) -> bool:
    """Whether the newest verdict of this epoch has this outcome: ticks repeat, the record not."""
    verdicts = world.ledger.entries(route.model, kind=Kind.VERDICT, release=route.release)
    newest = newest_verdict(verdicts, route)
    return newest is not None and newest.body["outcome"] == decision.verdict.outcome
