"""Gate 4: compare the challenger with the model that really serves, on the same rows."""

import numpy as np
import polars as pl
from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.dataset_store import read_dataset
from sixgates.adapters.lightgbm_trainer import predict
from sixgates.adapters.projection import follow_route
from sixgates.adapters.wiring import World
from sixgates.gates.compare import (
    PairedEvidence,
    forgotten_classes,
    judge_comparison,
    paired_evidence,
    refuse_again,
)
from sixgates.gates.differences import differences
from sixgates.gates.encoding import label_array
from sixgates.gates.errors import ContractError
from sixgates.gates.losses import row_losses
from sixgates.gates.ports import DatasetRef, ModelRef
from sixgates.gates.project import Project
from sixgates.gates.timesplit import time_split
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
    holdout = time_split(read_dataset(dataset), project, dataset.as_of).holdout
    champion = champion_digest(world, run.model)
    before = None if run.override else _refused_before(world, run, model.digest)
    evidence = None
    if before is not None:
        verdict = refuse_again(before)
    else:
        evidence = _paired(world, project, holdout, champion=champion, challenger=model.digest)
        verdict = _judged(evidence, project, champion)
    inputs = {
        "as_of": dataset.as_of.isoformat(),
        "accepted": dataset.digest,
        "model": model.digest,
        "champion": champion,
        "refused_before": before,
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
    evidence = _paired(world, project, holdout, champion=champion, challenger=challenger)
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


def _paired(
    world: World,
    project: Project,
    holdout: pl.DataFrame,
    *,
    champion: str | None,
    challenger: str,
) -> PairedEvidence | None:
    """Let two stored models answer the same rows; None where there is no champion."""
    if champion is None:
        return None
    known, learned = (world.models.get(project.name, m)[1] for m in (champion, challenger))
    return paired_evidence(
        project,
        holdout,
        champion=_losses(world, project, champion, holdout),
        challenger=_losses(world, project, challenger, holdout),
        forgotten=forgotten_classes(known.classes, learned.classes),
    )


def _judged(evidence: PairedEvidence | None, project: Project, champion: str | None) -> Verdict:
    return judge_comparison(evidence, project.policies.comparison, cold_start=champion is None)


def _refused_before(world: World, run: Run, digest: str) -> str | None:
    entries, routes = world.ledger.entries(run.model), world.ledger.routes(run.model)
    return refused_before(entries, routes, digest, run=run.id)


def _losses(world: World, project: Project, digest: str, holdout: pl.DataFrame) -> np.ndarray:
    text, card = world.models.get(project.name, digest)
    labels = label_array(project, holdout)
    return row_losses(project, labels, predict(text, card, holdout), card.classes)
