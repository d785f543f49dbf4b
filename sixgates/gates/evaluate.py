"""Gate 3: is the challenger good enough in itself, on rows that training never saw?

A limit is cleared by the one-sided 95 % upper bound of the mean loss, so a lucky small holdout does
not pass. Rows of one entity are one cluster; without an entity rows are taken as independent. The
loss is a proper score or a distance, never a ranking alone: a model that ranks well may still state
the wrong figures, which calibration says in plain terms.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from sixgates.gates.baselines import last_label_losses, report_baselines
from sixgates.gates.calibration import (
    Calibration,
    calibrations,
    judge_calibration,
)
from sixgates.gates.card import level_key
from sixgates.gates.encoding import label_array, spread_over
from sixgates.gates.footprint import Footprint, judge_footprint
from sixgates.gates.losses import constant_losses, row_losses
from sixgates.gates.policy import EvaluationPolicy
from sixgates.gates.project import Project
from sixgates.gates.statistics.clusters import cluster_bound, holdout_clusters
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, at_least, number, numbers

ALPHA = 0.05
"""Level of the bounds."""
Z = 1.645
"""One-sided 95 % point of the normal distribution."""


class Limit(NamedTuple):
    """A limit on the mean loss: a value, or so many times what the base rate loses."""

    value: float = math.nan
    times: float | None = None


class Excess(NamedTuple):
    """A mean loss beside its limit, both in units of the loss."""

    mean: float
    upper: float
    """One-sided 95 % bound of the mean; the error is that of the row-wise difference to the limit.
    """
    limit: float
    n: int
    clusters: int | None
    """Entities among the rows; None where rows are taken as independent."""


class Holdout(Protocol):
    """What one model showed on the holdout, as far as it is judged."""

    @property
    def n(self) -> int:
        """Rows of the holdout."""

    @property
    def by_entity(self) -> bool:
        """Whether rows go together by entities."""

    @property
    def broken(self) -> tuple[int, int]:
        """Rows on which the loss, and that of the base rate, is not a number."""

    @property
    def means(self) -> tuple[float, float, float | None]:
        """Mean loss, and what the base rate and the last known label lose; None if not known."""

    @property
    def segment_rows(self) -> dict[str, int]:
        """Rows of each segment, by `column=value`."""

    @property
    def footprint(self) -> Footprint | None:
        """What the artifact costs."""

    def excess(self, limit: Limit, segment: str | None = None) -> Excess:
        """Compare the mean loss with a limit, over all rows or those of a segment."""

    def judge_calibration(self, limit: float) -> list[Check]:
        """Hold the stated probabilities against a limit."""


@dataclass(frozen=True, slots=True)
class HoldoutEvidence:
    """What one model showed on the holdout, row by row."""

    losses: np.ndarray
    """In units of the loss, NaN where the model gave no usable answer."""
    base_losses: np.ndarray
    """What the base rate of the training rows loses on the same rows."""
    segments: dict[str, np.ndarray] = field(default_factory=dict)
    """Boolean mask of the rows of each segment, by `column=value`."""
    clusters: np.ndarray | None = None
    """Code of each row's entity; None where the project has none."""
    calibration: tuple[Calibration, ...] = ()
    """Stated probabilities and what came; empty for regression."""
    last_label_losses: np.ndarray | None = None
    """What the last known label loses on the same rows; None where no history was given."""
    footprint: Footprint | None = None
    """What the artifact costs; None is refused where the policy limits it."""

    @property
    def n(self) -> int:
        """Rows of the holdout."""
        return len(self.losses)

    @property
    def by_entity(self) -> bool:
        """Whether rows go together by entities."""
        return self.clusters is not None

    @property
    def broken(self) -> tuple[int, int]:
        """Rows on which the loss, and that of the base rate, is not a number."""
        loss, base = (int((~np.isfinite(x)).sum()) for x in (self.losses, self.base_losses))
        return loss, base

    @property
    def means(self) -> tuple[float, float, float | None]:
        """Mean loss, and what the base rate and the last known label lose."""
        last = self.last_label_losses
        last_mean = None if last is None else float(last.mean())
        return float(self.losses.mean()), float(self.base_losses.mean()), last_mean

    @property
    def segment_rows(self) -> dict[str, int]:
        """Rows of each segment."""
        return {name: int(mask.sum()) for name, mask in self.segments.items()}

    def excess(self, limit: Limit, segment: str | None = None) -> Excess:
        """Compare the mean loss with a limit, over all rows or those of a segment."""
        losses, base, groups = self.losses, self.base_losses, self.clusters
        if segment is not None:
            mask = self.segments[segment]
            losses, base = losses[mask], base[mask]
            groups = None if groups is None else groups[mask]
        limits = np.full_like(losses, limit.value) if limit.times is None else base * limit.times
        n, mean = len(losses), float(losses.mean())
        if groups is None:
            error = float((losses - limits).std(ddof=1)) / np.sqrt(n) if n > 1 else np.inf
            upper, clusters = mean + Z * float(error), None
        else:
            bound = cluster_bound(losses - limits, groups, ALPHA)
            upper, clusters = mean + (bound.upper - bound.mean), bound.clusters
        return Excess(mean, upper, float(limits.mean()), n, clusters)

    def judge_calibration(self, limit: float) -> list[Check]:
        """Hold the stated probabilities against a limit."""
        return judge_calibration(self.calibration, limit, self.clusters)


