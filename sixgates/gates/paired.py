"""Is the challenger worse than the champion, judged on requests that both answered?

The unit is the period (a day by default): `x_k` is the mean over period k of
`loss_challenger - loss_champion` on the same rows. Rows of one period go together, periods hardly
do. The periods are judged by an anytime-valid t-test: the right-Haar e-process with a half-normal
prior on the effect size, exact under optional stopping for normal period means of unknown variance.
References: Gönen et al. 2005 (closed form); Hendriksen, de Heide and Grünwald 2021 and Pérez-Ortiz
et al. 2024 (optional stopping); Shin, Ramdas and Rinaldo 2023 (e-detectors).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, stdtr

_FEWEST = 2
"""Periods below which a standard deviation does not exist."""
_LEAST = -700.0
"""Smallest log e-value reported: finite, and as good as none."""
_STILL = 1e-12
"""A standard deviation this small against the means is rounding."""


@dataclass(frozen=True, slots=True)
class PeriodEvidence:
    """Evidence of paired periods, as natural logarithms of e-values."""

    log_promote: float
    """Against "worse by the margin or more": promote at `log(1/alpha)`."""
    log_rollback: float
    """Against "no worse": roll back at `log(1/beta)`."""
    periods: int
    mean: float
    """Mean of the period means: positive when the challenger loses more. NaN without periods."""
    sd: float
    """Standard deviation between periods. NaN below two periods."""


def log_t_factor(t: ArrayLike, k: ArrayLike, g: float = 1.0) -> NDArray[np.float64]:
    """Log e-value of the one-sided t-test after `k` periods, elementwise.

    With `v = k - 1` and `a = 1 + k g`:
    `-log(a)/2 + (v+1)/2 [log(1 + t²/v) - log(1 + t²/(v a))] + log(2 T_{v+1}(z sqrt((v+1)/v)))`,
    `z = t sqrt(k g / a) / sqrt(1 + t²/(v a))`, T the distribution function of Student. An infinite
    `t` gives the limit, which is finite.

    Args:
        t: Student's statistic, positive in the direction of the alternative.
        k: Periods, at least 2.
        g: Prior variance of the effect size.

    >>> log_t_factor([2.0, -1.0], 5).round(8).tolist()
    [1.08427233, -1.45282938]
    """
    # Clipped so that squares stay finite; the limit is long reached by then.
    t_stat = np.clip(np.asarray(t, dtype=np.float64), -1e100, 1e100)
    n = np.asarray(k, dtype=np.float64)
    v, a = n - 1, 1 + n * g
    z = t_stat * np.sqrt(n * g / a) / np.sqrt(1 + t_stat**2 / (v * a))
    side = stdtr(v + 1, z * np.sqrt((v + 1) / v))
    with np.errstate(divide="ignore"):  # so far on the wrong side that only the floor is left
        log_side = np.log(2 * side)
    gain = (v + 1) / 2 * (np.log1p(t_stat**2 / v) - np.log1p(t_stat**2 / (v * a)))
    return np.asarray(np.maximum(-np.log(a) / 2 + gain + log_side, _LEAST))


def log_t_eprocess(
    mean: float, sd: float, k: int, *, null: float, sign: int, g: float = 1.0
) -> float:
    """Log e-value against "mean <= null" (sign +1) or "mean >= null" (sign -1) after `k` periods.

    Fewer than two periods and NaN are no evidence (0). Without any spread the e-value is the limit
    of ever smaller spread, `(k-1)/2 log(1 + k g) + log(2 T_k(k sqrt(g)))`, and none at the null
    itself.

    >>> round(log_t_eprocess(0.01, 0.02, 9, null=0.02, sign=-1), 6)
    0.443043
    >>> log_t_eprocess(0.01, 0.02, 1, null=0.02, sign=-1)
    0.0
    """
    if k < _FEWEST or not (math.isfinite(mean) and math.isfinite(sd)):
        return 0.0
    distance = sign * (mean - null)
    if sd <= _STILL * max(abs(mean), abs(null)):
        t = math.copysign(math.inf, distance) if distance else math.nan
    else:
        t = distance / (sd / math.sqrt(k))
    return 0.0 if math.isnan(t) else float(log_t_factor(t, k, g))


def judge_periods(
    period_means: NDArray[np.float64], margin: float, min_periods: int
) -> PeriodEvidence:
    """Measure the evidence of paired periods for promotion and for rollback.

    Below `min_periods`, or with NaN among the means, both are 0. Periods that are all the same
    carry no evidence for promotion: two models that never differ, or a broken join, look like that.

    Args:
        period_means: Mean loss difference of each period, in time order.
        margin: Non-inferiority margin, in the same units.
        min_periods: Fewest periods for evidence, at least 2.

    >>> seen = judge_periods(np.array([-0.001, 0.002, 0.0, -0.002, 0.001, 0.0]), 0.02, 3)
    >>> bool(seen.log_promote > np.log(20)), seen.periods
    (True, 6)
    """
    x = np.asarray(period_means, dtype=np.float64)
    k = int(x.size)
    mean = float(x.mean()) if k else math.nan
    sd = float(x.std(ddof=1)) if k >= _FEWEST else math.nan
    if k < max(min_periods, _FEWEST) or not np.isfinite(x).all():
        return PeriodEvidence(0.0, 0.0, k, mean, sd)
    still = sd <= _STILL * max(abs(mean), margin)
    promote = 0.0 if still else log_t_eprocess(mean, sd, k, null=margin, sign=-1)
    return PeriodEvidence(promote, log_t_eprocess(mean, sd, k, null=0.0, sign=1), k, mean, sd)


def sr_detector(period_means: NDArray[np.float64], min_start: int = 3) -> float:
    """Log of the Shiryaev-Roberts e-detector for a rise of the mean above 0, at the last period.

    `M_k = sum over j of E_{j..k}`: a t e-process for "E[x] <= 0" is started at every period, so a
    rise in the middle of a long life is found. Alarm at `M_k >= c`: the average run length without
    a rise is at least `c` periods, and P(alarm within H periods) <= H/c. Starts with fewer than
    `min_start` periods count nothing, which only lengthens the run. Too few periods give -700, no
    evidence; NaN among them makes NaN, for the gate to name.

    >>> quiet, risen = [0.1, -0.2, 0.0, 0.1, -0.1] * 4, [0.5, 0.4, 0.6, 0.5, 0.4, 0.6]
    >>> bool(sr_detector(np.array(quiet + risen)) > np.log(100) > sr_detector(np.array(quiet)))
    True
    """
    x = np.asarray(period_means, dtype=np.float64)
    if not np.isfinite(x).all():
        return math.nan
    if x.size < max(min_start, _FEWEST):
        return _LEAST
    # Sums over the last 1, 2, 3 ... periods; centred first, so that the squares do not cancel.
    centre = float(x.mean())
    newest_first = x[::-1] - centre
    k = np.arange(1, x.size + 1, dtype=np.float64)
    shifts = np.cumsum(newest_first) / k
    spread = np.maximum(np.cumsum(newest_first**2) - k * shifts**2, 0.0)
    logs = [
        log_t_eprocess(centre + shift, math.sqrt(square / (n - 1)), int(n), null=0.0, sign=1)
        for shift, square, n in zip(shifts, spread, k, strict=True)
        if n >= max(min_start, _FEWEST)
    ]
    return float(logsumexp(logs))
