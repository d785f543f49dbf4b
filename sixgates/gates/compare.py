"""Gate 4: is the challenger no worse than the model that really serves, on the same rows?

Both models answer the same holdout. Rows of one entity, or of one period, go together, so the
error of the mean difference is taken over clusters: with an intra-cluster correlation of .2 a
plain paired test would pass a model that is worse by the margin 18 to 29 % of the time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import polars as pl
from scipy.special import stdtr

from sixgates.gates.evaluate import segment_masks, unjudged
from sixgates.gates.policy import ComparisonPolicy
from sixgates.gates.project import Project
from sixgates.gates.statistics.clusters import ClusterBound, cluster_bound, holdout_clusters
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, number, numbers

MIN_SEGMENT_ROWS = 100
"""Fewest rows of a segment that may be named as regressed."""
_NAME = "loss difference"


class Paired(Protocol):
    """What both models lost on the same holdout, as far as it is judged."""

    @property
    def n(self) -> int:
        """Rows."""

    @property
    def broken(self) -> int:
        """Rows whose difference is not a number."""

    @property
    def champion_loss(self) -> float:
        """Its mean, in units of the loss."""

    @property
    def challenger_loss(self) -> float:
        """Its mean, in units of the loss."""

    @property
    def forgotten(self) -> tuple[str, ...]:
        """Classes that the champion learned and the challenger never saw."""

    @property
    def segment_rows(self) -> dict[str, int]:
        """Rows of each segment, by `column=value`."""

    def bound(self, alpha: float, segment: str | None = None) -> ClusterBound:
        """Bound the mean of challenger loss less champion loss, over all rows or a segment's."""


@dataclass(frozen=True, slots=True)
class PairedEvidence:
    """Both models' losses on the same holdout."""

    differences: np.ndarray
    """Challenger loss less champion loss of each row, in units of the loss."""
    clusters: np.ndarray
    """Which rows go together: any codes that can be compared."""
    champion_loss: float
    challenger_loss: float
    segments: dict[str, np.ndarray] = field(default_factory=dict)
    """Boolean mask of the rows of each segment, by `column=value`."""
    forgotten: tuple[str, ...] = ()
    """Classes that the champion learned and the challenger never saw."""

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.differences)

    @property
    def broken(self) -> int:
        """Rows whose difference is not a number."""
        return int((~np.isfinite(self.differences)).sum())

    @property
    def segment_rows(self) -> dict[str, int]:
        """Rows of each segment."""
        return {name: int(mask.sum()) for name, mask in self.segments.items()}

    def bound(self, alpha: float, segment: str | None = None) -> ClusterBound:
        """Bound the mean difference, over all rows or those of a segment."""
        if segment is None:
            return cluster_bound(self.differences, self.clusters, alpha)
        mask = self.segments[segment]
        return cluster_bound(self.differences[mask], self.clusters[mask], alpha)


def paired_evidence(
    project: Project,
    df: pl.DataFrame,
    *,
    champion: np.ndarray,
    challenger: np.ndarray,
    forgotten: tuple[str, ...] = (),
) -> PairedEvidence:
    """Pair both models' row losses on the holdout `df`, with its clusters and segments."""
    differences = challenger - champion
    known = len(differences) > 0
    return PairedEvidence(
        differences=differences,
        clusters=holdout_clusters(df, project),
        champion_loss=float(champion.mean()) if known else math.nan,
        challenger_loss=float(challenger.mean()) if known else math.nan,
        segments=segment_masks(df, project.roles.segments, MIN_SEGMENT_ROWS),
        forgotten=forgotten,
    )


