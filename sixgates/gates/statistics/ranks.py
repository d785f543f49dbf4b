"""Is a window unlike those before it? Evidence from ranks alone, valid for any distribution.

While the windows are exchangeable, the place of the newest among all so far is uniform, and the
places of one window after another are independent (Vovk, Gammerman & Shafer 2005, on conformal
prediction). A stake on the highest places is then worth at most 1 on average, whatever the
statistic and however much windows wobble; the CUSUM of such stakes alarms once in `c` windows at
most, on average, where it alarms at `c` (Shin, Ramdas & Rinaldo, NEJSDS 2023).
"""

import math
from collections.abc import Sequence

_TOP = 0.1
"""Share of the highest places that the stake is on."""
_STAKE = 0.8
"""Part of the wealth that is put on them; the rest is kept."""


def rank_evalue(statistic: float, earlier: Sequence[float]) -> float:
    """Return the evidence that a window has a larger statistic than those before it.

        e = 1 - s + s (n + 1) / j   where at most j - 1 of the n earlier ones reach the statistic,
        e = 1 - s                   elsewhere,      j = max(1, floor((n + 1) / 10)),  s = 0.8

    Its mean is at most 1 while the windows are exchangeable; ties count against the newest.

    Args:
        statistic: Of the newest window; NaN gives 1, no evidence.
        earlier: Of those before it, in any order; those that are NaN are left out.

    >>> rank_evalue(9.0, [1.0, 2.0, 3.0]), rank_evalue(2.0, [1.0, 2.0, 3.0])
    (3.4000000000000004, 0.19999999999999996)
    """
    if math.isnan(statistic):
        return 1.0
    before = [value for value in earlier if not math.isnan(value)]
    places = len(before) + 1
    top = max(1, math.floor(places * _TOP))
    reached = sum(value >= statistic for value in before)
    return 1 - _STAKE + (_STAKE * places / top if reached < top else 0.0)


def largest_evalue(windows: int) -> float:
    """Return the most that one window can show after so many earlier ones."""
    return rank_evalue(math.inf, [0.0] * windows)


def e_cusum(evalues: Sequence[float]) -> float:
    """Return the logarithm of the CUSUM `W_t = max(1, W_{t-1}) e_t`; 0 before the first.

    >>> round(math.exp(e_cusum([0.2, 3.0, 4.0])), 9)
    12.0
    """
    level = 0.0
    for value in evalues:
        level = max(0.0, level) + math.log(value)
    return level
