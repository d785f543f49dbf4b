"""How much does one period, or window, take after the one before it?

Bad days come in runs: weather, campaigns, a partner that is slow. A test that takes periods for
independent, or windows for exchangeable, then alarms several times as often as it says. Each is
therefore first rid of what it took over from the one before it.
"""

import math

import numpy as np
from numpy.typing import NDArray

_RECENT = 10
"""Newest periods that are left out of the estimate: a rise among them is no memory."""
_FEWEST = 8
"""Periods of which it is made at least."""
_STILL = 1e-12
"""A standard deviation this small against the mean is rounding."""
_MOST = 0.9
"""Beyond it hardly anything would be left of a period."""


def without_memory(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rid each value of what it took over from the one before it; their mean stays.

    `y_t = (x_t - r x_{t-1}) / (1 - r)`: where x follows an autoregression of order 1 with
    coefficient r, the y are independent and have the mean of x (Cochrane & Orcutt, JASA 1949). The
    first value is lost where r > 0.

    Args:
        values: In time order.

    >>> without_memory(np.array([1.0, 2.0, 1.0])).tolist()
    [1.0, 2.0, 1.0]
    """
    r = memory(values)
    return (values[1:] - r * values[:-1]) / (1 - r) if r else values


def without_memory_so_far(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rid each value as `without_memory` does, with r as it was known before the value came.

    So what comes later changes none. The first value stays, and so does what follows a NaN.

    Args:
        values: In time order; those that are NaN are left out of the estimates.

    >>> without_memory_so_far(np.array([1.0, 2.0, 1.0])).tolist()
    [1.0, 2.0, 1.0]
    """
    known, rid = ~np.isnan(values), values.copy()
    for t in range(1, len(values)):
        r = memory(values[:t][known[:t]])
        if r and known[t - 1]:
            rid[t] = (values[t] - r * values[t - 1]) / (1 - r)
    return rid


def memory(values: NDArray[np.float64]) -> float:
    """Estimate r from all but the newest ten values, 0 to 0.9.

    The lag-1 autocorrelation, corrected for its bias with `(1 + 3 r) / n` (Kendall, Biometrika
    1954); 0 where that is less than one standard error, `1 / sqrt(n)`, where the values do not
    differ or one is NaN, and below 8 of them.
    """
    usual = values[:-_RECENT]
    n = len(usual)
    if n < _FEWEST:
        return 0.0
    mean = float(usual.mean())
    apart = usual - mean
    spread = float((apart**2).sum())
    if not spread > n * (_STILL * mean) ** 2:  # NaN too
        return 0.0
    plain = float((apart[1:] * apart[:-1]).sum()) / spread
    r = plain + (1 + 3 * plain) / n
    return min(r, _MOST) if r > 1 / math.sqrt(n) else 0.0