def measure_holdout(
    project: Project,
    df: pl.DataFrame,
    predictions: np.ndarray,
    base_prediction: np.ndarray,
    classes: tuple[str, ...] = (),
    *,
    history: pl.DataFrame | None = None,
    footprint: Footprint | None = None,
) -> HoldoutEvidence:
    """Turn the holdout and the model's answers to it into evidence.

    Args:
        project: names loss, label and segments.
        df: the holdout, in the row order of `predictions`.
        predictions: (n,) or (n, outputs).
        base_prediction: the training rows' base rate, (1, outputs).
        classes: multiclass labels in the order of the outputs.
        history: all rows with known labels, the holdout among them, for the last known label.
        footprint: measured on the stored model.
    """
    labels = label_array(project, df)
    last = None
    if history is not None:
        last = last_label_losses(project, history, df, base_prediction, classes)
    return HoldoutEvidence(
        losses=row_losses(project, labels, predictions, classes),
        base_losses=constant_losses(project, base_prediction, labels, classes),
        segments=segment_masks(
            df, project.roles.segments, project.policies.evaluation.min_segment_rows
        ),
        clusters=None if project.roles.entity is None else holdout_clusters(df, project),
        calibration=calibrations(project, labels, predictions, classes),
        last_label_losses=last,
        footprint=footprint,
    )


def segment_masks(df: pl.DataFrame, columns: Sequence[str], min_rows: int) -> dict[str, np.ndarray]:
    """Return the mask of every value that has at least `min_rows` rows, by `column=value`.

    Missing values are a segment too, NaN among them, `column=missing`.
    """
    masks = {}
    for column in columns:
        values = df[column].alias("value")
        if values.dtype.is_float():
            values = values.fill_nan(None)
        for value, rows in values.value_counts(sort=True).iter_rows():
            if rows < min_rows:
                break  # sorted by count: only smaller ones follow
            key = level_key(value)
            name = f"{column}={'missing' if key is None else key}"
            same = values.eq_missing(pl.Series([value], dtype=values.dtype))
            masks[name] = same.to_numpy()
    return masks


def segment_names(df: pl.DataFrame, column: str) -> pl.Series:
    """Return the segment of each row by a column, as `segment_masks` names it."""
    distinct = df[column].unique()
    keys = [level_key(value) for value in distinct]
    names = [f"{column}={'missing' if key is None else key}" for key in keys]
    return spread_over(df[column], distinct, pl.Series("name", names, dtype=pl.String))


