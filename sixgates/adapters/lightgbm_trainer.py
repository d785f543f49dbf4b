"""Training one challenger, and asking a stored model: the only file that runs LightGBM.

The same rows, project and thread count give the same text, byte for byte.
"""

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from sixgates.adapters.model_store import require_digest, text_digest
from sixgates.adapters.probes import sample_probes
from sixgates.gates.card import Feature, ModelCard, RowError, Task
from sixgates.gates.encoding import category_levels, encode_frame, label_array
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.gates.footprint import Footprint
from sixgates.gates.losses import base_rate_prediction, constant_losses, row_losses
from sixgates.gates.policy import TrainingPolicy
from sixgates.gates.project import LossName, Project
from sixgates.gates.retrain import TrainingEvidence
from sixgates.gates.statistics.clusters import holdout_clusters
from sixgates.gates.timesplit import TimeSplit, label_age
from sixgates.gates.training_window import choose_window, drift_window, share_sizes, worth_of

_MEGABYTE = 2**20
TIMED_ROWS = 300
"""On which a model is timed, one by one."""
_TRIED_ROWS = 100
"""Made up, on which parameters are tried."""
_ROWS_WORTH_THREADS = 20_000
"""Below this a second thread gains nothing, and on busy cores it costs seconds in waiting."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A challenger before it is registered."""

    text: str
    """LightGBM's native text up to the best round; empty where there was nothing to learn."""
    card: ModelCard
    evidence: TrainingEvidence
    params: dict[str, Any]
    """LightGBM parameters that were used."""


def train(
    project: Project, split: TimeSplit, *, since: datetime | None = None, threads: int = 2
) -> Trained:
    """Train on `split.train`, stop early and measure on `split.validation`.

    Where the policy tries several windows, newest shares or the rows since a drift, the choice is
    that of `largest_as_good`.
    Rows without anything to learn (none, or one single label) give evidence that no gate passes.

    Args:
        project: Says task, roles, loss, policy and LightGBM parameters.
        split: Rows with known labels; its holdout is not looked at.
        since: When the drift began that an alert asked for this training for, naive UTC.
        threads: Threads for large data; fewer than 20,000 rows are trained on one.

    Raises:
        ConfigurationError: LightGBM refused the project's `trainer` parameters.
        ContractError: the rows do not fit the project's roles.
    """
    limits = _Limits(project.policies.training, time.monotonic())
    sizes = share_sizes(split.train.height, project.policies.training.newest_shares)
    drift = drift_window(project, split.train, since)
    tried = [*sizes, drift.rows] if drift is not None and not drift.left_out else sizes
    fits = {
        rows: _fit(project, replace(split, train=split.train.tail(rows)), threads, limits)
        for rows in sorted(tried, reverse=True)
    }
    losses = {rows: fit.losses for rows, fit in fits.items()}
    clusters = holdout_clusters(split.validation, project)
    chosen = choose_window(losses, clusters)
    fit, train_rows = fits[chosen], split.train.tail(chosen)
    classes, judged = fit.card.classes, label_array(project, split.validation)
    base = base_rate_prediction(project, label_array(project, train_rows), classes)
    evidence = TrainingEvidence(
        loss=_mean(fit.losses),
        base_loss=_mean(constant_losses(project, base, judged, classes)),
        n=len(judged),
        seconds=limits.seconds(),
        memory_mb=limits.largest_mb(),
        best_round=fit.best_round,
        rows=train_rows.height,
        stopped=limits.stopped,
        drift=None if drift is None else worth_of(drift, losses, clusters, chosen),
    )
    return Trained(
        fit.text, replace(fit.card, label_age=_label_age(project, split)), evidence, fit.params
    )


