"""Gate 2: train a challenger on the accepted rows and register it."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.dataset_store import first_rows
from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.engine.choose import Engine, engine_of
from sixgates.adapters.wiring import World
from sixgates.gates.ports import DatasetRef, ModelRef
from sixgates.gates.project import Project
from sixgates.gates.retrain import judge_training
from sixgates.gates.verdict import Gate, Verdict
from sixgates.ledger.ledger import Kind
from tasks.record import record, said
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of

_SHOWN = 5
"""Rows from which the registry tells what a request looks like."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What gate 2 leaves: a registered version, or none where training was refused."""

    model: ModelRef | None
    verdict: Verdict


@task(**TRANSIENT, cache_policy=NO_CACHE)
def train_challenger(run: Run, dataset: DatasetRef) -> Trained:
    """Train, judge the training, and register the version when it passed."""
    world, project = world_of(run)
    engine = engine_of(world.settings.engine)
    known = said(world, run.model, run.id, Gate.RETRAIN)
    if known is None:
        verdict, digest = _train(world, project, run, dataset, engine)
    else:
        verdict, digest = Verdict.from_dict(known.body), str(known.body["inputs"].get("model"))
    if not verdict.passed:
        return Trained(None, verdict)
    text, card = world.models.get(run.model, digest)
    sample = first_rows(dataset, _SHOWN).select(pl.col(list(project.roles.features)))
    given = {"tracking": run.tracking, "digest": digest}
    with intended(world, Effect.REGISTER_VERSION, run.model, release=run.id, given=given):
        return Trained(world.registry.register(run.tracking, text, card, sample), verdict)


def _train(
    world: World, project: Project, run: Run, dataset: DatasetRef, engine: Engine
) -> tuple[Verdict, str]:
    """Train and judge; the model is stored before its verdict, which names it."""
    trained = engine.train(project, dataset, _drift_began(world, run))
    verdict = judge_training(trained.evidence, project.policies.training)
    policy = project.policies.training.model_dump(mode="json")
    params = trained.params | {f"policy.{name}": value for name, value in policy.items()}
    metrics, digest = trained.evidence.figures(), trained.card.digest
    given = {"tracking": run.tracking}
    with intended(world, Effect.LOG_TRAINING, run.model, release=run.id, given=given):
        world.registry.log_training(run.tracking, params=params, metrics=metrics, dataset=dataset)
    if verdict.passed:
        given = {"digest": digest}
        with intended(world, Effect.STORE_MODEL, run.model, release=run.id, given=given):
            world.models.put(trained.text, trained.card)
    record(
        world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking,
        inputs={"evidence": trained.evidence.to_dict(),
                "model": digest if verdict.passed else None, "engine": engine.name},
    )  # fmt: skip
    return verdict, digest


def _drift_began(world: World, run: Run) -> datetime | None:
    """Return when the drift began whose alert asked for a run; None where that is not on record."""
    alerts = world.ledger.entries(run.model, kind=Kind.ALERT)
    since = next((alert.body.get("since") for alert in alerts if alert.seq == run.alert), None)
    return None if since is None else datetime.fromisoformat(since)
