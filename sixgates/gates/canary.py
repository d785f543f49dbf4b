"""Gate 5: does the challenger do harm on real traffic, and is it known to be good enough?

Every guardrail has two e-processes. Promotion needs each of them to show "not worse by the
margin"; rollback needs the mean of the e-values for "worse" to reach 1/beta, which is valid under
any dependence. Both hold under any peeking (Ville's inequality).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import numpy as np

from sixgates.gates.decision import Decision, Move
from sixgates.gates.evidence import Evidence
from sixgates.gates.policy import CanaryPolicy
from sixgates.gates.project import Project
from sixgates.gates.statistics.counts import ArmCounts, dual_counts
from sixgates.gates.statistics.guards import mean_log_e
from sixgates.gates.statistics.guards import ratio_mismatch_log_e as mismatch
from sixgates.gates.statistics.periods import judge_periods, log_t_eprocess
from sixgates.gates.statistics.units import dual_values
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, number

_MISMATCH_ALPHA = 0.001
_LONGEST_FORECAST = 500


class Phase(StrEnum):
    """Whether the challenger answers anybody yet."""

    SHADOW = "shadow"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the release stands."""

    phase: Phase
    share: float
    is_last: bool
    """No larger share is planned."""
    open_for: timedelta
    """Event time since the release opened."""
    unlogged: int
    """Answers in this release that no gateway could log."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """The two e-processes of one quantity."""

    name: str
    log_promote: float
    log_rollback: float
    """NaN where a label or an answer is not a number: then nothing can be judged."""
    n: int
    seen: float
    margin: float
    unit: str
    needed: int | None
    """Further units of evidence until promotion at the present rate; None when not foreseeable."""


def planned_shares(
    policy: CanaryPolicy, requests_per_period: float, period: timedelta
) -> tuple[float, ...]:
    """Leave out the shares that the traffic cannot fill in time; the largest always stays.

    >>> planned_shares(CanaryPolicy(margin=0.02), 24.0, timedelta(days=1))
    (0.25, 0.5)
    """
    periods = policy.max_stage / period
    enough = [
        share
        for share in policy.shares
        if share * requests_per_period * periods >= policy.min_stage_requests
    ]
    return tuple(enough) or policy.shares[-1:]


def judge_canary(evidence: Evidence, stage: Stage, project: Project) -> Decision:
    """Judge a release in shadow or in a split.

    Args:
        evidence: Everything since the release opened.
        stage: Where the release stands.
        project: Policy, loss, and whether pairs may judge the loss.

    Returns:
        A verdict that passes only when the challenger may be promoted, and the move to make.
    """
    policy = project.policies.canary
    guardrails = [_loss(evidence, project), *_service(evidence, policy)]
    harm = _harm(guardrails, evidence, policy)
    integrity = _integrity(evidence, stage)
    checks = [harm, *integrity, *(_judge(g, policy.alpha) for g in guardrails)]
    filled = _stage_filled(evidence, stage, policy)
    verdict = Verdict.of(Gate.CANARY, [*checks, filled])
    move, reason = _move(verdict, stage, policy, project)
    return Decision(verdict, move, reason)


def _move(
    verdict: Verdict, stage: Stage, policy: CanaryPolicy, project: Project
) -> tuple[Move, str]:
    by_name = {check.name: check for check in verdict.checks}
    if verdict.outcome is Outcome.FAIL:
        return Move.ROLL_BACK, verdict.reason
    if stage.open_for > policy.deadline:
        return Move.EXPIRE, f"the deadline passed without a promotion: {verdict.reason}"
    if by_name["complete log"].outcome is not Outcome.PASS:
        return Move.HOLD, by_name["complete log"].sentence
    if verdict.passed and stage.phase is Phase.SPLIT and stage.is_last:
        return Move.PROMOTE, verdict.reason
    # Where pairs may judge the loss, nobody is exposed to a loss that is not yet known.
    loss_known = not project.pairs_count or by_name["loss"].outcome is Outcome.PASS
    may_grow = stage.phase is Phase.SHADOW or not stage.is_last
    if may_grow and loss_known and by_name["stage"].outcome is Outcome.PASS:
        return Move.ADVANCE, _sentences(by_name["stage"], by_name["loss"])
    return Move.HOLD, verdict.reason


def _loss(evidence: Evidence, project: Project) -> Guardrail:
    policy = project.policies.canary
    if project.pairs_count:
        found = judge_periods(evidence.pair_means, policy.margin, policy.min_periods)
        if not np.isfinite(evidence.pair_means).all():
            return _unreadable(found.periods, policy.margin, "periods")
        needed = _periods_needed(found.mean, found.sd, found.periods, policy)
        return Guardrail(
            "loss", found.log_promote, found.log_rollback, found.periods, found.mean,
            policy.margin, "periods", needed,
        )  # fmt: skip
    if not all(np.isfinite(batch.losses).all() for batch in evidence.losses):
        units = sum(int(batch.assigned.sum()) for batch in evidence.losses)
        return _unreadable(units, policy.margin, "matured canary units")
    margin = policy.margin / project.loss_clip
    dual = dual_values(evidence.losses, margin)
    means = evidence.split_means
    seen = float(means.mean()) if len(means) else math.nan
    return Guardrail(
        "loss", dual.log_promote, dual.log_rollback, dual.n_canary, seen, policy.margin,
        "matured canary units", _proportional(dual.log_promote, dual.n_canary, policy.alpha),
    )  # fmt: skip


def _unreadable(n: int, margin: float, unit: str) -> Guardrail:
    return Guardrail("loss", 0.0, math.nan, n, math.nan, margin, unit, None)


def _service(evidence: Evidence, policy: CanaryPolicy) -> list[Guardrail]:
    quantities = (
        ("server errors", evidence.errors, policy.error_margin),
        ("slow answers", evidence.slow, policy.slow_margin),
    )
    return [_rate(name, batches, margin, policy.alpha) for name, batches, margin in quantities]


def _rate(name: str, batches: Sequence[ArmCounts], margin: float, alpha: float) -> Guardrail:
    dual = dual_counts(batches, margin)
    canary = sum(b.canary_bad for b in batches) / max(1, dual.n_canary)
    control = sum(b.control_bad for b in batches) / max(1, dual.n_control)
    if dual.log_promote > 0:
        needed = _proportional(dual.log_promote, dual.n_canary, alpha)
    else:
        # A clean canary request multiplies the promotion evidence by about 1 + margin.
        needed = math.ceil(math.log(1 / alpha) / math.log1p(margin))
    return Guardrail(
        name, dual.log_promote, dual.log_rollback, dual.n_canary, canary - control, margin,
        "canary requests", needed,
    )  # fmt: skip


def _judge(guardrail: Guardrail, alpha: float) -> Check:
    g = guardrail
    seen = None if math.isnan(g.seen) else g.seen
    passed = g.log_promote >= math.log(1 / alpha)
    if passed:
        found = f"difference {number(g.seen)}, n = {g.n:,} {g.unit}"
        sentence = f"{g.name}: not worse by {number(g.margin)} ({found})"
    elif math.isnan(g.log_rollback):
        sentence = f"{g.name} is not a number (n = {g.n:,} {g.unit})"
    else:
        more = "more than can be foreseen" if g.needed is None else f"about {g.needed:,} more"
        sentence = f"{g.name}: not enough evidence yet (n = {g.n:,} {g.unit}, needs {more})"
    outcome = Outcome.PASS if passed else Outcome.INCONCLUSIVE
    return Check(g.name, outcome, seen, g.margin, g.n, sentence)


def _harm(guardrails: list[Guardrail], evidence: Evidence, policy: CanaryPolicy) -> Check:
    shadow = dual_counts(evidence.shadow_errors, policy.error_margin)
    limit = math.log(1 / policy.beta)
    for g in guardrails:
        if math.isnan(g.log_rollback):
            sentence = f"harm could not be judged: {_judge(g, policy.alpha).sentence}"
            return Check("harm", Outcome.FAIL, None, 1 / policy.beta, g.n, sentence)
    level = mean_log_e([*(g.log_rollback for g in guardrails), shadow.log_rollback])
    worst = max(guardrails, key=lambda g: g.log_rollback)
    name, n = f"{worst.name} differ by {number(worst.seen)}", worst.n
    if shadow.log_rollback > worst.log_rollback:
        name, n = "the challenger fails on shadow requests", shadow.n_canary
    e, required = math.exp(min(level, 700.0)), 1 / policy.beta
    found = f"mean e-value {number(e)} of {number(required)} needed"
    if level < limit:
        return Check("harm", Outcome.PASS, e, required, n, f"no harm shown ({found})")
    sentence = f"worse than the champion: {name} (n = {n:,}; {found})"
    return Check("harm", Outcome.FAIL, e, required, n, sentence)


def _integrity(evidence: Evidence, stage: Stage) -> list[Check]:
    splits = [mismatch(canary, total, share) for canary, total, share in evidence.shares]
    level = mean_log_e(splits) if splits else 0.0
    limit = math.log(1 / _MISMATCH_ALPHA)
    total = sum(row[1] for row in evidence.shares)
    broken = not level < limit
    split = Check(
        "split", Outcome.FAIL if broken else Outcome.PASS, math.exp(min(level, 700.0)),
        1 / _MISMATCH_ALPHA, total,
        f"the split is {'broken: arms do not hold' if broken else 'sound: arms hold'}"
        f" the shares they should (n = {total:,} units)",
    )  # fmt: skip
    lost = stage.unlogged
    log = Check(
        "complete log", Outcome.INCONCLUSIVE if lost else Outcome.PASS, float(lost), 0.0, lost,
        f"{lost:,} answers could not be logged: the evidence has gaps" if lost
        else "every answer was logged",
    )  # fmt: skip
    return [split, log]


def _stage_filled(evidence: Evidence, stage: Stage, policy: CanaryPolicy) -> Check:
    if stage.phase is Phase.SHADOW:
        seen, needed, unit = len(evidence.pair_means), policy.min_periods, "matured shadow periods"
    else:
        seen, needed = evidence.stage_requests, policy.min_stage_requests
        unit = f"canary requests at {stage.share:.0%}"
    outcome = Outcome.PASS if seen >= needed else Outcome.INCONCLUSIVE
    sentence = f"{seen:,} of {needed:,} {unit}"
    return Check("stage", outcome, float(seen), float(needed), seen, sentence)


def _sentences(*checks: Check) -> str:
    return "; ".join(check.sentence for check in checks)


def _periods_needed(mean: float, sd: float, seen: int, policy: CanaryPolicy) -> int | None:
    """Periods still to come, were they like the ones seen."""
    if seen < 2 or not sd > 0 or not mean < policy.margin:  # noqa: PLR2004 - an sd needs two
        return None
    target = math.log(1 / policy.alpha)
    for k in range(max(seen, policy.min_periods), _LONGEST_FORECAST):
        if log_t_eprocess(mean, sd, k, null=policy.margin, sign=-1) >= target:
            return max(1, k - seen)
    return None


def _proportional(log_promote: float, n: int, alpha: float) -> int | None:
    if log_promote <= 0 or n == 0:
        return None
    return max(1, math.ceil(n * (math.log(1 / alpha) / log_promote - 1)))
