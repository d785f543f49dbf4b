"""Is a mean far above what may be, though the values differ so much that a t-test cannot tell?

A model that is right on most days and fails altogether on others has losses whose spread is as
large as their rise. Values that are never below 0 need no spread to be judged: a stake on them is
worth at most 1 on average while their mean is at most `m`, whatever their distribution
(Waudby-Smith & Ramdas, JRSS B 86, 2024).
"""

import math

import numpy as np
from numpy.typing import NDArray

_STAKE = 0.5
"""Part of the wealth that is bet on each value."""


def excess_detector(values: NDArray[np.float64], most: float, cap: float) -> float:
    """Log of an e-detector for a mean above `most`, at the last value; -inf without any.

    `M_t = min(cap, (1 + M_{t-1}) (1 - s + s x_t / most))`, `s = 1/2`: alarm at `M_t >= c <= cap`
    has an average run length of at least `c` while no value, given those before it, has a mean
    above `most` (Shin, Ramdas and Rinaldo, NEJSDS 2023). The cap lets quiet values end an alarm.

    Args:
        values: At least 0, in time order; NaN, or one below 0, makes NaN.
        most: Mean that may be, above 0.
        cap: The most that the evidence may reach.

    >>> fails = np.array([0.0, 0.0, 0.9, 0.0, 0.9, 0.9])
    >>> round(float(np.exp(excess_detector(fails, 0.1, cap=1e4))), 1)
    151.9
    """
    if not ((values >= 0).all() and most > 0):
        return math.nan
    level = 0.0
    for value in values.tolist():
        level = min(cap, (1 + level) * (1 - _STAKE + _STAKE * value / most))
    return math.log(level) if level else -math.inf
