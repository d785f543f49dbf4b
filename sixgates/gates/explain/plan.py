"""When a release would be decided at a given traffic, and what keeps it from being decided at all.

Figures are those of `expect.py`: planning values under stated assumptions.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from sixgates.gates.canary import planned_shares, rollback_signals
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.explain.expect import (
    alarm_periods,
    clean_requests,
    failing_requests,
    pair_periods,
    wald_requests,
)
from sixgates.gates.project import Project

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is assumed of the world."""

    requests_per_day: float | None = None
    """None where nothing was said: then only what does not need it is worked out."""
    base_rate: float = 0.1
    """Mean loss of the champion as a share of the largest loss; for the random split."""
    effect_size: float = 1.0
    """Margin over the standard deviation of the true difference from period to period; for shadow
    pairs, and for a split that is judged by period, where chance comes on top."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How gates 5 and 6 would go. Days are infinite where no end is in sight."""

    shares: tuple[float, ...]
    """Canary shares that the traffic can fill; all of the policy's where it is not known."""
    shadow_days: float
    promote_requests: int
    """Canary requests until an equal challenger is promoted."""
    promote_periods: int | None
    """Matured periods for it; None where units judge the loss, and not periods."""
    promote_days: float | None
    """Since the release opened; None where the traffic is not known."""
    rollback_requests: int | None
    """Canary requests until one worse by the margin is rolled back; None where periods see it."""
    rollback_periods: int | None
    rollback_days: float | None
    failing_requests: int
    """Canary requests until one that fails always is rolled back, at the first share."""
    alarm_periods: float
    """Fewest periods in which the e-detector of gate 6 can alarm."""
    holdback_requests: float | None
    """Requests of the hold-back in a period."""


def plan_release(project: Project, traffic: Traffic) -> Plan:
    """Work out how long a release would take.

    Raises:
        ConfigurationError: an assumption outside its range.
    """
    policy, monitor = project.policies.canary, project.policies.monitor
    margin = policy.margin / project.loss_clip
    _require(traffic, margin)
    rate, period = traffic.requests_per_day, project.period / _DAY
    shares, least = policy.shares, policy.min_stage_requests
    if rate is not None:
        shares = planned_shares(policy, rate * period, project.period)
    horizon = (project.roles.label_horizon or timedelta()) / _DAY
    promote = max(
        clean_requests(policy.error_margin, policy.alpha),
        clean_requests(policy.slow_margin, policy.alpha),
    )
    signals = len(rollback_signals(policy))
    up_to = math.log(1 / policy.alpha)
    # One e-value alone must carry the mean over all, and units the mean over units and rows.
    down_to, by_units = math.log(signals / policy.beta), math.log(2 * signals / policy.beta)
    shadow = policy.min_periods * period + horizon
    up = down = rollback = None
    if project.pairs_count:
        up = pair_periods(traffic.effect_size, up_to, policy.min_periods)
        down = pair_periods(traffic.effect_size, down_to, policy.min_periods)
        shadow = _days(up, period) + horizon
        promote_days = shadow + _stages(shares, rate, least, promote)
        rollback_days = _days(down, period) + horizon
    elif project.units_count:
        bets = {"promote": up_to, "rollback": by_units, "share": shares[-1]}
        split = math.ceil(wald_requests(traffic.base_rate, margin, truth=0.0, **bets))
        rollback = math.ceil(wald_requests(traffic.base_rate, margin, truth=margin, **bets))
        promote = max(promote, split)
        # Labels of the last request ripen, and count when their period is over.
        late = horizon + period
        promote_days, rollback_days = (
            shadow + _stages(shares, rate, least, n) + late for n in (promote, rollback)
        )
    else:
        effect = _split_effect(traffic, margin, shares[-1], period)
        up = pair_periods(effect, up_to, policy.min_periods)
        down = pair_periods(effect, by_units, policy.min_periods)
        walk = shadow + _stages(shares, rate, least, 0)
        promote_days = max(
            shadow + _stages(shares, rate, least, promote), walk + _days(up, period) + horizon
        )
        rollback_days = walk + _days(down, period) + horizon
    return Plan(
        shares=shares,
        shadow_days=shadow,
        promote_requests=promote,
        promote_periods=up,
        promote_days=None if rate is None else promote_days,
        rollback_requests=rollback,
        rollback_periods=down,
        rollback_days=None if rate is None and not project.pairs_count else rollback_days,
        failing_requests=failing_requests(policy.error_margin, shares[0], by_units),
        alarm_periods=_soonest_alarm(project),
        holdback_requests=None if rate is None else rate * period * monitor.holdback,
    )


def _soonest_alarm(project: Project) -> float:
    """Fewest periods in which the e-detector of gate 6 can alarm."""
    limit = project.policies.monitor.run_length
    if project.pairs_count:
        return alarm_periods(limit) or math.inf
    # On the split it is the mean of two; units alarm as soon as there are enough of them.
    return 1 if project.units_count else alarm_periods(2 * limit) or math.inf


def _split_effect(traffic: Traffic, margin: float, share: float, period: float) -> float:
    """Margin over the standard deviation of a period's difference between the arms, or 0.

    To the spread of the truth comes that of the units, each losing all or nothing once:
    `base (1 - base) / (share (1 - share) n)` with n requests a period.
    """
    own, rate = traffic.effect_size**-2, traffic.requests_per_day
    if rate is None:
        return traffic.effect_size
    if rate == 0:
        return 0.0
    spread = traffic.base_rate * (1 - traffic.base_rate) / (share * (1 - share) * rate * period)
    return 1 / math.sqrt(own + spread / margin**2)


def _stages(shares: tuple[float, ...], rate: float | None, least: int, needed: int) -> float:
    """Days until the canary has answered what is needed: `least` at each share, then the last."""
    earlier = least * (len(shares) - 1)
    counts = [least] * (len(shares) - 1) + [max(least, needed - earlier)]
    if not rate:
        return math.inf
    return sum(n / (share * rate) for n, share in zip(counts, shares, strict=True))


def _days(periods: int | None, period: float) -> float:
    return math.inf if periods is None else periods * period


def _require(traffic: Traffic, margin: float) -> None:
    if traffic.requests_per_day is not None and not 0 <= traffic.requests_per_day < math.inf:
        raise ConfigurationError(
            f"{traffic.requests_per_day} requests a day cannot be: give a number from 0 on"
        )
    if not 0 < traffic.base_rate < 1 - margin:
        raise ConfigurationError(
            f"base rate {traffic.base_rate} leaves no room for the margin: give a share of the"
            f" largest loss above 0 and below {1 - margin:g}"
        )
    if not 0 < traffic.effect_size < math.inf:
        raise ConfigurationError(
            f"effect size {traffic.effect_size} cannot be: give a number above 0"
        )
