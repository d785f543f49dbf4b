"""Gate 5: judge a challenger in shadow, or in its share of the traffic."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.gates.canary import Breaker, Phase, Stage, judge_canary, planned_shares
from sixgates.gates.errors import ContractError
from sixgates.ledger.entry import Kind
from sixgates.ledger.release import next_share
from sixgates.ledger.route import Step
from tasks.retry import TRANSIENT
from tasks.tick import Judged, Scene, Tick, evidence_of, lost_answers, routes_of, scene_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def canary(tick: Tick) -> Judged:
    """Judge the challenger against the champion on everything since the release opened."""
    scene = scene_of(tick)
    return judge(scene, unlogged=lost_answers(tick), breaker=breaker_of(scene))


def judge(scene: Scene, *, unlogged: int, breaker: Breaker | None) -> Judged:
    """Judge what a scene shows of a challenger.

    Args:
        scene: The release at one moment.
        unlogged: Answers in this release that no gateway could log.
        breaker: The one that had tripped in this release, if any.

    Raises:
        ContractError: there is no challenger, or a model cannot be read.
    """
    project, route = scene.project, scene.route
    if route.beside is None:
        raise ContractError(f"route {route.epoch} of {route.model} has no challenger to judge")
    history = routes_of(scene)
    shares = {r.epoch: r.beside.share for r in history if r.beside is not None}
    policy = project.policies.canary
    evidence = evidence_of(scene, route.beside.version, route.champion, shares, policy.slow_ms)
    plan = planned_shares(policy, evidence.requests_per_period, project.period)
    stage = Stage(
        phase=Phase.SHADOW if route.step is Step.SHADOW else Phase.SPLIT,
        share=route.beside.share,
        is_last=next_share(route, plan) is None,
        open_for=scene.now - history[0].at,
        unlogged=unlogged,
        breaker=breaker,
    )
    return Judged(judge_canary(evidence, stage, project), plan)


def breaker_of(scene: Scene) -> Breaker | None:
    """Return the first breaker that tripped in this release, as soon as it is on record.

    Whatever the clock of the gateway said: where it is ahead of the tick's, its canary is cut off
    there, and nobody else would know.
    """
    route = scene.route
    known = scene.world.ledger.entries(route.model, kind=Kind.BREAKER, release=route.release)
    for body in (entry.body for entry in known):
        return Breaker(body["reason"], body["seen"], body["limit"], body["n"])
    return None