def require_trainer(project: Project) -> None:
    """Let LightGBM learn a round from made-up rows, to hear what it has against `trainer`.

    Raises:
        ConfigurationError: it does not know a parameter, or refuses one.
    """
    classes = ("0", "1", "2") if project.task is Task.MULTICLASS else ()
    params = lightgbm_params(project, classes, 1)
    card = blank_card(project, dict.fromkeys(project.roles.categorical, ("0", "1")), classes)
    n = np.arange(_TRIED_ROWS)
    matrix = np.tile(n[:, None] % 2.0, len(card.features))
    # Numbers that every objective takes: positive, and at most 1.
    labels = 1 / (1 + n % 2) if project.task is Task.REGRESSION else n % max(2, len(classes))
    learnt = dataset_of(card, matrix, labels, params, None)
    judged = dataset_of(card, matrix, labels, params, learnt)
    _learn(project, params, learnt, judged, rounds=1)


def predict(text: str, card: ModelCard, df: pl.DataFrame, *, threads: int = 2) -> np.ndarray:
    """Answer rows with a stored model, float64 of shape (rows, outputs).

    Args:
        text: LightGBM's native text.
        card: Of that text.
        df: Rows, with the columns of the features.
        threads: Threads for large data; fewer than 20,000 rows are answered by one.

    Raises:
        ContractError: the text does not match the card's digest, or a row cannot be read.
    """
    require_digest(text, card.digest)  # LightGBM ends the process on a text that was cut short
    return predict_matrix(text, card, _encode(card, df), threads=threads)


def predict_matrix(
    text: str, card: ModelCard, matrix: np.ndarray, *, threads: int = 2
) -> np.ndarray:
    """Answer an encoded matrix, float64 of shape (rows, outputs); the text must be proved."""
    outputs = len(card.classes) if card.task is Task.MULTICLASS else 1
    if not len(matrix):
        return np.empty((0, outputs))
    answers = _booster(text).predict(matrix, num_threads=threads if _is_large(matrix) else 1)
    return np.asarray(answers, dtype=np.float64).reshape(len(matrix), outputs)