def judge_holdout(evidence: Holdout, policy: EvaluationPolicy, loss_name: str) -> Verdict:
    """Hold what the holdout showed against the limits of the policy.

    The mean loss (a limit on it, in itself or against the base rate, must be set), that of each
    large segment, calibration, latency and size. Naive baselines are reported beside them.
    """
    refusal = _unjudgeable(evidence, policy, loss_name)
    if refusal:
        sentence = f"{refusal} (n = {evidence.n:,})"
        return Verdict.of(
            Gate.EVALUATE, [Check(loss_name, Outcome.FAIL, None, None, evidence.n, sentence)]
        )
    checks = [at_least("holdout rows", evidence.n, policy.min_rows, evidence.n)]
    if policy.max_loss is not None:
        checks.append(_within(loss_name, evidence.excess(Limit(policy.max_loss)), ""))
    if policy.max_loss_over_base is not None:
        excess = evidence.excess(Limit(times=policy.max_loss_over_base))
        checks.append(_within(f"{loss_name} over base rate", excess, _times(policy)))
    if policy.max_segment_loss_over_base is not None and evidence.segment_rows:
        checks.append(_worst_segment(evidence, policy, loss_name))
    if policy.max_calibration_error is not None:
        checks += evidence.judge_calibration(policy.max_calibration_error)
    checks += judge_footprint(evidence.footprint, policy)
    checks.append(
        report_baselines(loss_name, evidence.means, evidence.n, entity=evidence.by_entity)
    )
    return Verdict.of(Gate.EVALUATE, checks)


def _unjudgeable(evidence: Holdout, policy: EvaluationPolicy, loss_name: str) -> str:
    if policy.max_loss is None and policy.max_loss_over_base is None:
        return f"{loss_name} has no limit set: nothing can pass it"
    if evidence.n == 0:
        return "the holdout has no rows: nothing was measured"
    for name, broken in zip((loss_name, "base rate"), evidence.broken, strict=True):
        if broken:
            return f"{name} is not a number on {broken:,} rows of the holdout"
    return ""


def _within(name: str, seen: Excess, origin: str) -> Check:
    rows = f"n = {seen.n:,}"
    if seen.clusters is not None:
        rows = f"n = {seen.n:,} rows of {seen.clusters:,} entities"
    passed = seen.upper <= seen.limit
    bound, limit = numbers(seen.upper, seen.limit)
    sentence = (
        f"{name} {number(seen.mean)} with upper 95 % bound {bound} "
        f"{'<=' if passed else '>'} limit {limit}{origin} ({rows})"
    )
    upper = seen.upper if np.isfinite(seen.upper) else None
    outcome = Outcome.PASS if passed else Outcome.FAIL
    return Check(name, outcome, upper, seen.limit, seen.n, sentence)


def _times(policy: EvaluationPolicy) -> str:
    factor = policy.max_loss_over_base
    return f", {number(factor)} times the base rate's" if factor is not None else ""


def _worst_segment(evidence: Holdout, policy: EvaluationPolicy, loss_name: str) -> Check:
    factor = policy.max_segment_loss_over_base or np.nan
    origin = f", {number(factor)} times the base rate's there"
    seen = {
        name: evidence.excess(Limit(times=factor), name)
        for name, rows in sorted(evidence.segment_rows.items())
        if rows >= policy.min_segment_rows
    }
    alone = [name for name, excess in seen.items() if excess.clusters == 1]
    checks = [
        _within(f"{loss_name} where {name}", excess, origin)
        for name, excess in seen.items()
        if name not in alone
    ]
    failed = [check for check in checks if check.outcome is Outcome.FAIL]
    worst = max(failed or checks, key=_excess, default=None)
    left = unjudged(alone)
    if worst is None:
        sentence = f"no segment with {policy.min_segment_rows:,} rows was judged"
        return Check("segments", Outcome.PASS, None, None, evidence.n, sentence + left)
    over = f"{len(failed)} of {len(checks)} segments over their limit"
    summary = f"{over}, worst: {worst.sentence}{left}"
    return Check("segments", worst.outcome, worst.seen, worst.required, worst.n, summary)


def unjudged(alone: Sequence[str]) -> str:
    """Name the segments of which nothing can be told, because one cluster has all their rows.

    >>> unjudged(["region=island"])
    '; not judged, because all rows are of one cluster: region=island'
    """
    return f"; not judged, because all rows are of one cluster: {', '.join(alone)}" if alone else ""


def _excess(check: Check) -> float:
    """Say how many times over its limit a check is."""
    if check.seen is None or not check.required:
        return np.inf
    return check.seen / check.required
