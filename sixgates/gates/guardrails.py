"""The quantities that gates 5 and 6 judge: evidence for and against each, and how to say it.

Each has an e-process for "not worse by the margin" and one for "worse". Where units return, the
second is the mean of two: every unit once, which finds any harm, and all rows, which may only find
harm beyond twice the margin. Predictions that moved are no harm in themselves: what moved by less
than its margin is not held against a model, and what moved by twice as much is not promoted.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sixgates.gates.explain.spans import span_of_days
from sixgates.gates.policy import CanaryPolicy
from sixgates.gates.split import Counted
from sixgates.gates.statistics.counts import ArmCounts, Bet, Floats, log_es_of_batches
from sixgates.gates.statistics.guards import error_ratio_log_e, from_any_batch, mean_log_e
from sixgates.gates.verdict import Check, EValues, Outcome, number, numbers

_PROMOTE_AT = (0.5, 1.0, 1.5)
_ROLL_BACK_AT = (1.5, 2.0)
"""Excesses supposed of what is tolerated, in margins. One bet alone decides nothing, ever, where
the truth is farther from what it supposes than from what it doubts; of these one is always nearer.
"""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """The evidence about one quantity."""

    name: str
    log_promote: float | None
    """None where it can only roll back."""
    log_rollback: float
    """NaN where a label or an answer is not a number: then nothing can be judged."""
    found: str
    """What was seen, with n and the rule that judged it."""
    harm: str
    """What would be said of it as harm."""
    n: int
    seen: float
    margin: float
    needed: int | None = None
    """Further evidence until promotion, were it like that so far; None when not foreseeable."""
    pace: float | None = None
    """How much of it a day brings; None where that is not known."""
    waits: bool = False
    """Whether its evidence begins with the split, and there is none yet."""
    refusal: str = ""
    """Why it could not be judged at all."""
    muted: bool = False


def large_harm(margin: float) -> float:
    """Return the floor above which all rows may speak: twice the margin, where a bet fits above it.

    >>> large_harm(0.02), large_harm(0.5)
    (0.04, 0.25)
    """
    return min(2 * margin, (1 - margin) / 2)


def rate(
    name: str,
    counted: Counted,
    margin: float,
    *,
    unit: str,
    alpha: float,
    muted: bool,
    returning: bool,
    tolerated: bool = False,
    any_day: bool = False,
) -> Guardrail:
    """Judge the share of bad answers of both arms.

    Args:
        name: Of the quantity.
        counted: What was seen.
        margin: Largest tolerated excess, in (0, 1).
        unit: What `counted.once` counts, in the plural.
        alpha: Error rate of a promotion, for the forecast.
        muted: Whether it decides nothing.
        returning: Whether units may come back. Where each request is a unit, all of them count at
            once, and a process for large harm beside that could only slow the rollback.
        tolerated: Whether an excess within the margin is no harm in itself. Then a rollback needs
            one beyond it, not any; and a promotion one below twice the margin, not below it.
        any_day: Whether harm may begin after days without it. Else what these spoke against it
            would first have to be won back.
    """
    n = sum(b.canary_n for b in counted.once)
    limit, floor = (2 * margin, margin) if tolerated else (margin, 0.0)
    better, worse = (_PROMOTE_AT, _ROLL_BACK_AT) if tolerated else ((0.0,), (1.0,))
    bets = [*(Bet(limit, m * margin) for m in better), *(Bet(floor, m * margin) for m in worse)]
    logs = log_es_of_batches(counted.once, bets)
    log_promote = mean_log_e(logs[: len(better)].sum(axis=1))
    levels = [mean_log_e([_level(log, counted.once, any_day) for log in logs[len(better) :]])]
    seen = _excess(counted.once)
    harm = f"{name} differ by {number(seen)} (n = {n:,}"
    if returning:
        large = large_harm(margin)
        (log,) = log_es_of_batches(counted.every, [Bet(large, large + margin)])
        levels.append(_level(log, counted.every, any_day))
        if levels[1] > levels[0]:
            requests = sum(b.canary_n for b in counted.every)
            harm = f"{name} differ by {number(_excess(counted.every))} (n = {requests:,}"
    needed = proportional(log_promote, n, alpha)
    if needed is None and seen < limit / 2:
        # A clean canary unit multiplies the promotion evidence by about 1 + margin.
        needed = math.ceil(math.log(1 / alpha) / math.log1p(limit))
    return Guardrail(
        name, log_promote, mean_log_e(levels),
        f"n = {n:,} {unit}", harm, n, seen, limit, needed, muted=muted,
    )  # fmt: skip


def _level(logs: Floats, batches: Sequence[ArmCounts], any_day: bool) -> float:  # noqa: FBT001
    """Log e-value of all batches, for harm from the first on or from any of them on."""
    if not any_day:
        return float(logs.sum())
    return from_any_batch(logs[[b.canary_n > 0 and b.control_n > 0 for b in batches]])


def unseen(name: str, margin: float, refusal: str, *, muted: bool) -> Guardrail:
    """Return a guardrail that could not be judged: no evidence for or against anything."""
    return Guardrail(
        name, 0.0, 0.0, "n = 0", "", 0, math.nan, margin,
        refusal=refusal, muted=muted,
    )  # fmt: skip


def early_errors(cohorts: Sequence[ArmCounts] | None, policy: CanaryPolicy) -> Guardrail:
    """Judge large losses among early labels: rollback only, against "at most the ratio as many"."""
    name, ratio = "early errors", policy.early_ratio or math.inf
    muted = name in policy.muted
    if cohorts is None:
        silent = "no split yet, or no champion's loss had matured when it began"
        return Guardrail(
            name, None, 0.0, "", "", 0, math.nan, ratio, refusal=f"silent: {silent}", muted=muted
        )
    both = [c for c in cohorts if c.canary_n > 0 and c.control_n > 0]
    level = sum(
        error_ratio_log_e(
            c.canary_bad, c.control_bad, share=c.canary_n / (c.canary_n + c.control_n),
            ratio=2 * ratio, null_ratio=ratio,
        )
        for c in both
    )  # fmt: skip
    bad, seen = sum(c.canary_bad for c in both), sum(c.canary_n for c in both)
    # What the canary's units would show at the control's rate, cohort by cohort.
    expected = sum(c.control_bad * c.canary_n / c.control_n for c in both)
    times = bad / expected if expected > 0 else math.nan
    found = f"{bad:,} units with a large loss among early labels, {number(expected)} expected"
    return Guardrail(
        name, None, level, found, f"early errors: {found} (n = {seen:,}", seen, times, ratio,
        muted=muted,
    )  # fmt: skip


def judged(g: Guardrail, *, alpha: float, beta: float, signals: int = 1) -> Check:
    """Say whether a guardrail is good enough for a promotion; a muted one also whether it harms.

    Args:
        g: What was seen.
        alpha: Error rate of a promotion.
        beta: Error rate of a rollback.
        signals: Number of e-values whose mean rolls back, where this is one of them.
    """
    passed = g.log_promote is None or g.log_promote >= math.log(1 / alpha)
    outcome = Outcome.PASS if passed else Outcome.INCONCLUSIVE
    if g.refusal:
        sentence = f"{g.name}: {g.refusal}"
    elif math.isnan(g.log_rollback):
        sentence = f"{g.name} is not a number ({g.found})"
    elif g.muted and g.log_rollback >= math.log(1 / beta):
        outcome, sentence = Outcome.FAIL, f"worse than the champion: {g.harm}; {_e_value(g)})"
    elif g.log_promote is None:
        sentence = f"{g.name}: {g.found} ({_e_value(g)}, n = {g.n:,} canary units)"
    elif passed:
        difference, margin = numbers(g.seen, g.margin)
        sentence = f"{g.name}: not worse by {margin} (difference {difference}, {g.found})"
    else:
        sentence = f"{g.name}: not enough evidence yet ({g.found}, needs {_more(g)})"
    if g.muted:
        sentence = f"muted: {sentence}"
    seen = None if math.isnan(g.seen) else g.seen
    e_values = EValues.of_logs(
        g.log_promote, g.log_rollback, rollback_at=(1 if g.muted else signals) / beta,
        promote_at=None if g.log_promote is None else 1 / alpha,
    )  # fmt: skip
    return Check(g.name, outcome, seen, g.margin, g.n, sentence, g.muted, e_values)


def time_for(n: int, pace: float | None) -> str:
    """Say how long something takes at a pace a day; nothing where no pace is known.

    >>> time_for(1200, 300.0)
    ', some 4 days at the present rate'
    """
    return f", some {span_of_days(n / pace)} at the present rate" if pace else ""


def per_day(per_period: float, period: timedelta) -> float:
    """Turn a rate a period into one a day."""
    return per_period * (timedelta(days=1) / period)


def proportional(log_promote: float, n: int, alpha: float) -> int | None:
    """Return the further evidence until promotion, were it like the `n` seen; None if never."""
    if log_promote <= 0 or n == 0:
        return None
    return max(1, math.ceil(n * (math.log(1 / alpha) / log_promote - 1)))


def _more(g: Guardrail) -> str:
    if g.needed is None:
        return "more than can be foreseen"
    if g.waits:
        return f"about {g.needed:,} more after the split begins"
    return f"about {g.needed:,} more{time_for(g.needed, g.pace)}"


def _e_value(g: Guardrail) -> str:
    return f"e-value {number(math.exp(min(g.log_rollback, 700.0)))}"


def _excess(batches: Sequence[ArmCounts]) -> float:
    """Canary's rate minus the control's, batch by batch, weighted by how much each can tell.

    Over pooled rows, a share that grows while the base rate moves would look like a difference.
    """
    both = [b for b in batches if b.canary_n > 0 and b.control_n > 0]
    told = [b.canary_n * b.control_n / (b.canary_n + b.control_n) for b in both]
    by_batch = [b.canary_bad / b.canary_n - b.control_bad / b.control_n for b in both]
    return math.fsum(map(operator.mul, told, by_batch)) / (math.fsum(told) or 1.0)
