"""Gate 3: hold the challenger against absolute limits on rows that training never saw."""

from dataclasses import asdict

import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.dataset_store import read_dataset
from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.lightgbm_trainer import measure_footprint, predict
from sixgates.adapters.reference import reference_of
from sixgates.adapters.watched import Watched
from sixgates.gates.card import ModelCard
from sixgates.gates.encoding import label_array
from sixgates.gates.evaluate import HoldoutEvidence, judge_holdout, measure_holdout
from sixgates.gates.footprint import Footprint
from sixgates.gates.losses import base_rate_prediction
from sixgates.gates.ports import DatasetRef, ModelRef
from sixgates.gates.project import Project
from sixgates.gates.timesplit import TimeSplit, time_split
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
    rows = read_dataset(dataset)
    split = time_split(rows, project, dataset.as_of)
    text, card = world.models.get(run.model, model.digest)
    footprint = measure_footprint(text, card, split.holdout)
    evidence = holdout_evidence(project, split, text, card, footprint)
    verdict = judge_holdout(evidence, project.policies.evaluation, project.loss)
    reference = reference_of(Watched(project, text, card), rows, split)
    given = {"digest": model.digest}
    with intended(world, Effect.STORE_REFERENCE, run.model, release=run.id, given=given):
        stored = world.references.put(run.model, model.digest, reference)
        world.registry.log_reference(run.tracking, stored)
    inputs = {
        "as_of": dataset.as_of.isoformat(),
        "accepted": dataset.digest,
        "model": model.digest,
        "footprint": asdict(footprint),
    }
    record(
        world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking,
        inputs=inputs,
    )  # fmt: skip
    return verdict


def holdout_evidence(
    project: Project, split: TimeSplit, text: str, card: ModelCard, footprint: Footprint
) -> HoldoutEvidence:
    """Ask a stored model for the holdout, and measure its answers."""
    base = base_rate_prediction(project, label_array(project, split.train), card.classes)
    return measure_holdout(
        project,
        split.holdout,
        predict(text, card, split.holdout),
        base,
        card.classes,
        history=pl.concat([split.train, split.validation, split.holdout]),
        footprint=footprint,
    )
