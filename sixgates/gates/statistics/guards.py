"""E-values about a comparison as a whole: several guardrails, errors alone, the split itself."""

from collections.abc import Sequence

import numpy as np
from scipy.special import betaln

from sixgates.gates.errors import ContractError
from sixgates.gates.statistics.counts import Floats


def mean_log_e(log_es: Sequence[float] | Floats) -> float:
    """Log of the mean of e-values: an e-value again, however they depend on each other.

    The rollback rule over several guardrails; no guardrails at all are no evidence (0). NaN among
    them makes NaN, for the gate to name.

    >>> round(mean_log_e([np.log(59.0), 0.0, 0.0]), 6) == round(float(np.log(61 / 3)), 6)
    True
    >>> mean_log_e([])
    0.0
    """
    values = np.asarray(log_es, dtype=np.float64)
    if not values.size:
        return 0.0
    with np.errstate(invalid="ignore"):  # NaN is handed on
        return float(np.logaddexp.reduce(values) - np.log(values.size))


def from_any_batch(log_es: Floats) -> float:
    """Log e-value of a process that may begin with any batch, of shape (batches,).

    The mean of the products from batch k on, of weight `1 / (k (k + 1))`, where one that has not
    begun yet is 1: an e-process again, because each of them is one. Clean batches in the beginning
    do not count against what comes later; harm from the first batch on costs a factor of 2.

    >>> round(from_any_batch(np.array([-5.0, 4.0])), 2)  # the second alone: 1/3 + e^4 / 6 + ...
    2.26
    >>> from_any_batch(np.array([]))
    0.0
    """
    k = np.arange(1, len(log_es) + 1)
    begun = np.cumsum(log_es[::-1])[::-1] - np.log(k * (k + 1))
    return float(np.logaddexp.reduce([*begun, -np.log(len(log_es) + 1)]))


def error_ratio_log_e(
    canary_errors: int,
    control_errors: int,
    *,
    share: float,
    ratio: float,
    null_ratio: float = 1.0,
) -> float:
    """Log e-value about the ratio of the arms' error rates, from errors alone.

    Given an error, it came from the canary with probability `share r / (share r + 1 - share)` under
    rate ratio `r`. Bets on `ratio` against `null_ratio`: above it the null is "at most
    `null_ratio`", below it "at least". Stages with different shares add up.

    >>> round(error_ratio_log_e(8, 2, share=0.5, ratio=2.0), 6)
    1.490526
    """
    if not (0 < share < 1 and ratio > 0 and null_ratio > 0):
        raise ContractError(f"share {share}, ratios {ratio} and {null_ratio} cannot be bet on")
    bet, null = (share * r / (share * r + 1 - share) for r in (ratio, null_ratio))
    odds = np.log(bet / null), np.log((1 - bet) / (1 - null))
    return float(canary_errors * odds[0] + control_errors * odds[1])


def ratio_mismatch_log_e(
    canary_n: int, total_n: int, share: float, *, concentration: float = 100.0
) -> float:
    """Log e-value that the split is not the one that was asked for (sample-ratio mismatch).

    Null: each unit goes to the canary with probability `share`. Alternative: a Beta mixture around
    it, worth `concentration` units. At `log(1/alpha)` the split is broken and no verdict on it is
    valid. Count **distinct units** of all batches with one share; different shares add up. Requests
    of a unit that always meets the same arm are not independent and would alarm falsely.

    >>> round(float(np.exp(ratio_mismatch_log_e(10, 30, 0.5))), 6)
    1.292036
    """
    if not 0 < share < 1 or not 0 <= canary_n <= total_n:
        raise ContractError(f"{canary_n} of {total_n} at share {share} cannot be: count again")
    a, b = concentration * share, concentration * (1 - share)
    control_n = total_n - canary_n
    expected = canary_n * np.log(share) + control_n * np.log1p(-share)
    return float(betaln(a + canary_n, b + control_n) - betaln(a, b) - expected)
