"""Gate 4: compare the challenger with the model that really serves, on the same rows."""

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.engine.choose import engine_of
from sixgates.adapters.holdout_answers import paired_answers
from sixgates.adapters.projection import follow_route
from sixgates.adapters.wiring import World
from sixgates.gates.compare import Paired, judge_comparison, refuse_again
from sixgates.gates.differences import differences
from sixgates.gates.errors import ContractError
from sixgates.gates.ports import DatasetRef, ModelRef
from sixgates.gates.project import Project
from sixgates.gates.verdict import Gate, Verdict
from sixgates.ledger.refused import refused_before
from tasks.record import record, said
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def compare(run: Run, dataset: DatasetRef, model: ModelRef) -> Verdict:
    """Judge non-inferiority of the challenger against the champion of the ledger."""
    world, project = world_of(run)
    if known := said(world, run.model, run.id, Gate.COMPARE):
        return Verdict.from_dict(known.body)
    engine = engine_of(world.settings.engine)
    champion = champion_digest(world, run.model)
    before = None if run.override else _refused_before(world, run, model.digest)
    evidence: Paired | None = None
    if before is not None:
        verdict = refuse_again(before)
    else:
        if champion is not None:
            old, new = (world.models.get(run.model, d) for d in (champion, model.digest))
            evidence = engine.compare(project, dataset, old, new)
        verdict = _judged(evidence, project, champion)
    inputs = {
        "as_of": dataset.as_of.isoformat(),
        "accepted": dataset.digest,
        "model": model.digest,
        "champion": champion,
        "refused_before": before,
        "engine": engine.name,
    }
    record(
        world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking,
        inputs=inputs,
        differences=() if evidence is None else differences(evidence, project.policies.comparison),
    )  # fmt: skip
    return verdict


def judge(
    world: World,
    project: Project,
    holdout: pl.DataFrame,
    *,
    champion: str | None,
    challenger: str,
) -> Verdict:
    """Judge two stored models, by their digests, on the same rows; no champion is a cold start.

    Raises:
        ContractError: a model cannot be read.
    """
    evidence = None
    if champion is not None:
        old, new = (world.models.get(project.name, d) for d in (champion, challenger))
        evidence = paired_answers(project, holdout, old, new)
    return _judged(evidence, project, champion)


def champion_digest(world: World, model: str) -> str | None:
    """Return what serves, which every live gateway must confirm.

    Raises:
        ContractError: a gateway serves something else than the ledger says.
    """
    route = world.ledger.route(model)
    if route is None:
        return None
    for gateway in follow_route(world, route):
        if gateway.champion_digest != route.champion.digest:
            raise ContractError(
                f"the gateway {gateway.url} serves {gateway.champion_digest[:12] or 'nothing'},"
                f" the ledger says {route.champion.digest[:12]}: see `sixgates status`"
            )
    return route.champion.digest


def _judged(evidence: Paired | None, project: Project, champion: str | None) -> Verdict:
    return judge_comparison(evidence, project.policies.comparison, cold_start=champion is None)


def _refused_before(world: World, run: Run, digest: str) -> str | None:
    entries, routes = world.ledger.entries(run.model), world.ledger.routes(run.model)
    return refused_before(entries, routes, digest, run=run.id)
