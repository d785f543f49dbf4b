"""Gate 6: does the new champion hold, now that it serves nearly everybody?

The previous champion keeps a hold-back and scores every other request in shadow. What needs no
labels speaks first: errors, slow answers and predictions on the hold-back's random split. Then an
e-detector on the loss difference finds a change whenever it comes.
"""

import math

import numpy as np

from sixgates.gates.decision import Decision, Move
from sixgates.gates.evidence import Evidence
from sixgates.gates.guardrails import Guardrail, judged, large_harm, rate
from sixgates.gates.loss_guardrail import readable
from sixgates.gates.policy import MonitorPolicy
from sixgates.gates.project import Project
from sixgates.gates.statistics.guards import mean_log_e
from sixgates.gates.statistics.periods import sr_detector, sr_of
from sixgates.gates.statistics.units import LossBatch, log_es_by_batch
from sixgates.gates.verdict import Check, EValues, Gate, Outcome, Verdict, number, numbers


def judge_monitor(evidence: Evidence, project: Project) -> Decision:
    """Judge a promoted model against its predecessor.

    Args:
        evidence: Everything since the promotion; the trial is the new champion.
        project: Policy, and what may judge the loss.
    """
    verdict = Verdict.of(
        Gate.MONITOR, [*_service(evidence, project), _regression(evidence, project),
                       _watched(evidence, project)],
    )  # fmt: skip
    move = {
        Outcome.FAIL: Move.ROLL_BACK,
        Outcome.PASS: Move.CONFIRM,
        Outcome.INCONCLUSIVE: Move.HOLD,
    }[verdict.outcome]
    return Decision(verdict, move, verdict.reason)


def _service(evidence: Evidence, project: Project) -> list[Check]:
    policy = project.policies.monitor
    guardrails = _unlabelled(evidence, policy, entity=project.roles.entity)
    deciding = [g for g in guardrails if not g.muted]
    level = mean_log_e([g.log_rollback for g in deciding])
    e, required = math.exp(min(level, 700.0)), 1 / policy.beta
    failed = not level < math.log(required)
    worst = max(deciding, key=lambda g: g.log_rollback, default=None)
    found = "mean e-value {} of {}".format(*numbers(e, required))
    if worst is None:
        sentence = "not judged without labels: every guardrail of it is muted"
    elif failed:
        sentence = f"worse than the hold-back: {worst.harm}; {found})"
    else:
        missing = "" if evidence.predictions or policy.prediction_margin is None else (
            "; predictions not judged, too few answers before the split fix their usual range"
        )  # fmt: skip
        sentence = f"serves as well as the hold-back ({found}, {worst.found}{missing})"
    outcome = Outcome.FAIL if failed else Outcome.PASS
    n, e_values = worst.n if worst else 0, EValues(None, None, e, required)
    service = Check("service", outcome, e, required, n, sentence, e_values=e_values)
    muted = [judged(g, alpha=policy.beta, beta=policy.beta) for g in guardrails if g.muted]
    return [service, *muted]


def _unlabelled(
    evidence: Evidence, policy: MonitorPolicy, *, entity: str | None
) -> list[Guardrail]:
    quantities = (
        ("server errors", evidence.errors, policy.error_margin),
        ("slow answers", evidence.slow, policy.error_margin),
        ("predictions", evidence.predictions, policy.prediction_margin),
    )
    unit = "requests" if entity is None else "units"
    return [
        rate(
            name,
            counted,
            margin,
            unit=unit,
            alpha=policy.beta,
            muted=name in policy.muted,
            returning=entity is not None,
            tolerated=name == "predictions",
            any_day=True,
        )
        for name, counted, margin in quantities
        if counted is not None and margin is not None
    ]


def _regression(evidence: Evidence, project: Project) -> Check:
    limit = project.policies.monitor.run_length
    n = _periods(evidence, project)
    means = evidence.pair_means if project.pairs_count else evidence.split_means
    level = _detector(evidence, project)
    if math.isnan(level):
        sentence = f"the loss difference is not a number (n = {n} periods)"
        return Check("regression", Outcome.FAIL, None, limit, n, sentence)
    e = math.exp(min(level, 700.0))
    alarm = e >= limit
    seen = number(float(means.mean())) if len(means) else "an unknown amount"
    said, at = numbers(round(e, 6), limit)
    found = (
        f"e-detector {said} of {at}, n = {n} periods; an equal model alarms once in {at} periods or"
        " more"
    )
    sentence = f"no regression shown ({found})"
    if alarm:
        sentence = f"worse than the previous champion by {seen} in mean ({found})"
    outcome = Outcome.FAIL if alarm else Outcome.PASS
    e_values = EValues(None, None, e, limit)
    return Check("regression", outcome, e, limit, n, sentence, e_values=e_values)


def _watched(evidence: Evidence, project: Project) -> Check:
    n, needed = _periods(evidence, project), project.policies.monitor.periods
    return Check(
        "watched", Outcome.PASS if n >= needed else Outcome.INCONCLUSIVE, float(n),
        float(needed), n, f"{n} of {needed} matured periods watched",
    )  # fmt: skip


def _detector(evidence: Evidence, project: Project) -> float:
    """Log of the e-detector; on the split the mean of two, which is one again."""
    if project.pairs_count:
        return sr_detector(evidence.pair_means)
    losses, margin = evidence.losses, project.policies.canary.margin / project.loss_clip
    if not readable(losses.every):
        return math.nan
    if project.units_count:
        by_units = _shiryaev_roberts(losses.once, margin, 0.0)
        if project.roles.entity is None:  # each request is a unit: all of them count as it is
            return by_units
    else:
        by_units = sr_detector(evidence.split_means)
    large = _shiryaev_roberts(losses.every, margin, large_harm(margin))
    return mean_log_e([by_units, large])


def _shiryaev_roberts(batches: tuple[LossBatch, ...], margin: float, floor: float) -> float:
    _, rollback = log_es_by_batch(batches, margin, floor)
    compared = np.array([batch.compares for batch in batches], dtype=bool)
    return sr_of(rollback[compared])


def _periods(evidence: Evidence, project: Project) -> int:
    """Matured periods in which both models can be compared, with units new or known."""
    if project.pairs_count:
        return len(evidence.pair_means)
    return sum(batch.compares for batch in evidence.losses.every)
