"""Gate 5: does the challenger do harm on real traffic, and is it known to be good enough?

Every guardrail has two e-processes. Promotion needs each of them to show "not worse by the
margin"; rollback needs the mean of the e-values for "worse" to reach 1/beta, which is valid under
any dependence. Both hold under any peeking (Ville's inequality).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from sixgates.gates.decision import Decision, Move
from sixgates.gates.early import FEWEST_ANSWERS
from sixgates.gates.evidence import Evidence
from sixgates.gates.guardrails import (
    Guardrail,
    early_errors,
    judged,
    per_day,
    rate,
    time_for,
    unseen,
)
from sixgates.gates.loss_guardrail import loss_guardrail
from sixgates.gates.policy import CanaryPolicy
from sixgates.gates.project import Project
from sixgates.gates.statistics.counts import rollback_of_counts
from sixgates.gates.statistics.guards import mean_log_e
from sixgates.gates.statistics.guards import ratio_mismatch_log_e as mismatch
from sixgates.gates.verdict import Check, EValues, Gate, Outcome, Verdict, numbers, percent

_MISMATCH_ALPHA = 0.001
_UNBEARABLE = 100.0
"""Harm whose e-value is so many times its limit rolls back under every policy."""


class Phase(StrEnum):
    """Whether the challenger answers anybody yet."""

    SHADOW = "shadow"
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Breaker:
    """Why a gateway cut the canary off by itself, without waiting for a tick."""

    reason: str
    seen: int
    """Failures or stalls."""
    limit: int
    """So many were enough."""
    n: int
    """Canary answers among which they were."""


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
    breaker: Breaker | None = None
    """The first breaker that tripped in this release, None where none did."""


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


def rollback_signals(policy: CanaryPolicy) -> tuple[str, ...]:
    """Name the e-values whose mean can roll back: one alone must reach their count over beta.

    >>> rollback_signals(CanaryPolicy(margin=0.02, muted=("server errors",)))
    ('loss', 'slow answers', 'predictions', 'early errors')
    """
    named = ["loss", "server errors", "shadow errors", "slow answers"]
    named += ["predictions"] if policy.prediction_margin is not None else []
    named += ["early errors"] if policy.early_ratio is not None else []
    muted = {*policy.muted, *(["shadow errors"] if "server errors" in policy.muted else [])}
    return tuple(name for name in named if name not in muted)


def judge_canary(evidence: Evidence, stage: Stage, project: Project) -> Decision:
    """Judge a release in shadow or in a split.

    Args:
        evidence: Everything since the release opened.
        stage: Where the release stands.
        project: Policy, loss, and what may judge the loss.

    Returns:
        A verdict that passes only when the challenger may be promoted, and the move to make.
    """
    policy = project.policies.canary
    guardrails = [
        _with_pace(loss_guardrail(evidence, project), evidence, stage, project),
        *(_with_pace(g, evidence, stage, project) for g in _unlabelled(evidence, project)),
    ]
    if policy.early_ratio is not None:
        guardrails.append(early_errors(evidence.early, policy))
    signals = len(rollback_signals(policy))
    checks = [
        *_cut_off(stage.breaker),
        _harm(guardrails, evidence, policy),
        *_integrity(evidence, stage),
        *(judged(g, alpha=policy.alpha, beta=policy.beta, signals=signals) for g in guardrails),
        _stage_filled(evidence, stage, project),
    ]
    verdict = Verdict.of(Gate.CANARY, checks)
    move, reason = _move(verdict, stage, policy, project)
    return Decision(verdict, move, reason)


def _move(
    verdict: Verdict, stage: Stage, policy: CanaryPolicy, project: Project
) -> tuple[Move, str]:
    by_name = {check.name: check for check in verdict.checks}
    if verdict.outcome is Outcome.FAIL and not _may_freeze(verdict, policy):
        return Move.ROLL_BACK, verdict.reason
    if stage.open_for > policy.deadline:
        return Move.EXPIRE, f"the deadline passed without a promotion: {verdict.reason}"
    if stays := _stays(verdict, stage):
        return Move.HOLD, stays
    if verdict.passed and stage.phase is Phase.SPLIT and stage.is_last:
        return Move.PROMOTE, verdict.reason
    # Where pairs may judge the loss, nobody is exposed to a loss that is not yet known.
    loss_known = not project.pairs_count or by_name["loss"].outcome is Outcome.PASS
    may_grow = stage.phase is Phase.SHADOW or not stage.is_last
    if may_grow and loss_known and by_name["stage"].outcome is Outcome.PASS:
        return Move.ADVANCE, _sentences(by_name["stage"], by_name["loss"])
    return Move.HOLD, verdict.reason


def _stays(verdict: Verdict, stage: Stage) -> str:
    """Say why the share stays whatever else is known; empty where it may grow."""
    if verdict.outcome is Outcome.FAIL:
        return f"frozen at {percent(stage.share)}, a person must decide: {verdict.reason}"
    log = next(c for c in verdict.checks if c.name == "complete log")
    return "" if log.outcome is Outcome.PASS else log.sentence


def _may_freeze(verdict: Verdict, policy: CanaryPolicy) -> bool:
    """Whether nothing failed but bearable harm; harm that could not be judged is none."""
    failed = [c for c in verdict.checks if c.outcome is Outcome.FAIL and not c.muted]
    return policy.on_harm == "freeze" and all(
        c.name == "harm"
        and c.seen is not None
        and c.required is not None
        and c.seen < _UNBEARABLE * c.required
        for c in failed
    )


def _unlabelled(evidence: Evidence, project: Project) -> Iterator[Guardrail]:
    """Judge what needs no labels."""
    policy = project.policies.canary
    unit = "canary requests" if project.roles.entity is None else "canary units"
    usual = policy.prediction_margin
    quantities = (
        ("server errors", evidence.errors, policy.error_margin),
        ("slow answers", evidence.slow, policy.slow_margin),
        ("predictions", evidence.predictions, usual),
    )
    for name, counted, margin in quantities:
        muted = name in policy.muted
        if margin is None:
            continue
        if counted is None:
            refusal = (
                f"not judged, because fewer than {FEWEST_ANSWERS} answers of the champion before"
                " the split fix no usual range; canary.prediction_margin = None goes without"
            )
            yield unseen(name, margin, refusal, muted=muted)
        else:
            yield rate(
                name, counted, margin, unit=unit, alpha=policy.alpha, muted=muted,
                returning=project.roles.entity is not None, tolerated=name == "predictions",
            )  # fmt: skip


def _with_pace(
    guardrail: Guardrail, evidence: Evidence, stage: Stage, project: Project
) -> Guardrail:
    """Add how fast its evidence comes: periods as they pass, units as the present share sends."""
    by_split = guardrail.name != "loss" or not project.pairs_count
    if by_split and stage.phase is Phase.SHADOW:
        return replace(guardrail, waits=True)
    if guardrail.name == "loss" and (project.pairs_count or not project.units_count):
        return replace(guardrail, pace=per_day(1.0, project.period))
    units = evidence.units_per_period * stage.share
    return replace(guardrail, pace=per_day(units, project.period))


def _cut_off(breaker: Breaker | None) -> list[Check]:
    if breaker is None:
        return []
    sentence = f"a gateway cut the canary off: {breaker.reason} (n = {breaker.n:,})"
    seen, limit = float(breaker.seen), float(breaker.limit)
    return [Check("breaker", Outcome.FAIL, seen, limit, breaker.n, sentence)]


def _harm(guardrails: list[Guardrail], evidence: Evidence, policy: CanaryPolicy) -> Check:
    required = 1 / policy.beta
    for g in guardrails:
        if math.isnan(g.log_rollback):
            sentence = f"harm could not be judged: {g.harm})"
            return Check("harm", Outcome.FAIL, None, required, g.n, sentence)
    shadow, rows = evidence.shadow_errors, sum(b.canary_n for b in evidence.shadow_errors)
    levels = {g.name: g.log_rollback for g in guardrails} | {
        "shadow errors": rollback_of_counts(shadow, policy.error_margin)
    }
    said = {g.name: (g.harm, g.n) for g in guardrails} | {
        "shadow errors": (f"the challenger fails on shadow requests (n = {rows:,}", rows)
    }
    deciding = rollback_signals(policy)
    level = mean_log_e([levels[name] for name in deciding])
    worst, n = said[max(deciding, key=lambda name: levels[name])]
    e = math.exp(min(level, 700.0))
    found = "mean e-value {} of {} needed".format(*numbers(e, required))
    e_values = EValues(None, None, e, required)
    outcome, sentence = Outcome.PASS, f"no harm shown ({found})"
    if not level < math.log(required):
        outcome, sentence = Outcome.FAIL, f"worse than the champion: {worst}; {found})"
    return Check("harm", outcome, e, required, n, sentence, e_values=e_values)


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
        else "no answer was lost on its way to the log",
    )  # fmt: skip
    return [split, log]


def _stage_filled(evidence: Evidence, stage: Stage, project: Project) -> Check:
    policy = project.policies.canary
    if stage.phase is Phase.SHADOW:
        seen, needed, unit = len(evidence.pair_means), policy.min_periods, "matured shadow periods"
        pace = per_day(1.0, project.period)
    else:
        seen, needed = evidence.stage_requests, policy.min_stage_requests
        unit = f"canary requests at {percent(stage.share)}"
        pace = per_day(evidence.requests_per_period * stage.share, project.period)
    sentence, outcome = f"{seen:,} of {needed:,} {unit}", Outcome.PASS
    if seen < needed:
        sentence, outcome = sentence + time_for(needed - seen, pace), Outcome.INCONCLUSIVE
    return Check("stage", outcome, float(seen), float(needed), seen, sentence)


def _sentences(*checks: Check) -> str:
    return "; ".join(check.sentence for check in checks)
