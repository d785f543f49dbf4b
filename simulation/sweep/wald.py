"""Wald's limit: the requests that a sequential test needs on average when it knows everything.

With error rates alpha and beta, a sequential probability ratio test that tells the true effect from
the nearest boundary needs `[(1-b) log((1-b)/a) + b log(b/(1-a))]` nats; a request brings the
divergence between what is true and the boundary's nearest member (Wald 1947).
"""

from functools import lru_cache

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr

from simulation.sweep.pairs import day_variance
from simulation.sweep.rules import Limits
from simulation.sweep.worlds import ROWS, bases_of, shares_of, spread_of_users


def wald_requests(world: str, effect: float, limits: Limits) -> float | None:
    """Requests over both arms on a world's own schedule; None where it never gets there or unknown.

    From no effect to the margin: what a test needs that must serve both ends, the larger of the two
    (2,393 an arm at no effect, 2,591 at the margin).

    >>> [round(wald_requests("iid", effect, Limits()) / 2) for effect in (-0.02, 0.0, 0.02)]
    [546, 2591, 2591]
    """
    if world == "daily":
        return None
    if 0 <= effect <= limits.margin:
        ends = (
            _against(world, 0.0, limits.margin, limits),
            _against(world, limits.margin, 0, limits),
        )
        return None if None in ends else max(end for end in ends if end is not None)
    return _against(world, effect, limits.margin if effect < 0 else 0.0, limits)


def _against(world: str, effect: float, null: float, limits: Limits) -> float | None:
    drift = [
        ROWS * _divergence(round(base, 6), share, effect, null) / spread_of_users(world)
        for base, share in zip(bases_of(world), shares_of(world), strict=True)
    ]
    gained = np.cumsum(drift)
    needed = nats(limits)
    if gained[-1] < needed:
        return None
    return float(np.interp(needed, np.r_[0.0, gained], ROWS * np.arange(len(gained) + 1)))


def wald_pairs(world: str, effect: float, limits: Limits, rows: int) -> float | None:
    """Requests on pairs judged by the day, were the spread between days known."""
    if 0 < effect < limits.margin:
        return None
    null = limits.margin if effect <= 0 else 0.0
    return rows * nats(limits) * 2 * day_variance(world) / (effect - null) ** 2


def nats(limits: Limits) -> float:
    """Evidence that a test with these error rates gathers on average."""
    a, b = limits.alpha, limits.beta
    return float((1 - b) * np.log((1 - b) / a) + b * np.log(b / (1 - a)))


@lru_cache(maxsize=4096)
def _divergence(base: float, share: float, effect: float, null: float) -> float:
    canary = max(base + effect, 0.0)

    def distance(c: float) -> float:
        return share * _kl(canary, c + null) + (1 - share) * _kl(base, c)

    edges = 1e-9, 1 - null - 1e-9
    found = minimize_scalar(distance, bounds=edges, method="bounded", options={"xatol": 1e-10})
    return float(found.fun)


def _kl(p: float, q: float) -> float:
    return float(rel_entr(p, q) + rel_entr(1 - p, 1 - q))
