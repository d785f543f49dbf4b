"""Are the labels what they were? The rate of each class against earlier weeks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sixgates.gates.card import Task
from sixgates.gates.data.periods import RECENT, Periods, not_judged
from sixgates.gates.project import Project
from sixgates.gates.verdict import Check, Outcome, numbers

NAME = "label rate"
_BLOCKS = 4
"""Blocks of as many periods as are judged below which nothing is usual yet."""
_FEWEST = 50
"""Known labels below which a rate says little."""
_NOISE = 5.0
"""Standard errors, and spreads of the blocks before, that a rate must lie off."""
_FLOOD = 0.75
"""Share of the newest numbers that must lie beyond those before, or be one."""


def judge_label_rate(periods: Periods | None, project: Project) -> list[Check]:
    """Refuse labels whose rate is far from what it was: a broken join, a filled-in default.

    The share p of each class over the newest 7 periods with known labels is held against its median
    over blocks of 7 such periods before. It is refused where its odds p / (1 - p) are more than
    `max_label_odds` times off, and

    - more than 5 robust standard deviations of the blocks' log-odds (1.4826 times their median
      absolute deviation): a rate that leaps anyway may go on leaping;
    - more than 5 standard errors, sqrt(p (1 - p) / n) at the median.

    All odds count half a row more than there is, on both sides. Numbers have no classes. In their
    place stand the shares below and above nearly all weeks before, and of the commonest newest
    number; each is refused only from three quarters on, because seasons move.
    """
    limit = project.policies.validation.max_label_odds
    if limit is None:
        return []
    known = np.array(periods.known if periods else (), dtype=np.int64)
    labelled = np.flatnonzero(known)
    blocks = [
        labelled[i : i + RECENT] for i in range(len(labelled) % RECENT, len(labelled), RECENT)
    ]
    n = int(known[blocks[-1]].sum()) if blocks else 0
    if periods is None or len(blocks) <= _BLOCKS or n < _FEWEST:
        needed = f"{_BLOCKS * RECENT} and {_FEWEST} needed"
        why = f"{max(len(labelled) - RECENT, 0)} labelled periods before, {n:,} labels; {needed}"
        return [not_judged(NAME, why, n)]
    rates = _rates(np.array(periods.labels, dtype=np.float64), known, blocks)
    least = _FLOOD if project.task is Task.REGRESSION else 0.0
    off = rates.beyond & (rates.log_ratio > np.log(limit)) & (rates.share >= least)
    worst = int(np.argmax(np.where(off, rates.log_ratio, -1.0) if off.any() else rates.log_ratio))
    since = periods.start(int(blocks[-1][0]), project.period)
    what = f"{periods.classes[worst]} since {since:%Y-%m-%d %H:%M}"
    return [_check(rates, worst, what, limit, n, failed=bool(off[worst]))]


class _Rates(NamedTuple):
    """One figure a class."""

    share: np.ndarray
    """Over the newest block."""
    usual: np.ndarray
    """Median of the blocks before."""
    log_ratio: np.ndarray
    """How far the odds of the two lie apart, at least 0."""
    beyond: np.ndarray
    """Whether that is more than chance, and more than the blocks before differ."""


def _rates(labels: np.ndarray, known: np.ndarray, blocks: Sequence[np.ndarray]) -> _Rates:
    counts = np.stack([labels[block].sum(axis=0) for block in blocks])
    totals = np.array([known[block].sum() for block in blocks], dtype=np.float64)[:, None]
    shares, n = counts / totals, float(totals[-1, 0])
    share, usual = shares[-1], np.median(shares[:-1], axis=0)
    apart = np.abs(_log_odds(share, n) - _log_odds(usual, float(totals[:-1].sum())))
    before = _log_odds(shares[:-1], totals[:-1])
    spread = 1.4826 * np.median(np.abs(before - np.median(before, axis=0)), axis=0)
    middle = np.clip(usual, 0.5 / n, 1 - 0.5 / n)
    chance = np.sqrt(middle * (1 - middle) / n)
    beyond = (apart > _NOISE * spread) & (np.abs(share - usual) > _NOISE * chance)
    return _Rates(share, usual, apart, beyond)


def _log_odds(share: np.ndarray, n: np.ndarray | float) -> np.ndarray:
    return np.asarray(np.log((share * n + 0.5) / ((1 - share) * n + 0.5)))


def _check(rates: _Rates, worst: int, what: str, limit: float, n: int, *, failed: bool) -> Check:
    seen = float(np.exp(rates.log_ratio[worst]))
    said, at = numbers(seen, limit)
    share, usual = numbers(rates.share[worst], rates.usual[worst])
    why = "" if failed or seen <= limit else ", but no more than chance or habit allows"
    sentence = (
        f"{NAME}: a share of {share} is {what}, {usual} is usual: odds {said} times off,"
        f" limit {at}{why} (n = {n:,})"
    )
    return Check(NAME, Outcome.FAIL if failed else Outcome.PASS, seen, limit, n, sentence)
