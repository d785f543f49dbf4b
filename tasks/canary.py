"""Gate 5: judge a challenger in shadow, or in its share of the traffic."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.wiring import build
from sixgates.gates.canary import Phase, Stage, judge_canary, planned_shares
from sixgates.gates.errors import ContractError
from sixgates.ledger.release import next_share
from sixgates.ledger.route import Step
from tasks.retry import TRANSIENT
from tasks.tick import Judged, Tick, definition, evidence_of, lost_answers


@task(**TRANSIENT, cache_policy=NO_CACHE)
def canary(tick: Tick) -> Judged:
    """Judge the challenger against the champion on everything since the release opened."""
    project, route = definition(tick), tick.route
    if route.beside is None:
        raise ContractError(f"route {route.epoch} of {route.model} has no challenger to judge")
    history = [r for r in build().ledger.routes(route.model) if r.release == route.release]
    shares = {r.epoch: r.beside.share for r in history if r.beside is not None}
    policy = project.policies.canary
    evidence = evidence_of(tick, route.beside.version, route.champion, shares, policy.slow_ms)
    plan = planned_shares(policy, evidence.requests_per_period, project.period)
    stage = Stage(
        phase=Phase.SHADOW if route.step is Step.SHADOW else Phase.SPLIT,
        share=route.beside.share,
        is_last=next_share(route, plan) is None,
        open_for=tick.now - history[0].at,
        unlogged=lost_answers(tick),
    )
    return Judged(judge_canary(evidence, stage, project), plan)
