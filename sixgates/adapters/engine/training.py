"""Gate 2 on Dask: the challenger is learnt where its rows are; only its text comes here.

A worker cannot stop by itself, for the others would wait for it. So all rounds are trained, each
worker notes the loss of its own validation rows after each, and the means over all of them say
which round early stopping would have kept.
"""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import lightgbm as lgb
import numpy as np
import polars as pl

from sixgates.adapters.engine.ranks import Ordered, at_places, count_of, float_of, order_of_floats
from sixgates.adapters.engine.share import Lesson, Share
from sixgates.adapters.engine.stored_rows import Part, StoredRows
from sixgates.adapters.engine.together import OutOfTimeError, learn_together
from sixgates.adapters.lightgbm_trainer import (
    Trained,
    blank_card,
    lightgbm_params,
    predict,
    predict_matrix,
)
from sixgates.adapters.model_store import text_digest
from sixgates.adapters.probes import sample_probes
from sixgates.gates.card import ModelCard, Task
from sixgates.gates.encoding import category_levels, label_array
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.losses import constant_losses, row_losses
from sixgates.gates.project import LossName, Project
from sixgates.gates.retrain import TrainingEvidence
from sixgates.gates.stopping import best_round
from sixgates.gates.timesplit import Borders

if TYPE_CHECKING:
    from distributed import Future

_PROBED = 200
"""Validation rows among which probes are chosen."""
_MEANS = {
    "binary_logloss", "binary_error", "multi_logloss", "multi_error", "l1", "l2", "mape", "huber",
    "fair", "quantile", "poisson", "cross_entropy", "kullback_leibler",
}  # fmt: skip
"""Metrics that are means over rows, so that those of parts of the rows make that of all."""

Floats = np.ndarray
Levels = dict[str, frozenset[str]]


class _Seen(NamedTuple):
    """What training rows hold: levels by column, and labels, of numbers the least and largest."""

    levels: Levels
    labels: frozenset[str | float]


def train_on(rows: StoredRows) -> Trained:
    """Train on the training part of stored rows, and measure on the validation part.

    As `lightgbm_trainer.train`, with the same parameters and codes. The text is not the one that
    one process would find: sums are made in another order, and the bins of a feature come from the
    rows of one worker. The same rows on as many workers give the same text.

    Raises:
        ConfigurationError: LightGBM refused the project's `trainer` parameters, or a policy asks
            for what is not done on Dask.
        ContractError: the rows do not fit the project's roles.
        TransientError: workers died again and again.
    """
    started, project = time.monotonic(), rows.project
    policy = project.policies.training
    if set(policy.newest_shares) != {1.0}:
        raise ConfigurationError(
            f"policies.training.newest_shares of {project.name} tries {policy.newest_shares}, which"
            " is not done on Dask: set (1.0,), or SIXGATES_ENGINE=local"
        )
    borders = rows.borders
    seen = rows.merged(_both, rows.on_parts(_seen, borders, parts=rows.where("train")))
    classes = tuple(sorted(map(str, seen.labels))) if project.task is Task.MULTICLASS else ()
    levels = {name: tuple(sorted(found)) for name, found in seen.levels.items()}
    card, params = blank_card(project, levels, classes), lightgbm_params(project, classes, 1)
    n = sum(size.validation for size in rows.sizes)
    evidence = TrainingEvidence(
        loss=float("nan"), base_loss=float("nan"), n=n, seconds=0.0, memory_mb=0.0, best_round=0,
        rows=sum(size.train for size in rows.sizes),
    )  # fmt: skip
    sample = pl.concat(rows.gather(rows.on_parts(_some, borders, parts=_first(rows))))
    text, shares = "", list[Share]()
    if len(seen.labels) > 1:
        lesson = Lesson(project, card, params, policy.rounds, borders)
        try:
            shares = _shares(rows, lesson, policy.max_seconds - (time.monotonic() - started))
        except OutOfTimeError:
            evidence = replace(evidence, stopped="time")
    if shares:
        best = _best(project, shares, policy.early_stopping)
        text = lgb.Booster(model_str=shares[0].text).model_to_string(num_iteration=max(1, best))
        card = replace(card, digest=text_digest(text))
        card = replace(card, probes=sample_probes(text, card, sample, predict_matrix))
        loss, base = _mean_losses(rows, text, card)
        evidence = replace(
            evidence, loss=loss, base_loss=base, best_round=best,
            memory_mb=max(share.memory_mb for share in shares),
        )  # fmt: skip
    evidence = replace(evidence, seconds=time.monotonic() - started)
    return Trained(text, card, evidence, params)


