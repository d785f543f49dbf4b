"""When a release would be decided at a given traffic, and what keeps it from being decided at all.

Figures are those of `expect.py`: planning values under stated assumptions.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from sixgates.gates.canary import planned_shares
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.explain.expect import (
    alarm_periods,
    clean_requests,
    failing_requests,
    pair_periods,
    wald_requests,
)
from sixgates.gates.project import Project

_E_VALUES = 4
"""Gate 5 takes the mean of so many e-values: loss, server errors, slow answers, shadow errors. One
alone must therefore reach four times 1/beta."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is assumed of the world."""

    requests_per_day: float | None = None
    """None where nothing was said: then only what does not need it is worked out."""
    base_rate: float = 0.1
    """Mean loss of the champion as a share of the largest loss; for the random split."""
    effect_size: float = 1.0
    """Margin over the standard deviation of the period means; for shadow pairs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How gates 5 and 6 would go. Days are infinite where no end is in sight."""

    shares: tuple[float, ...]
    """Canary shares that the traffic can fill; all of the policy's where it is not known."""
    shadow_days: float
    promote_requests: int
    """Canary requests until an equal challenger is promoted."""
    promote_periods: int | None
    """Matured periods of pairs for it; None where pairs do not count."""
    promote_days: float | None
    """Since the release opened; None where the traffic is not known."""
    rollback_requests: int | None
    """Canary requests until one worse by the margin is rolled back; None where pairs see it."""
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
    service = max(
        clean_requests(policy.error_margin, policy.alpha),
        clean_requests(policy.slow_margin, policy.alpha),
    )
    levels = {"promote": math.log(1 / policy.alpha), "rollback": math.log(_E_VALUES / policy.beta)}
    shadow = policy.min_periods * period + horizon
    if project.pairs_count:
        up, down = (
            pair_periods(traffic.effect_size, level, policy.min_periods)
            for level in levels.values()
        )
        shadow = _days(up, period) + horizon
        promote = service
        rollback, rollback_days = None, _days(down, period) + horizon
        promote_days = shadow + _stages(shares, rate, least, service)
    else:
        up = down = None
        bets = {**levels, "share": shares[-1]}
        split = math.ceil(wald_requests(traffic.base_rate, margin, truth=0.0, **bets))
        rollback = math.ceil(wald_requests(traffic.base_rate, margin, truth=margin, **bets))
        promote = max(service, split)
        # Labels of the last request ripen, and count when their period is over.
        late = horizon + period
        promote_days, rollback_days = (
            shadow + _stages(shares, rate, least, n) + late for n in (promote, rollback)
        )
    return Plan(
        shares=shares,
        shadow_days=shadow,
        promote_requests=promote,
        promote_periods=up,
        promote_days=None if rate is None else promote_days,
        rollback_requests=rollback,
        rollback_periods=down,
        rollback_days=None if rate is None and not project.pairs_count else rollback_days,
        failing_requests=failing_requests(policy.error_margin, shares[0], levels["rollback"]),
        alarm_periods=alarm_periods(monitor.run_length) or math.inf,
        holdback_requests=None if rate is None else rate * period * monitor.holdback,
    )


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
