"""The guardrail of the loss: by periods of pairs, by periods of the split, or by its units.

Pairs judge where the prediction does not change the outcome. Else the random split does: by period
where the effect may vary from period to period, since then the units of one period say the same
thing over and over; by unit where the project says that it does not vary.
"""

import math
from collections.abc import Sequence

import numpy as np

from sixgates.gates.evidence import Evidence
from sixgates.gates.guardrails import Guardrail, large_harm, proportional
from sixgates.gates.policy import CanaryPolicy
from sixgates.gates.project import Project
from sixgates.gates.statistics.guards import mean_log_e
from sixgates.gates.statistics.periods import judge_moments, judge_periods
from sixgates.gates.statistics.units import LossBatch, dual_values
from sixgates.gates.verdict import number

_LONGEST_FORECAST = 500


def loss_guardrail(evidence: Evidence, project: Project) -> Guardrail:
    """Judge the loss by the rule that the project's statements allow."""
    policy = project.policies.canary
    if project.pairs_count:
        return _by_periods(evidence.pair_means, policy, "periods, by pairs", [])
    margin = policy.margin / project.loss_clip
    every = evidence.losses.every
    if not readable(every):
        n = sum(int(batch.assigned.sum()) for batch in evidence.losses.once)
        return _unreadable(n, policy.margin, "matured canary units")
    large = dual_values(every, margin, floor=large_harm(margin)).log_rollback
    if project.units_count:
        # Where each request is a unit, all of them count as it is.
        beside = [] if project.roles.entity is None else [large]
        return _by_units(evidence, policy, margin, beside)
    rule = "periods of the split, by period because the effect may vary"
    return _by_periods(evidence.split_means, policy, rule, [large])


def readable(batches: Sequence[LossBatch]) -> bool:
    """Whether every loss is a number."""
    return all(np.isfinite(batch.losses).all() for batch in batches)


def _by_units(
    evidence: Evidence, policy: CanaryPolicy, margin: float, beside: list[float]
) -> Guardrail:
    dual = dual_values(evidence.losses.once, margin)
    means = evidence.split_means
    seen = float(means.mean()) if len(means) else math.nan
    n = dual.n_canary
    return Guardrail(
        "loss", dual.log_promote, mean_log_e([dual.log_rollback, *beside]),
        f"n = {n:,} matured canary units, by unit because the effect does not vary",
        f"loss differs by {number(seen)} (n = {n:,} units", n, seen, policy.margin,
        proportional(dual.log_promote, n, policy.alpha),
    )  # fmt: skip


def _by_periods(
    means: np.ndarray, policy: CanaryPolicy, rule: str, beside: list[float]
) -> Guardrail:
    """Judge period means; `beside` are the log e-values of harm that stand beside theirs."""
    found = judge_periods(means, policy.margin, policy.min_periods)
    if not np.isfinite(means).all():
        return _unreadable(found.periods, policy.margin, "periods")
    k = found.periods
    return Guardrail(
        "loss", found.log_promote, mean_log_e([found.log_rollback, *beside]),
        f"n = {k:,} {rule}", f"loss differs by {number(found.mean)} (n = {k:,} periods", k,
        found.mean, policy.margin, _periods_needed(found.mean, found.sd, k, policy),
    )  # fmt: skip


def _unreadable(n: int, margin: float, unit: str) -> Guardrail:
    found = f"n = {n:,} {unit}"
    return Guardrail("loss", 0.0, math.nan, found, f"loss is not a number ({found}", n, math.nan,
                     margin)  # fmt: skip


def _periods_needed(mean: float, sd: float, seen: int, policy: CanaryPolicy) -> int | None:
    """Periods still to come, were they like the ones seen."""
    if seen < 2 or not sd > 0 or not mean < policy.margin:  # noqa: PLR2004 - an sd needs two
        return None
    k = np.arange(max(seen, policy.min_periods), _LONGEST_FORECAST, dtype=np.float64)
    promote, _ = judge_moments(np.array(mean), np.array(sd), k, policy.margin, policy.min_periods)
    enough = k[promote >= math.log(1 / policy.alpha)]
    return max(1, int(enough[0]) - seen) if enough.size else None
