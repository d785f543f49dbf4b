"""Gate 1: read the data as of now, keep what may be trusted, quarantine the rest."""

from dataclasses import dataclass

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.dataset_store import write_dataset
from sixgates.adapters.parquet_lake import ParquetLake
from sixgates.gates.ports import DatasetRef
from sixgates.gates.timesplit import matured
from sixgates.gates.validate import judge_validation, split_rows
from sixgates.gates.verdict import Verdict
from tasks.record import record
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of


@dataclass(frozen=True, slots=True)
class Validated:
    """What gate 1 leaves: the stored rows, and its verdict on them."""

    dataset: DatasetRef
    verdict: Verdict


@task(**TRANSIENT, cache_policy=NO_CACHE)
def validate(run: Run) -> Validated:
    """Judge the rows of the training window, and above all those the champion has not seen."""
    world, project = world_of(run)
    lake = ParquetLake(project, run.data)
    rows = lake.as_of(run.at)
    window, time = project.policies.training.window, pl.col(project.roles.event_time)
    if window is not None:
        # A row without a time is no older than the window: gate 1 refuses it by name.
        rows = rows.filter((time > run.at - window) | time.is_null())
    split = split_rows(rows.collect(), project, run.at)
    seen_until = world.references.until(world.ledger.route(run.model))
    verdict = judge_validation(split, project, run.at, new_after=seen_until)
    dataset = write_dataset(
        world.settings.runs,
        run.id,
        accepted=split.accepted,
        quarantined=split.quarantined,
        source=lake.describe(),
        as_of=run.at,
        matured=matured(split.accepted, project, run.at).height,
    )
    record(world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking)
    return Validated(dataset, verdict)
