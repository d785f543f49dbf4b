"""Gates 3 and 4 on Dask: models answer the holdout where its rows are; losses are put together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from sixgates.adapters.engine.base_rate import base_rate_on
from sixgates.adapters.engine.moments import CLUSTER, moments_on
from sixgates.adapters.engine.stored_rows import Part, StoredRows
from sixgates.adapters.holdout_answers import Model
from sixgates.adapters.lightgbm_trainer import TIMED_ROWS, measure_footprint, predict
from sixgates.gates.calibration import calibrations
from sixgates.gates.card import ModelCard, Task
from sixgates.gates.compare import MIN_SEGMENT_ROWS, forgotten_classes
from sixgates.gates.encoding import label_array
from sixgates.gates.evaluate import segment_names
from sixgates.gates.losses import constant_losses, row_losses
from sixgates.gates.project import Project
from sixgates.gates.put_together import (
    CalibrationMoments,
    HoldoutMoments,
    PairedMoments,
    calibration_cells,
)
from sixgates.gates.statistics.clusters import holdout_clusters
from sixgates.gates.statistics.moments import ClusterMoments, Floats
from sixgates.gates.timesplit import Borders

if TYPE_CHECKING:
    from distributed import Future


def holdout_on(rows: StoredRows, model: Model) -> HoldoutMoments:
    """Measure one model on the holdout, for `judge_holdout`.

    As `evaluate.measure_holdout`, but for two things: what the last known label loses is not told
    (it is reported only), and the calibration error is put together from 4,096 cells.
    """
    text, card = model
    base = base_rate_on(rows, rows.borders, rows.where("train"), card.classes)
    parts = rows.where("holdout")
    frames = rows.on_parts(_answered, rows.borders, model, base, parts=parts)
    outcomes = _outcomes(card)
    n, loss, base_loss = rows.merged(_add, rows.cluster.each(_broken, frames, ["loss", "base"]))
    some = rows.spread("holdout", max(1, int(n) // TIMED_ROWS))
    footprint = measure_footprint(text, card, some.head(TIMED_ROWS))
    entity, broken = rows.project.roles.entity is not None, (int(loss), int(base_loss))
    if any(broken):
        return HoldoutMoments(int(n), broken, entity, None, footprint=footprint)
    policy, said = rows.project.policies.evaluation, _columns(outcomes)
    whole = moments_on(rows.cluster, frames, ["loss", "base", *said])[""]
    cells = rows.merged(np.add, rows.cluster.each(_cells, frames, outcomes)) if outcomes else []
    return HoldoutMoments(
        n=int(n),
        broken=broken,
        by_entity=entity,
        whole=whole.only([0, 1]),
        segments=_segments(rows, frames, ["loss", "base"], policy.min_segment_rows),
        calibration=tuple(
            CalibrationMoments(name, whole.only([2 + 2 * i, 3 + 2 * i]), cells[i])
            for i, name in enumerate(outcomes)
        ),
        footprint=footprint,
    )


def paired_on(rows: StoredRows, champion: Model, challenger: Model) -> PairedMoments:
    """Let two models answer the same holdout, for `judge_comparison`."""
    models = (champion, challenger)
    frames = rows.on_parts(_paired, rows.borders, models, parts=rows.where("holdout"))
    n, broken = rows.merged(_add, rows.cluster.each(_broken, frames, ["difference"]))
    forgotten = forgotten_classes(champion[1].classes, challenger[1].classes)
    if broken:
        nan = float("nan")
        return PairedMoments(int(n), int(broken), nan, nan, None, forgotten=forgotten)
    figures = ["difference", "champion"]
    whole = moments_on(rows.cluster, frames, figures)[""]
    difference, known = map(float, whole.means)
    return PairedMoments(
        n=int(n),
        broken=0,
        champion_loss=known,
        challenger_loss=known + difference,
        whole=whole,
        segments=_segments(rows, frames, figures, MIN_SEGMENT_ROWS),
        forgotten=forgotten,
    )


def _segments(
    rows: StoredRows, frames: "Sequence[Future]", figures: list[str], fewest: int
) -> dict[str, ClusterMoments]:
    found: dict[str, ClusterMoments] = {}
    for column in rows.project.roles.segments:
        found |= moments_on(rows.cluster, frames, figures, _named(column), fewest)
    return found


def _answered(
    part: Part, project: Project, borders: Borders, model: Model, base: Floats
) -> pl.DataFrame:
    """Return a row each of the holdout: losses, probabilities, segments and what goes together."""
    text, card = model
    df = borders.split(part.read(), project).holdout
    labels, said = label_array(project, df), predict(text, card, df, threads=1)
    figures = {
        "loss": row_losses(project, labels, said, card.classes),
        "base": constant_losses(project, base, labels, card.classes),
    }
    for one in calibrations(project, labels, said, card.classes):
        figures |= dict(zip(_columns([one.name]), (one.predicted, one.happened), strict=True))
    together = {} if project.roles.entity is None else {CLUSTER: df[project.roles.entity]}
    return pl.DataFrame({**figures, **_segment_columns(df, project), **together})


def _paired(
    part: Part, project: Project, borders: Borders, models: tuple[Model, Model]
) -> pl.DataFrame:
    df = borders.split(part.read(), project).holdout
    labels, entity = label_array(project, df), project.roles.entity
    champion, challenger = (
        row_losses(project, labels, predict(text, card, df, threads=1), card.classes)
        for text, card in models
    )
    together = holdout_clusters(df, project) if entity is None else df[entity]
    return pl.DataFrame(
        {
            "difference": challenger - champion,
            "champion": champion,
            **_segment_columns(df, project),
            CLUSTER: together,
        }
    )


def _segment_columns(df: pl.DataFrame, project: Project) -> dict[str, pl.Series]:
    return {_named(column): segment_names(df, column) for column in project.roles.segments}


def _named(column: str) -> str:
    return f"segment {column}"


def _columns(outcomes: Sequence[str]) -> list[str]:
    return [f"{what} {name}" for name in outcomes for what in ("said", "came")]


def _outcomes(card: ModelCard) -> list[str]:
    """Return the names of what `calibrations` speaks of."""
    if card.task is Task.REGRESSION:
        return []
    return [""] if card.task is Task.BINARY else list(card.classes)


def _broken(frame: pl.DataFrame, figures: list[str]) -> Floats:
    """Return how many rows there are, and on how many each figure is not a number."""
    finite = frame.select(pl.col(figures).is_finite().not_().sum()).row(0)
    return np.array([frame.height, *finite])


def _cells(frame: pl.DataFrame, outcomes: list[str]) -> Floats:
    return np.stack(
        [
            calibration_cells(frame[said].to_numpy(), frame[came].to_numpy())
            for name in outcomes
            for said, came in [_columns([name])]
        ]
    )


def _add(a: Floats, b: Floats) -> Floats:
    return np.asarray(a + b)
