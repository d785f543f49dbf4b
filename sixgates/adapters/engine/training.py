"""Gate 2 on Dask: the challenger is learnt where its rows are; only its text comes here.

A worker cannot stop by itself, for the others would wait for it. So all rounds are trained, each
worker notes the loss of its own validation rows after each, and the means over all of them say
which round early stopping would have kept.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

import lightgbm as lgb
import numpy as np
import polars as pl

from sixgates.adapters.engine.base_rate import base_loss_on, base_rate_on
from sixgates.adapters.engine.moments import CLUSTER, moments_on
from sixgates.adapters.engine.ranks import Ordered
from sixgates.adapters.engine.share import Lesson, Share
from sixgates.adapters.engine.stored_rows import (
    Part,
    Sizes,
    StoredRows,
    age_of,
    dated,
    delays_in_order,
)
from sixgates.adapters.engine.together import OutOfTimeError, learn_together
from sixgates.adapters.holdout_answers import Model
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
from sixgates.gates.losses import row_losses
from sixgates.gates.project import Project
from sixgates.gates.retrain import SinceDrift, TrainingEvidence
from sixgates.gates.statistics.clusters import ClusterBound, holdout_clusters
from sixgates.gates.statistics.moments import ClusterMoments
from sixgates.gates.stopping import best_round
from sixgates.gates.timesplit import Borders
from sixgates.gates.training_window import (
    DriftWindow,
    drift_window_of,
    first_as_good,
    worth_by_means,
)

_PROBED = 200
"""Validation rows among which probes are chosen."""
_MEANS = {
    "binary_logloss", "binary_error", "multi_logloss", "multi_error", "l1", "l2", "mape", "huber",
    "fair", "quantile", "poisson", "cross_entropy", "kullback_leibler",
}  # fmt: skip
"""Metrics that are means over rows, so that those of parts of the rows make that of all."""

_ALPHA = 0.05
"""Of a bound that is not used: the error is."""

Levels = dict[str, frozenset[str]]


class _Seen(NamedTuple):
    """What training rows hold: levels by column, and labels, of numbers the least and largest."""

    levels: Levels
    labels: frozenset[str | float]


class _Part(NamedTuple):
    """One newest part of the training rows."""

    borders: Borders
    sizes: list[Sizes]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(size.train for size in self.sizes)

    def where(self, rows: StoredRows) -> list[Part]:
        """Return the parts of the file with rows of it."""
        return [part for part, size in zip(rows.parts, self.sizes, strict=True) if size.train]


class _Fit(NamedTuple):
    """One training on one part of the rows."""

    text: str
    """Empty where there was nothing to learn, or no time."""
    card: ModelCard
    best_round: int
    memory_mb: float
    stopped: str


def train_on(rows: StoredRows, since: datetime | None = None) -> Trained:
    """Train on the training part of stored rows, and measure on the validation part.

    As `lightgbm_trainer.train`, with the same parameters and codes. The text is not the one that
    one process would find: sums are made in another order, and the bins of a feature come from the
    rows of one worker. The same rows on as many workers give the same text.

    Args:
        rows: With known labels; their holdout is not looked at.
        since: When the drift began that an alert asked for this training for, naive UTC.

    Raises:
        ConfigurationError: LightGBM refused the project's `trainer` parameters.
        ContractError: the rows do not fit the project's roles.
        TransientError: workers died again and again.
    """
    started, project = time.monotonic(), rows.project
    policy = project.policies.training
    parts = [_part(rows, share) for share in sorted(set(policy.newest_shares), reverse=True)]
    drift, of_drift = _since(rows, since, [part.rows for part in parts])
    if of_drift is not None:
        parts = sorted([*parts, of_drift], key=lambda part: part.rows, reverse=True)
    until = started + policy.max_seconds
    fits = [_fit(rows, part, until) for part in parts]
    losses = _losses(rows, fits)
    place = losses.choice(range(len(parts)))
    fit, part, loss = fits[place], parts[place], losses.means[place]
    base = math.nan
    if fit.text:
        rate = base_rate_on(rows, part.borders, part.where(rows), fit.card.classes)
        base = base_loss_on(rows, rate, fit.card.classes)
    evidence = TrainingEvidence(
        loss=loss,
        base_loss=base,
        n=sum(size.validation for size in rows.sizes),
        seconds=time.monotonic() - started,
        memory_mb=max(other.memory_mb for other in fits),
        best_round=fit.best_round,
        rows=part.rows,
        stopped=next((other.stopped for other in fits if other.stopped), ""),
        drift=None if drift is None else _worth(drift, parts, losses, place),
    )
    return Trained(fit.text, fit.card, evidence, lightgbm_params(project, fit.card.classes, 1))


def _part(rows: StoredRows, share: float) -> _Part:
    if share == 1:
        return _Part(rows.borders, rows.sizes)
    borders = rows.newest(share)
    return _Part(borders, rows.sizes_by(borders))


def _since(
    rows: StoredRows, since: datetime | None, sizes: Sequence[int]
) -> tuple[DriftWindow | None, _Part | None]:
    """Return the window that a drift opens, and its rows where it is tried."""
    if since is None or not rows.project.policies.training.since_drift:
        return None, None
    borders = replace(rows.borders, train=since)
    part = _Part(borders, rows.sizes_by(borders))
    drift = drift_window_of(rows.project, part.rows, sizes, since)
    return drift, None if drift.left_out else part


def _worth(
    drift: DriftWindow, parts: Sequence[_Part], losses: "_Losses", chosen: int
) -> SinceDrift:
    others = [p for p, part in enumerate(parts) if drift.left_out or part.rows != drift.rows]
    other = chosen if chosen in others else losses.choice(others)
    means = {
        part.rows: mean if math.isfinite(mean) else None
        for part, mean in zip(parts, losses.means, strict=True)
    }
    return worth_by_means(drift, means, parts[chosen].rows, parts[other].rows)


def _fit(rows: StoredRows, part: _Part, until: float) -> _Fit:
    project, policy = rows.project, rows.project.policies.training
    seen = rows.merged(_both, rows.on_parts(_seen, part.borders, parts=part.where(rows)))
    multiclass = project.task is Task.MULTICLASS
    classes = tuple(sorted(map(str, seen.labels))) if multiclass else ()
    levels = {name: tuple(sorted(found)) for name, found in seen.levels.items()}
    card, params = blank_card(project, levels, classes), lightgbm_params(project, classes, 1)
    if len(seen.labels) < 2:  # noqa: PLR2004 - two labels
        return _Fit("", card, 0, 0.0, "")
    lesson = Lesson(project, card, params, policy.rounds, part.borders)
    train, validation = (
        [
            (place, getattr(size, kind))
            for place, size in zip(rows.parts, part.sizes, strict=True)
            if getattr(size, kind)
        ]
        for kind in ("train", "validation")
    )
    try:
        shares = learn_together(rows.cluster, lesson, train, validation, until - time.monotonic())
    except OutOfTimeError:
        return _Fit("", card, 0, 0.0, "time")
    best = _best(project, shares, policy.early_stopping)
    text = lgb.Booster(model_str=shares[0].text).model_to_string(num_iteration=max(1, best))
    card = replace(card, digest=text_digest(text), label_age=_label_age(rows))
    step = max(1, sum(size.validation for size in rows.sizes) // _PROBED)
    sample = rows.spread("validation", step)
    card = replace(card, probes=sample_probes(text, card, sample, predict_matrix))
    return _Fit(text, card, best, max(share.memory_mb for share in shares), "")


def _label_age(rows: StoredRows) -> float:
    """Return after how many seconds nearly all labels of what was learnt from were known."""
    if rows.project.roles.label_horizon is not None:
        return rows.age.total_seconds()
    return age_of(rows.cluster, rows.on_parts(_delays, rows.borders)).total_seconds()


class _Losses(NamedTuple):
    """What models lose on the validation rows."""

    means: list[float]
    """Of each; NaN where nothing was learnt."""
    columns: list[int]
    """Place of each among `moments`; -1 where nothing was learnt."""
    moments: ClusterMoments | None
    """None where none learnt anything."""

    def choice(self, places: Sequence[int]) -> int:
        """Return the place of the model to take among some, the one of the most rows first."""

        def bound(one: int, best: int) -> ClusterBound:
            if self.moments is None:
                raise ValueError("there are no losses")
            weights = [0.0] * (1 + max(self.columns))
            weights[self.columns[places[one]]] += 1.0
            weights[self.columns[places[best]]] -= 1.0
            return self.moments.bound(weights, _ALPHA)

        return places[first_as_good([self.means[place] for place in places], bound)]


def _losses(rows: StoredRows, fits: Sequence[_Fit]) -> _Losses:
    """Let the models answer the validation rows, where these are."""
    models = tuple((fit.text, fit.card) for fit in fits if fit.text)
    if not models:
        return _Losses([math.nan] * len(fits), [-1] * len(fits), None)
    names = [f"loss {i}" for i in range(len(models))]
    frames = rows.on_parts(_validation_losses, rows.borders, models, parts=rows.where("validation"))
    moments = moments_on(rows.cluster, frames, names)[""]
    made = accumulate(bool(fit.text) for fit in fits)
    columns = [n - 1 if fit.text else -1 for n, fit in zip(made, fits, strict=True)]
    means = [float(moments.means[column]) if column >= 0 else math.nan for column in columns]
    return _Losses(means, columns, moments)


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


def _seen(part: Part, project: Project, borders: Borders) -> _Seen:
    train = borders.split(dated(part, project, *project.roles.categorical), project).train
    found = category_levels(train, project.roles.categorical)
    levels = {name: frozenset(known) for name, known in found.items()}
    labels = label_array(project, train)
    if project.task is Task.MULTICLASS:
        return _Seen(levels, frozenset(map(str, labels)))
    return _Seen(levels, frozenset([float(labels.min()), float(labels.max())]))


def _delays(part: Part, project: Project, borders: Borders) -> Ordered:
    split = borders.split(dated(part, project), project)
    return delays_in_order(pl.concat([split.train, split.validation]), project, borders.now)


def _both(a: _Seen, b: _Seen) -> _Seen:
    levels = {name: a.levels[name] | b.levels[name] for name in a.levels}
    labels = a.labels | b.labels
    numbers = [label for label in labels if isinstance(label, float)]
    if numbers:
        labels = frozenset([min(numbers), max(numbers)])
    return _Seen(levels, labels)


def _validation_losses(
    part: Part, project: Project, borders: Borders, models: tuple[Model, ...]
) -> pl.DataFrame:
    held = borders.split(part.read(), project).validation
    labels, entity = label_array(project, held), project.roles.entity
    losses = {
        f"loss {i}": row_losses(project, labels, predict(text, card, held, threads=1), card.classes)
        for i, (text, card) in enumerate(models)
    }
    together = holdout_clusters(held, project) if entity is None else held[entity]
    return pl.DataFrame({**losses, CLUSTER: together})