def forgotten_classes(champion: Sequence[str], challenger: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that one model learned and the other never saw, sorted.

    >>> forgotten_classes(("dos", "normal", "probe"), ("dos", "new"))
    ('normal', 'probe')
    """
    return tuple(sorted({*champion} - {*challenger}))


def judge_comparison(
    evidence: Paired | None, policy: ComparisonPolicy, *, cold_start: bool
) -> Verdict:
    """Pass a challenger whose loss is, at level 1 - alpha, less than a margin above the champion's.

    Args:
        evidence: None where no champion answered.
        policy: margin, alpha and the fewest clusters.
        cold_start: whether the ledger says that no champion exists yet. Without it, missing
            evidence means that the champion could not be read, which is refused.
    """
    if evidence is None:
        check = _cold_start(policy) if cold_start else _refuse(0, "the champion could not be read")
        return Verdict.of(Gate.COMPARE, [check])
    n = evidence.n
    if n == 0:
        return Verdict.of(Gate.COMPARE, [_refuse(0, "no rows to compare both models on")])
    if broken := evidence.broken:
        sentence = f"the loss difference is not a number on {broken:,} of {n:,} rows"
        return Verdict.of(Gate.COMPARE, [_refuse(n, sentence)])
    bound = evidence.bound(policy.alpha)
    checks = [_difference(evidence, bound, policy)]
    if evidence.forgotten:
        checks.append(_forgotten(evidence.forgotten, n))
    if bound.clusters >= policy.min_clusters and (regressed := _segments(evidence, policy)):
        checks.append(regressed)
    return Verdict.of(Gate.COMPARE, checks)


def refuse_again(reason: str) -> Verdict:
    """Refuse a challenger that was sent away before, for the reason of then.

    Args:
        reason: When and why it was refused, rolled back or expired.
    """
    sentence = f"this very model was {reason}; offer it again with --override REASON"
    return Verdict.of(
        Gate.COMPARE, [Check("offered before", Outcome.FAIL, None, None, 0, sentence)]
    )


def _cold_start(policy: ComparisonPolicy) -> Check:
    if policy.cold_start == "serve":
        sentence = "no champion yet: cold_start is 'serve', so the first model may serve"
        return Check("champion", Outcome.PASS, None, None, 0, sentence)
    return _refuse(
        0,
        "no champion yet and policies.comparison.cold_start is 'refuse': "
        "set it to 'serve' to let the first model serve",
    )


def _forgotten(classes: tuple[str, ...], n: int) -> Check:
    # The holdout hardly holds them either, so no loss tells: what it cannot answer, it must not.
    sentence = (
        f"the challenger never saw {', '.join(classes)}, which the champion learned: lengthen"
        f" training.window until its rows hold {'it' if len(classes) == 1 else 'them'}"
        f" (n = {n:,} rows of the holdout)"
    )
    return Check("classes", Outcome.FAIL, float(len(classes)), 0.0, n, sentence)


def _refuse(n: int, sentence: str) -> Check:
    return Check("champion" if n == 0 else _NAME, Outcome.FAIL, None, None, n, sentence)


def _difference(evidence: Paired, bound: ClusterBound, policy: ComparisonPolicy) -> Check:
    n = evidence.n
    seen = f"{bound.clusters:,} clusters seen"
    losses = numbers(evidence.challenger_loss, evidence.champion_loss)
    reach, margin = numbers(bound.upper, policy.margin)
    figures = (
        f"challenger {losses[0]} against champion {losses[1]}: difference {number(bound.mean)}, "
        f"upper {number(100 * (1 - policy.alpha))} % bound {reach}"
    )
    rows = f"(n = {n:,} rows in {bound.clusters:,} clusters)"
    if bound.clusters < policy.min_clusters:
        outcome = Outcome.INCONCLUSIVE
        sentence = f"not enough evidence: {seen}, {policy.min_clusters:,} needed (n = {n:,} rows)"
    elif bound.upper < policy.margin:
        outcome, sentence = Outcome.PASS, f"{figures} < margin {margin} {rows}"
    elif 2 * bound.mean > bound.upper or bound.mean >= policy.margin:
        # 2 mean > upper says that the lower bound, mean - t se, lies above zero
        outcome = Outcome.FAIL
        sentence = f"{figures} >= margin {margin}: the challenger is worse {rows}"
    else:
        outcome = Outcome.INCONCLUSIVE
        room = (bound.upper - bound.mean) / (policy.margin - bound.mean)
        needed = max(bound.clusters + 1, math.ceil(bound.clusters * room**2))
        sentence = (
            f"not enough evidence: {figures} >= margin {margin}; "
            f"{seen}, about {needed:,} needed (n = {n:,} rows)"
        )
    upper = bound.upper if math.isfinite(bound.upper) else None
    return Check(_NAME, outcome, upper, policy.margin, n, sentence)


def _segments(evidence: Paired, policy: ComparisonPolicy) -> Check | None:
    """Flag segments that got worse: Holm over the large ones, and by more than the margin."""
    bounds = {
        name: evidence.bound(policy.alpha, name)
        for name, rows in sorted(evidence.segment_rows.items())
        if rows >= MIN_SEGMENT_ROWS
    }
    if not bounds:
        return None
    left = unjudged([name for name, bound in bounds.items() if bound.clusters == 1])
    bounds = {name: bound for name, bound in bounds.items() if bound.clusters > 1}
    regressed = [n for n in _holm(bounds, policy.alpha) if bounds[n].mean > policy.margin]
    if not regressed:
        sentence = f"none of {len(bounds)} segments with {MIN_SEGMENT_ROWS} rows or more regressed"
        worst = max((b.mean for b in bounds.values()), default=None)
        return Check("segments", Outcome.PASS, worst, policy.margin, evidence.n, sentence + left)
    name = max(regressed, key=lambda s: bounds[s].mean)
    n = evidence.segment_rows[name]
    mean, margin = numbers(bounds[name].mean, policy.margin)
    sentence = (
        f"{len(regressed)} of {len(bounds)} segments regressed, worst {name}: difference "
        f"{mean} > margin {margin} (n = {n:,} rows in "
        f"{bounds[name].clusters:,} clusters){left}"
    )
    return Check("segments", Outcome.FAIL, bounds[name].mean, policy.margin, n, sentence)


def _holm(bounds: dict[str, ClusterBound], alpha: float) -> list[str]:
    """Return the names whose mean lies above zero, at alpha over all of them (Holm 1979)."""
    found = []
    by_chance = sorted((_chance(bound), name) for name, bound in bounds.items())
    for rank, (chance, name) in enumerate(by_chance):
        if chance > alpha / (len(by_chance) - rank):
            break
        found.append(name)
    return found


def _chance(bound: ClusterBound) -> float:
    """Return the one-sided p-value of the null "the mean is at most zero"."""
    if bound.mean <= 0:
        return 1.0
    return float(stdtr(bound.clusters - 1, -bound.mean / bound.se)) if bound.se > 0 else 0.0
