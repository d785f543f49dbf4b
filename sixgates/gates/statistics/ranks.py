"""Is a window unlike those before it? Evidence from ranks alone, valid for any distribution.

While the windows are exchangeable, the place of the newest among all so far is uniform, and the
places of one window after another are independent (Vovk, Gammerman & Shafer 2005, on conformal
prediction). A stake on the highest places is then worth at most 1 on average, whatever the
statistic and however much windows wobble. A CUSUM of such stakes that alarms at `c` alarms once in
at least `c` windows on average (Shin, Ramdas & Rinaldo, NEJSDS 2023).
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from sixgates.gates.statistics.memory import without_memory_so_far

_TOP = 0.05
"""Share of the highest places that the stake is on at least."""
_STAKE = 0.8
"""Part of the wealth that is put on them; the rest is kept."""
_HISTORY = 3
"""Windows below which there is no past to speak of."""
_BEYOND = 10.0
"""How many times the limit the evidence may reach: quiet windows must be able to end an alarm."""

Ranked = Callable[[Sequence[int], int], tuple[float, Sequence[float]]]
"""The statistic of a window, and those of some earlier ones; all of one kind."""


def ranked_numbers(values: Sequence[float]) -> Ranked:
    """Return how to rank windows by a number of each, rid of what it took over from the last.

    Args:
        values: Of the windows in time order; NaN where there is none.

    >>> ranked_numbers([3.0, 1.0, 2.0])([0, 1], 2)
    (2.0, [3.0, 1.0])
    """
    own = without_memory_so_far(np.asarray(values, dtype=np.float64)).tolist()
    return lambda earlier, newest: (own[newest], [own[i] for i in earlier])


def rank_evalue(statistic: float, earlier: Sequence[float], moved: int = 0) -> float:
    """Return the evidence that a window has a larger statistic than those before it.

        e = 1 - s + s (n + 1) / j   where at most j - 1 of the n earlier ones reach the statistic,
        e = 1 - s                   elsewhere,      j = moved + max(1, floor((n + 1) / 20)), s = 0.8

    Its mean is at most 1 while the windows are exchangeable; ties count against the newest. With
    `moved` the last k windows of n + k that are the highest k are worth up to `n + k over k`, in
    whatever order they came: the most that ranks can say of them.

    Args:
        statistic: Of the newest window; NaN gives 1, no evidence.
        earlier: Of those before it, in any order; those that are NaN are left out.
        moved: How many of them are high because the world has moved, if it has.

    >>> rank_evalue(9.0, [1.0, 2.0, 3.0]), rank_evalue(2.0, [1.0, 2.0, 3.0])
    (3.4000000000000004, 0.19999999999999996)
    """
    if math.isnan(statistic):
        return 1.0
    before = np.asarray(earlier, dtype=np.float64)
    places = int(np.count_nonzero(~np.isnan(before))) + 1
    top = min(places, moved + max(1, math.floor(places * _TOP)))
    reached = int(np.count_nonzero(before >= statistic))
    return 1 - _STAKE + (_STAKE * places / top if reached < top else 0.0)


def rank_cusum(ranked: Ranked, past: int, windows: int, limit: float) -> list[float]:
    """Return the logarithm of the evidence after each window that came later than the past.

    `W_t = max(1, W_{t-1}) e_t`. Until an alarm each window is ranked among all before it. From the
    alarm on, the windows since the evidence began to rise are no measure of what is usual: later
    ones are ranked among those before, until the evidence is gone.

    Args:
        ranked: Gives the statistics to rank.
        past: Windows that are usual by definition: places 0 to `past - 1`.
        windows: All of them.
        limit: Evidence at which there is an alarm.
    """
    usual, rising = list(range(past)), list[int]()
    level, moved, levels, alarmed = 0.0, 0, list[float](), False
    for newest in range(past, windows):
        statistic, earlier = ranked(usual if alarmed else [*usual, *rising], newest)
        e = rank_evalue(statistic, earlier, 0 if alarmed else moved)
        level = min(max(0.0, level) + math.log(e), math.log(limit * _BEYOND))
        levels.append(level)
        rising.append(newest)
        moved += e > 1
        alarmed = alarmed or level >= math.log(limit)
        if level <= 0:
            usual += [] if alarmed else rising
            rising, moved, alarmed = [], 0, False
    return levels


def rise_begins(levels: Sequence[float]) -> int | None:
    """Return the place of the first window of the present rise: the one after the last zero.

    Were the stakes likelihood ratios, it would be the maximum-likelihood estimate of when the
    change came (Page, Biometrika 41, 1954; Hinkley, Biometrika 58, 1971).

    Args:
        levels: As `rank_cusum` returns them.

    Returns:
        None where the evidence does not rise now.

    >>> rise_begins([1.2, -1.6, 1.2, 0.4, 1.9]), rise_begins([1.2, -1.6]), rise_begins([])
    (2, None, None)
    """
    rising = 0
    for level in reversed(levels):
        if not level > 0:
            break
        rising += 1
    return len(levels) - rising if rising else None


def windows_to_alarm(past: int, limit: float) -> float:
    """Return how many windows in a row, each beyond all of the past, it takes until an alarm.

    Infinitely many where the past is fewer than three windows.

    >>> windows_to_alarm(60, 1000.0), windows_to_alarm(5, 1000.0)
    (3, 10)
    """
    level, count = 0.0, 0
    while level < math.log(limit):
        if past < _HISTORY:
            return math.inf
        level += math.log(rank_evalue(math.inf, [0.0] * (past + count), count))
        count += 1
    return count
