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
    return float(_log_t(np.array(mean), np.array(sd), np.array(k), null, sign, g=g))


def judge_moments(
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    k: NDArray[np.float64],
    margin: float,
    min_periods: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log e-values for promotion and for rollback from mean and spread of `k` periods, elementwise.

    What `judge_periods` says, for many streams or many lengths of one at once.

    >>> pair = judge_moments(np.array([0.0, 0.02]), np.full(2, 0.01), np.full(2, 9), 0.02, 3)
    >>> (pair[0] > np.log(20)).tolist(), (pair[1] > np.log(20)).tolist()
    ([True, False], [False, True])
    """
    enough = k >= max(min_periods, _FEWEST)
    still = sd <= _STILL * np.maximum(np.abs(mean), margin)
    promote = np.where(enough & ~still, _log_t(mean, sd, k, margin, -1), 0.0)
    return promote, np.where(enough, _log_t(mean, sd, k, 0.0, 1), 0.0)


def _log_t(
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    k: NDArray[np.float64],
    null: float,
    sign: int,
    *,
    g: float = 1.0,
) -> NDArray[np.float64]:
    known = (k >= _FEWEST) & np.isfinite(mean) & np.isfinite(sd)
    distance = sign * (mean - null)
    still = sd <= _STILL * np.maximum(np.abs(mean), abs(null))
    with np.errstate(divide="ignore", invalid="ignore"):
        # No spread and no distance: 0 times infinity, not a number, no evidence.
        t = distance * np.where(still, np.inf, np.sqrt(k) / sd)
    known = known & ~np.isnan(t)
    return np.where(known, log_t_factor(np.where(known, t, 0.0), np.where(known, k, 2), g), 0.0)


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
    promote, rollback = judge_moments(
        np.array(mean), np.array(sd), np.array(k), margin, min_periods
    )
    return PeriodEvidence(float(promote), float(rollback), k, mean, sd)


def sr_detector(period_means: NDArray[np.float64], min_start: int = 5) -> float:
    """Log of the Shiryaev-Roberts e-detector for a rise of the mean above 0, at the last period.

    `M_k = sum over j of E_{j..k}`: a t e-process for "E[x] <= 0" is started at every period, so a
    rise in the middle of a long life is found. Alarm at `M_k >= c`: the average run length without
    a rise is at least `c` periods, and P(alarm within H periods) <= H/c. Starts with fewer than
    `min_start` periods count nothing: a run only gets longer by it, and the means of a small
    hold-back are skewed, which misleads the shortest starts most (from 3 on, a hold-back of 50 rows
    with base rate 0.10 alarms after 195 periods at c = 200, from 5 on after 204; the delay is the
    same). Too few periods give -700, no evidence; NaN among them makes NaN, for the gate to name.

    >>> quiet, risen = [0.1, -0.2, 0.0, 0.1, -0.1] * 4, [0.5, 0.4, 0.6, 0.5, 0.4, 0.6]
    >>> bool(sr_detector(np.array(quiet + risen)) > np.log(100) > sr_detector(np.array(quiet)))
    True
    """
    x = np.asarray(period_means, dtype=np.float64)
    if not np.isfinite(x).all():
        return math.nan
    if x.size < max(min_start, _FEWEST):
        return _LEAST
    return float(logsumexp(_log_by_start(x, min_start)))


def sr_rise(period_means: NDArray[np.float64], min_start: int = 5) -> int | None:
    """Return the place of the period at which the mean began to rise above 0, if it has.

    It is the start `j` whose `E_{j..k}` is the largest of those that `sr_detector` adds up: the
    maximum-likelihood estimate of a change (Hinkley, Biometrika 57, 1970), with e-values in place
    of likelihoods. So it lies at least `min_start` periods back.

    Args:
        period_means: In time order.
        min_start: Periods that a start counts for at least.

    Returns:
        None where no start speaks for a rise, with too few periods, or NaN among them.

    >>> quiet, risen = [0.1, -0.2, 0.0, 0.1, -0.1] * 4, [0.5, 0.4, 0.6, 0.5, 0.4, 0.6]
    >>> sr_rise(np.array(quiet + risen)), sr_rise(np.array(quiet) - 0.1)
    (20, None)
    """
    x = np.asarray(period_means, dtype=np.float64)
    if not np.isfinite(x).all() or x.size < max(min_start, _FEWEST):
        return None
    by_start = _log_by_start(x, min_start)
    best = int(np.argmax(by_start))
    return x.size - max(min_start, _FEWEST) - best if by_start[best] > 0 else None


def _log_by_start(x: NDArray[np.float64], min_start: int) -> NDArray[np.float64]:
    """Log e-value of a rise from each period on that counts as a start, the newest first."""
    # Sums over the last 1, 2, 3 ... periods; centred first, so that the squares do not cancel.
    centre = float(x.mean())
    newest_first = x[::-1] - centre
    k = np.arange(1, x.size + 1, dtype=np.float64)
    shifts = np.cumsum(newest_first) / k
    spread = np.maximum(np.cumsum(newest_first**2) - k * shifts**2, 0.0)
    started = k >= max(min_start, _FEWEST)
    k, shifts, spread = k[started], shifts[started], spread[started]
    return _log_t(centre + shifts, np.sqrt(spread / (k - 1)), k, 0.0, 1)


def sr_of(log_es: NDArray[np.float64]) -> float:
    """Log of the Shiryaev-Roberts e-detector over e-values of batches, at the last one.

    `M_t = (1 + M_{t-1}) e_t`: alarm at `M_t >= c` has an average run length of at least `c` batches
    while every e-value has expectation at most 1 given the past, and P(alarm within H) <= H/c
    (Shin, Ramdas and Rinaldo 2023). No batch gives -700, no evidence; NaN makes NaN.

    >>> round(float(np.exp(sr_of(np.log([2.0, 3.0])))), 6)
    9.0
    """
    if log_es.size == 0:
        return _LEAST
    # M_t is the sum, over every start, of the product of the e-values since.
    since = np.cumsum(log_es[::-1])
    return float(logsumexp(since)) if np.isfinite(since).all() else math.nan
