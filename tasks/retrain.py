"""Gate 2: train a challenger on the accepted rows and register it."""

from dataclasses import asdict, dataclass

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.dataset_store import read_dataset
from sixgates.adapters.lightgbm_trainer import train
from sixgates.gates.ports import DatasetRef, ModelRef
from sixgates.gates.retrain import judge_training
from sixgates.gates.timesplit import time_split
from sixgates.gates.verdict import Verdict
from tasks.record import record
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of


@dataclass(frozen=True, slots=True)
class Trained:
    """What gate 2 leaves: a registered version, or none where training was refused."""

    model: ModelRef | None
    verdict: Verdict


@task(**TRANSIENT, cache_policy=NO_CACHE)
def train_challenger(run: Run, dataset: DatasetRef) -> Trained:
    """Train, judge the training, and register the version when it passed."""
    world, project = world_of(run)
    split = time_split(read_dataset(dataset), project, dataset.as_of)
    trained = train(project, split)
    verdict = judge_training(trained.evidence, project.policies.training)
    policy = project.policies.training.model_dump(mode="json")
    params = trained.params | {f"policy.{name}": value for name, value in policy.items()}
    metrics = {k: float(v) for k, v in asdict(trained.evidence).items() if not isinstance(v, str)}
    world.registry.log_training(run.tracking, params=params, metrics=metrics, dataset=dataset)
    record(world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking)
    if not verdict.passed:
        return Trained(None, verdict)
    world.models.put(trained.text, trained.card)
    sample = split.validation.head(5).select(pl.col(list(project.roles.features)))
    return Trained(
        world.registry.register(run.tracking, trained.text, trained.card, sample), verdict
    )
