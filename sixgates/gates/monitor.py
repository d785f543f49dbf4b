"""Gate 6: does the new champion hold, now that it serves nearly everybody?

The previous champion keeps a hold-back and scores every other request in shadow. An e-detector on
period means of the loss difference finds a change whenever it comes; service errors and slowness
are judged on the hold-back's random split.
"""

import math

import numpy as np

from sixgates.gates.decision import Decision, Move
from sixgates.gates.evidence import Evidence
from sixgates.gates.policy import MonitorPolicy
from sixgates.gates.project import Project
from sixgates.gates.statistics.counts import dual_counts
from sixgates.gates.statistics.guards import mean_log_e
from sixgates.gates.statistics.periods import sr_detector
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, number


def judge_monitor(evidence: Evidence, project: Project) -> Decision:
    """Judge a promoted model against its predecessor.

    Args:
        evidence: Everything since the promotion; the trial is the new champion.
        project: Policy, and whether pairs may judge the loss.
    """
    policy = project.policies.monitor
    means = evidence.pair_means if project.pairs_count else evidence.split_means
    checks = [_service(evidence, policy), *_loss(means, policy)]
    verdict = Verdict.of(Gate.MONITOR, checks)
    move = {
        Outcome.FAIL: Move.ROLL_BACK,
        Outcome.PASS: Move.CONFIRM,
        Outcome.INCONCLUSIVE: Move.HOLD,
    }[verdict.outcome]
    return Decision(verdict, move, verdict.reason)


def _loss(means: np.ndarray, policy: MonitorPolicy) -> list[Check]:
    n = len(means)
    seen = float(means.mean()) if n else None
    level = sr_detector(means)
    if math.isnan(level) or (seen is not None and math.isnan(seen)):
        sentence = f"the loss difference is not a number (n = {n} periods)"
        return [Check("regression", Outcome.FAIL, None, policy.run_length, n, sentence)]
    e = math.exp(min(level, 700.0))
    alarm = e >= policy.run_length
    found = f"e-detector {number(e)} of {number(policy.run_length)}, n = {n} periods"
    regression = Check(
        "regression", Outcome.FAIL if alarm else Outcome.PASS, e, policy.run_length, n,
        f"worse than the previous champion by {number(seen or 0.0)} in mean ({found})" if alarm
        else f"no regression shown ({found})",
    )  # fmt: skip
    watched = Check(
        "watched", Outcome.PASS if n >= policy.periods else Outcome.INCONCLUSIVE, float(n),
        float(policy.periods), n, f"{n} of {policy.periods} matured periods watched",
    )  # fmt: skip
    return [regression, watched]


def _service(evidence: Evidence, policy: MonitorPolicy) -> Check:
    duals = [
        dual_counts(evidence.errors, policy.error_margin),
        dual_counts(evidence.slow, policy.error_margin),
    ]
    level = mean_log_e([d.log_rollback for d in duals])
    n = duals[0].n_canary
    e, required = math.exp(min(level, 700.0)), 1 / policy.beta
    failed = not level < math.log(required)
    found = f"mean e-value {number(e)} of {number(required)}, n = {n:,} requests"
    relation = "more errors or slow answers than" if failed else "serves as well as"
    sentence = f"{relation} the hold-back ({found})"
    return Check("service", Outcome.FAIL if failed else Outcome.PASS, e, required, n, sentence)
