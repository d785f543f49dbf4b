"""Gate 6: watch a promoted model against its predecessor."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.gates.errors import ContractError
from sixgates.gates.monitor import judge_monitor
from sixgates.ledger.route import Step
from tasks.retry import TRANSIENT
from tasks.tick import Judged, Scene, Tick, evidence_of, routes_of, scene_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def monitor(tick: Tick) -> Judged:
    """Judge the new champion on everything since its promotion."""
    return judge(scene_of(tick))


def judge(scene: Scene) -> Judged:
    """Judge what a scene shows of a new champion.

    Raises:
        ContractError: there is no hold-back, or a model cannot be read.
    """
    project, route = scene.project, scene.route
    if route.beside is None:
        raise ContractError(f"route {route.epoch} of {route.model} has no hold-back to judge by")
    shares = {route.epoch: 1.0 - route.beside.share}
    slow_ms = project.policies.monitor.slow_ms
    # What the previous champion was like before anybody was split.
    shadow = tuple(r.epoch for r in routes_of(scene) if r.step is Step.SHADOW)
    evidence = evidence_of(
        scene, route.champion, route.beside.version, shares, slow_ms, before=shadow
    )
    return Judged(judge_monitor(evidence, project), ())
