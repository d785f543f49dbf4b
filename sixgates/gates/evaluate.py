"""Gate 3: is the challenger good enough in itself, on rows that training never saw?

A limit is cleared by the upper bound of the mean loss, mean + 1.645 standard errors (one-sided
95 %, rows taken as independent), so a lucky small holdout does not pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from sixgates.gates.card import level_key
from sixgates.gates.encoding import label_array
from sixgates.gates.losses import constant_losses, row_losses
from sixgates.gates.policy import EvaluationPolicy
from sixgates.gates.project import Project
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, at_least, number

_Z = 1.645
"""One-sided 95 % point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class HoldoutEvidence:
    """Losses of one model on the holdout, row by row."""

    losses: np.ndarray
    """In units of the loss, NaN where the model gave no usable answer."""
    base_losses: np.ndarray
    """What the base rate of the training rows loses on the same rows."""
    segments: dict[str, np.ndarray] = field(default_factory=dict)
    """Boolean mask of the rows of each segment, by `column=value`."""

    @property
    def n(self) -> int:
        """Rows of the holdout."""
        return len(self.losses)


def measure_holdout(
    project: Project,
    df: pl.DataFrame,
    predictions: np.ndarray,
    base_prediction: np.ndarray,
    classes: tuple[str, ...] = (),
) -> HoldoutEvidence:
    """Turn the holdout and the model's answers to it into losses.

    Args:
        project: names loss, label and segments.
        df: the holdout, in the row order of `predictions`.
        predictions: (n,) or (n, outputs).
        base_prediction: the training rows' base rate, (1, outputs).
        classes: multiclass labels in the order of the outputs.
    """
    labels = label_array(project, df)
    return HoldoutEvidence(
        losses=row_losses(project, labels, predictions, classes),
        base_losses=constant_losses(project, base_prediction, labels, classes),
        segments=segment_masks(
            df, project.roles.segments, project.policies.evaluation.min_segment_rows
        ),
    )


def segment_masks(df: pl.DataFrame, columns: Sequence[str], min_rows: int) -> dict[str, np.ndarray]:
    """Return the mask of every value that has at least `min_rows` rows, by `column=value`.

    Missing values are a segment too, `column=missing`.
    """
    masks = {}
    for column in columns:
        values = df[column].alias("value")
        for value, rows in values.value_counts(sort=True).iter_rows():
            if rows < min_rows:
                break  # sorted by count: only smaller ones follow
            key = level_key(value)
            name = f"{column}={'missing' if key is None else key}"
            same = values.eq_missing(pl.Series([value], dtype=values.dtype))
            masks[name] = same.to_numpy()
    return masks


def judge_holdout(evidence: HoldoutEvidence, policy: EvaluationPolicy, loss_name: str) -> Verdict:
    """Hold the mean loss, and that of each large segment, against the limits of the policy."""
    refusal = _unjudgeable(evidence, policy, loss_name)
    if refusal:
        sentence = f"{refusal} (n = {evidence.n:,})"
        return Verdict.of(
            Gate.EVALUATE, [Check(loss_name, Outcome.FAIL, None, None, evidence.n, sentence)]
        )
    checks = [at_least("holdout rows", evidence.n, policy.min_rows, evidence.n)]
    losses, base = evidence.losses, evidence.base_losses
    if policy.max_loss is not None:
        checks.append(_within(loss_name, losses, np.full_like(losses, policy.max_loss), ""))
    if policy.max_loss_over_base is not None:
        name = f"{loss_name} over base rate"
        checks.append(_within(name, losses, base * policy.max_loss_over_base, _times(policy)))
    if policy.max_segment_loss_over_base is not None and evidence.segments:
        checks.append(_worst_segment(evidence, policy, loss_name))
    return Verdict.of(Gate.EVALUATE, checks)


def _unjudgeable(evidence: HoldoutEvidence, policy: EvaluationPolicy, loss_name: str) -> str:
    if policy.max_loss is None and policy.max_loss_over_base is None:
        return f"{loss_name} has no limit set: nothing can pass it"
    if evidence.n == 0:
        return "the holdout has no rows: nothing was measured"
    for name, losses in ((loss_name, evidence.losses), ("base rate", evidence.base_losses)):
        if broken := int((~np.isfinite(losses)).sum()):
            return f"{name} is not a number on {broken:,} rows of the holdout"
    return ""


def _within(name: str, losses: np.ndarray, limits: np.ndarray, origin: str) -> Check:
    """Compare means; the standard error is that of the row-wise difference to the limit."""
    n, mean, limit = len(losses), float(losses.mean()), float(limits.mean())
    error = float((losses - limits).std(ddof=1)) / np.sqrt(n) if n > 1 else np.inf
    upper = mean + _Z * float(error)
    passed = upper <= limit
    sentence = (
        f"{name} {number(mean)} with upper 95 % bound {number(upper)} "
        f"{'<=' if passed else '>'} limit {number(limit)}{origin} (n = {n:,})"
    )
    seen = upper if np.isfinite(upper) else None
    return Check(name, Outcome.PASS if passed else Outcome.FAIL, seen, limit, n, sentence)


def _times(policy: EvaluationPolicy) -> str:
    factor = policy.max_loss_over_base
    return f", {number(factor)} times the base rate's" if factor is not None else ""


def _worst_segment(evidence: HoldoutEvidence, policy: EvaluationPolicy, loss_name: str) -> Check:
    factor = policy.max_segment_loss_over_base or np.nan
    origin = f", {number(factor)} times the base rate's there"
    checks = [
        _within(f"{loss_name} where {name}", evidence.losses[mask], limits[mask], origin)
        for name, mask in sorted(evidence.segments.items())
        if int(mask.sum()) >= policy.min_segment_rows
        for limits in [evidence.base_losses * factor]
    ]
    failed = [check for check in checks if check.outcome is Outcome.FAIL]
    worst = max(failed or checks, key=_excess, default=None)
    if worst is None:
        sentence = f"no segment has {policy.min_segment_rows:,} rows: none was judged"
        return Check("segments", Outcome.PASS, None, None, evidence.n, sentence)
    summary = f"{len(failed)} of {len(checks)} segments over their limit, worst: {worst.sentence}"
    return Check("segments", worst.outcome, worst.seen, worst.required, worst.n, summary)


def _excess(check: Check) -> float:
    """Say how many times over its limit a check is."""
    if check.seen is None or not check.required:
        return np.inf
    return check.seen / check.required
