"""Gate 3: hold the challenger against absolute limits on rows that training never saw."""

from dataclasses import asdict

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.engine.choose import engine_of
from sixgates.gates.evaluate import judge_holdout
from sixgates.gates.ports import DatasetRef, ModelRef
from sixgates.gates.verdict import Gate, Verdict
from tasks.record import record, said
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def evaluate(run: Run, dataset: DatasetRef, model: ModelRef) -> Verdict:
    """Judge the challenger on the holdout, and store what the watch will compare with."""
    world, project = world_of(run)
    if known := said(world, run.model, run.id, Gate.EVALUATE):
        return Verdict.from_dict(known.body)
    engine = engine_of(world.settings.engine)
    found = engine.evaluate(project, dataset, world.models.get(run.model, model.digest))
    verdict = judge_holdout(found.evidence, project.policies.evaluation, project.loss)
    given = {"digest": model.digest}
    with intended(world, Effect.STORE_REFERENCE, run.model, release=run.id, given=given):
        stored = world.references.put(run.model, model.digest, found.reference)
        world.registry.log_reference(run.tracking, stored)
    inputs = {
        "as_of": dataset.as_of.isoformat(),
        "accepted": dataset.digest,
        "model": model.digest,
        "footprint": None if (cost := found.evidence.footprint) is None else asdict(cost),
        "engine": engine.name,
    }
    record(
        world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking,
        inputs=inputs,
    )  # fmt: skip
    return verdict