def base_rate_on(rows: StoredRows, classes: tuple[str, ...]) -> Floats:
    """Return what `base_rate_prediction` says of the training labels, of shape (1, outputs)."""
    project = rows.project
    labels = rows.on_parts(_labels, rows.borders, classes, parts=rows.where("train"))
    if project.task is not Task.MULTICLASS and project.loss is LossName.ABSOLUTE_ERROR:
        return np.array([[_median(rows, labels)]])
    n, total = rows.merged(_added, rows.cluster.each(_total, labels))
    return np.atleast_2d(total / n)


def _shares(rows: StoredRows, lesson: Lesson, seconds: float) -> list[Share]:
    train, validation = (
        [
            (part, getattr(size, kind))
            for part, size in zip(rows.parts, rows.sizes, strict=True)
            if getattr(size, kind)
        ]
        for kind in ("train", "validation")
    )
    return learn_together(rows.cluster, lesson, train, validation, seconds)


def _best(project: Project, shares: list[Share], patience: int) -> int:
    """Return the round that early stopping would have kept, by the means over all workers."""
    told = [share for share in shares if share.validation_rows]
    if not told:
        raise ConfigurationError(
            f"no validation row of {project.name} is of a class that its training rows hold: give a"
            " longer policies.training.window"
        )
    metric = told[0].metric
    # A root of a mean: the squares are what adds up.
    power = 2 if metric == "rmse" else 1
    if metric not in _MEANS and power == 1:
        raise ConfigurationError(
            f"`trainer` of {project.name} stops by {metric or 'no metric'}, which is no mean over"
            f" rows: on Dask choose one of {', '.join(sorted(_MEANS))} or rmse"
        )
    curves = np.array([share.curve for share in told]) ** power
    weights = np.array([share.validation_rows for share in told], dtype=np.float64)
    curve = (weights @ curves / weights.sum()) ** (1 / power)
    return best_round(curve.tolist(), patience, higher_is_better=told[0].higher_is_better)


def _mean_losses(rows: StoredRows, text: str, card: ModelCard) -> tuple[float, float]:
    """Return the mean loss of a model on the validation rows, and that of the base rate."""
    base, parts = base_rate_on(rows, card.classes), rows.where("validation")
    found = rows.on_parts(_losses, rows.borders, (text, card), base, parts=parts)
    n, totals = rows.merged(_added, found)
    return float(totals[0] / n), float(totals[1] / n)


def _median(rows: StoredRows, labels: "list[Future]") -> float:
    parts = rows.cluster.each(_ordered, labels)
    n = count_of(rows.cluster, parts)
    middle = at_places(rows.cluster, parts, sorted({(n - 1) // 2, n // 2}))
    return float(np.mean([float_of(value) for value in middle]))


def _first(rows: StoredRows) -> list[Part]:
    return rows.where("validation")[:1]


def _some(part: Part, project: Project, borders: Borders) -> pl.DataFrame:
    held = borders.split(part.read(), project).validation
    return held.gather_every(max(1, held.height // _PROBED)).head(_PROBED)


def _seen(part: Part, project: Project, borders: Borders) -> _Seen:
    train = borders.split(part.read(), project).train
    found = category_levels(train, project.roles.categorical)
    levels = {name: frozenset(known) for name, known in found.items()}
    labels = label_array(project, train)
    if project.task is Task.MULTICLASS:
        return _Seen(levels, frozenset(map(str, labels)))
    return _Seen(levels, frozenset([float(labels.min()), float(labels.max())]))


def _both(a: _Seen, b: _Seen) -> _Seen:
    levels = {name: a.levels[name] | b.levels[name] for name in a.levels}
    labels = a.labels | b.labels
    numbers = [label for label in labels if isinstance(label, float)]
    if numbers:
        labels = frozenset([min(numbers), max(numbers)])
    return _Seen(levels, labels)


def _labels(part: Part, project: Project, borders: Borders, classes: tuple[str, ...]) -> Floats:
    """Return training labels, or for several classes a column of 0 and 1 each."""
    labels = label_array(project, borders.split(part.read(), project).train)
    if project.task is Task.MULTICLASS:
        return np.asarray(labels[:, None] == np.array(classes)[None, :], dtype=np.float64)
    return labels


def _total(labels: Floats) -> tuple[int, Floats]:
    return len(labels), np.atleast_1d(labels.sum(axis=0))


def _ordered(labels: Floats) -> Ordered:
    return order_of_floats(labels)


def _losses(
    part: Part, project: Project, borders: Borders, model: tuple[str, ModelCard], base: Floats
) -> tuple[int, Floats]:
    text, card = model
    held = borders.split(part.read(), project).validation
    labels = label_array(project, held)
    losses = row_losses(project, labels, predict(text, card, held), card.classes)
    plain = constant_losses(project, base, labels, card.classes)
    return len(labels), np.array([losses.sum(), plain.sum()])


def _added(a: tuple[int, Floats], b: tuple[int, Floats]) -> tuple[int, Floats]:
    return a[0] + b[0], a[1] + b[1]
