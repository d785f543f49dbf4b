"""Gate 6: watch a promoted model against its predecessor."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.gates.errors import ContractError
from sixgates.gates.monitor import judge_monitor
from tasks.retry import TRANSIENT
from tasks.tick import Judged, Tick, definition, evidence_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def monitor(tick: Tick) -> Judged:
    """Judge the new champion on everything since its promotion."""
    project, route = definition(tick), tick.route
    if route.beside is None:
        raise ContractError(f"route {route.epoch} of {route.model} has no hold-back to judge by")
    shares = {route.epoch: 1.0 - route.beside.share}
    slow_ms = project.policies.monitor.slow_ms
    evidence = evidence_of(tick, route.champion, route.beside.version, shares, slow_ms)
    return Judged(judge_monitor(evidence, project), ())