def measure_footprint(text: str, card: ModelCard, df: pl.DataFrame) -> Footprint:
    """Time the stored model on single rows of `df`, spread over it, and weigh its text.

    The time is that of LightGBM on a row that is encoded already; the median, so that a busy
    machine is not held against the model.

    Raises:
        ContractError: the text does not match the card's digest, or a row cannot be read.
    """
    require_digest(text, card.digest)
    size = len(text.encode()) / _MEGABYTE
    if df.is_empty():
        return Footprint(float("nan"), size, 0)
    matrix = np.ascontiguousarray(_encode(card, df.gather_every(max(1, len(df) // TIMED_ROWS))))
    booster, seconds = _booster(text), []
    for row in matrix[:TIMED_ROWS]:
        started = time.perf_counter()
        booster.predict(row[None, :], num_threads=1)
        seconds.append(time.perf_counter() - started)
    return Footprint(float(np.median(seconds)) * 1000, size, len(seconds))


@lru_cache(maxsize=2)
def _booster(text: str) -> lgb.Booster:
    """Read a model; the last two are kept, for to read one takes as long as some 1,000 answers."""
    return lgb.Booster(model_str=text)


class _Limits:
    """Stops the training that takes too long or too much, after the round that shows it."""

    order = 25  # before early stopping
    before_iteration = False

    def __init__(self, policy: TrainingPolicy, started: float) -> None:
        self._policy = policy
        self._started = started
        self._largest = 0.0
        self.stopped = ""

    def seconds(self) -> float:
        """Return how long all has taken so far."""
        return time.monotonic() - self._started

    def largest_mb(self) -> float:
        """Largest resident memory seen so far, in megabytes."""
        self._largest = max(self._largest, resident_mb())
        return self._largest

    def __call__(self, env: lgb.callback.CallbackEnv) -> None:
        if self.largest_mb() > self._policy.max_memory_mb:
            self.stopped = "memory"
        elif self.seconds() > self._policy.max_seconds:
            self.stopped = "time"
        if self.stopped:
            raise lgb.EarlyStopException(env.iteration, env.evaluation_result_list or [])


@dataclass(frozen=True, slots=True)
class _Fit:
    """One training on one part of the rows."""

    text: str
    card: ModelCard
    params: dict[str, Any]
    best_round: int
    losses: np.ndarray
    """On the validation rows; a single NaN where there was nothing to learn."""


def _fit(project: Project, split: TimeSplit, threads: int, limits: _Limits) -> _Fit:
    labels, judged = (label_array(project, part) for part in (split.train, split.validation))
    classes = tuple(sorted({str(c) for c in labels})) if project.task is Task.MULTICLASS else ()
    levels = category_levels(split.train, project.roles.categorical)
    card = blank_card(project, levels, classes)
    params = lightgbm_params(project, classes, threads if _is_large(split.train) else 1)
    # LightGBM answers one single label with a constant that only rounding tells from the base rate.
    if len(np.unique(labels)) < 2 or not len(judged):  # noqa: PLR2004 - two labels
        return _Fit("", card, params, 0, np.array([np.nan]))
    text, best_round = _boost(project, card, split, params, limits)
    card = replace(card, digest=text_digest(text))
    card = replace(card, probes=sample_probes(text, card, split.validation, predict_matrix))
    losses = row_losses(project, judged, predict(text, card, split.validation), classes)
    return _Fit(text, card, params, best_round, losses)


def _label_age(project: Project, split: TimeSplit) -> float:
    learnt = pl.concat([split.train, split.validation])
    return label_age(learnt, project, datetime.max).total_seconds()  # noqa: DTZ901 - all matured


def _boost(
    project: Project, card: ModelCard, split: TimeSplit, params: dict[str, Any], limits: _Limits
) -> tuple[str, int]:
    train_set = _dataset(project, card, split.train, params, None)
    validation = _dataset(project, card, split.validation, params, train_set)
    rounds = project.policies.training.rounds
    booster = _learn(project, params, train_set, validation, limits, rounds=rounds)
    best = booster.best_iteration
    return booster.model_to_string(num_iteration=best), int(best)


def _learn(
    project: Project,
    params: dict[str, Any],
    train_set: lgb.Dataset,
    validation: lgb.Dataset,
    *callbacks: Callable[[lgb.callback.CallbackEnv], None],
    rounds: int,
) -> lgb.Booster:
    patience = project.policies.training.early_stopping
    stopping = lgb.early_stopping(patience, first_metric_only=True, verbose=False)
    try:
        return lgb.train(
            params, train_set, rounds, valid_sets=[validation], callbacks=[*callbacks, stopping]
        )
    except (lgb.basic.LightGBMError, TypeError, ValueError) as exc:
        raise refused(project, exc) from exc


def refused(project: Project, exc: Exception) -> ConfigurationError:
    """Return what to raise for something that LightGBM raised."""
    return ConfigurationError(
        f"LightGBM refused to train {project.name} ({' '.join(str(exc).split())}): see `trainer` in"
        " the project file"
    )


def _dataset(
    project: Project,
    card: ModelCard,
    df: pl.DataFrame,
    params: dict[str, Any],
    reference: lgb.Dataset | None,
) -> lgb.Dataset:
    matrix, labels = encoded_rows(project, card, df)
    return dataset_of(card, matrix, labels, params, reference)


def encoded_rows(
    project: Project, card: ModelCard, df: pl.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Return matrix and labels as LightGBM takes them, see `known_rows`.

    Raises:
        ContractError: a row cannot be read.
    """
    rows, labels = known_rows(project, card, df)
    return _encode(card, rows), labels


def known_rows(
    project: Project, card: ModelCard, df: pl.DataFrame
) -> tuple[pl.DataFrame, np.ndarray]:
    """Return the rows that LightGBM can judge, and their labels; classes as their places.

    Rows of a class that the card does not know are left out: the loss of the evidence judges them.
    """
    labels = label_array(project, df)
    if project.task is Task.MULTICLASS:
        df = df.filter(np.isin(labels, card.classes))
        labels = np.searchsorted(card.classes, labels[np.isin(labels, card.classes)])
    return df, labels


def dataset_of(
    card: ModelCard,
    data: np.ndarray | list[lgb.Sequence],
    labels: np.ndarray,
    params: dict[str, Any],
    reference: lgb.Dataset | None,
) -> lgb.Dataset:
    """Return what LightGBM learns from, or with a reference judges rounds by; nothing is read yet.

    Args:
        card: Names the columns, and which of them hold codes.
        data: Encoded rows.
        labels: As `encoded_rows` returns them.
        params: LightGBM's.
        reference: The training rows, on whose bins the others are put.
    """
    return lgb.Dataset(
        data,
        labels,
        reference=reference,
        feature_name=_names(card),
        categorical_feature=[i for i, f in enumerate(card.features) if f.levels is not None],
        params=params,
    )


def _encode(card: ModelCard, df: pl.DataFrame) -> np.ndarray:
    try:
        return encode_frame(card, df)
    except RowError as exc:
        raise ContractError(f"{card.model}: {exc}; gate 1 must refuse such rows") from exc


def blank_card(
    project: Project, levels: Mapping[str, tuple[str, ...]], classes: tuple[str, ...]
) -> ModelCard:
    """Return the card of a model that is still to be trained.

    Args:
        project: Names task and features.
        levels: Of each categorical feature, see `category_levels`.
        classes: In order, for multiclass; else none.
    """
    roles = project.roles
    return ModelCard(
        model=project.name,
        digest=text_digest(""),
        task=project.task,
        features=tuple(Feature(name, levels.get(name)) for name in roles.features),
        event_time=roles.event_time,
        entity=roles.entity,
        classes=classes,
    )


def lightgbm_params(project: Project, classes: tuple[str, ...], threads: int) -> dict[str, Any]:
    """Return LightGBM's parameters: the project's over the defaults.

    Raises:
        ConfigurationError: `trainer` sets what a policy says, or what LightGBM does not know.
    """
    objective: dict[str, Any] = {"objective": "binary"}
    if project.task is Task.MULTICLASS:
        objective = {"objective": "multiclass", "num_class": len(classes)}
    elif project.task is Task.REGRESSION:
        absolute = project.loss is LossName.ABSOLUTE_ERROR
        objective = {"objective": "regression_l1" if absolute else "regression_l2"}
    defaults = {
        **objective,
        "num_leaves": 31,
        "learning_rate": 0.06,
        "seed": project.policies.training.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
    aliases = lgb.basic._ConfigAliases  # noqa: SLF001 - the only list of LightGBM's aliases
    given = set(project.trainer)
    if taken := given & aliases.get("num_iterations", "early_stopping_round"):
        raise ConfigurationError(
            f"`trainer` of {project.name} sets {sorted(taken)}: set policies.training.rounds and"
            " policies.training.early_stopping instead"
        )
    names = aliases._get_all_param_aliases()  # noqa: SLF001 - as above
    # LightGBM itself says nothing, and trains as if it were not there.
    if unknown := given.difference(names, *names.values()):
        raise ConfigurationError(
            f"`trainer` of {project.name} sets {sorted(unknown)}, which LightGBM does not know: see"
            " its list of parameters for the spelling, or take it out"
        )
    # Of a parameter and its alias LightGBM silently takes the parameter: ours must give way.
    kept = {name: value for name, value in defaults.items() if not given & aliases.get(name)}
    return {**kept, **project.trainer}


def _names(card: ModelCard) -> list[str]:
    """Name the model's columns as the features, unless LightGBM would refuse or change one."""
    names = [feature.name for feature in card.features]
    plain = all(name.isidentifier() for name in names)
    return names if plain else [f"Column_{i}" for i in range(len(names))]


def _is_large(rows: Sized) -> bool:
    return len(rows) >= _ROWS_WORTH_THREADS


def _mean(losses: np.ndarray) -> float:
    return float(losses.mean()) if len(losses) else float("nan")


def resident_mb() -> float:
    """Return the resident memory of this process in megabytes; its peak where that is all."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / _MEGABYTE if sys.platform == "darwin" else peak / 1024
    return pages * resource.getpagesize() / _MEGABYTE
