"""Play the cells of the sweep, in blocks, and keep nothing but counts."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import beta as beta_law

from simulation.sweep_pairs import PAIRED_WORLDS, ROWS_A_DAY, pairs_of
from simulation.sweep_rules import (
    Decisions,
    Limits,
    by_period,
    fixed_limit,
    mann_whitney,
    mixture_sprt,
    production,
    production_pairs,
    with_history,
    z_peek,
    z_peek_pairs,
)
from simulation.sweep_wald import wald_pairs, wald_requests
from simulation.sweep_worlds import WORLDS, world_of
from sixgates.gates.errors import ConfigurationError

Rule = Callable[[Any, Limits], Decisions]

EFFECTS = (0.0, 0.5, 1.0, 2.0, 4.0, -1.0)
"""True effects of the full table, in margins."""
FIXED_N = 2 * 5_297
"""Requests over both arms of a test of fixed length with the same error rates."""
_BLOCK = 100
_PRODUCTION: Mapping[str, Rule] = {"production": production}
_TODAY: Mapping[str, Rule] = {
    "z-peek": z_peek,
    "fixed-limit": fixed_limit,
    "mann-whitney": mann_whitney,
    "mixture-sprt": mixture_sprt,
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What one rule did in one world at one true effect."""

    world: str
    rule: str
    effect: float
    """True difference, canary minus champion, in units of the loss."""
    effect_in_margins: float
    worlds: int
    p_promote: float
    p_promote_low: float
    p_promote_high: float
    p_rollback: float
    p_rollback_low: float
    p_rollback_high: float
    p_undecided: float
    mean_requests: float
    """Requests over both arms until the verdict, or all of them without one."""
    wald_requests: float | None
    p_rollback_in_fixed_n: float
    """Rolled back within the requests of a test of fixed length."""


@dataclass(slots=True)
class _Tally:
    promoted: int = 0
    rolled_back: int = 0
    early: int = 0
    requests: float = 0.0

    def add(self, found: Decisions, requests: np.ndarray) -> None:
        spent = requests[np.arange(len(found.at)), found.at]
        self.promoted += int(found.promoted.sum())
        self.rolled_back += int(found.rolled_back.sum())
        self.early += int((found.rolled_back & (spent <= FIXED_N)).sum())
        self.requests += float(spent.sum())


def sweep(
    worlds: int, seed: int, names: Sequence[str], effects: Sequence[float] = EFFECTS
) -> Iterator[Cell]:
    """Play every world at every effect under every rule that fits it.

    Args:
        worlds: Seeded worlds a cell.
        seed: The same seed gives the same table.
        names: Worlds to play; none means all.
        effects: True effects in margins.

    Raises:
        ConfigurationError: A world of an unknown name.
    """
    known = (*WORLDS, *PAIRED_WORLDS)
    if unknown := [name for name in names if name not in known]:
        raise ConfigurationError(
            f"no world is called {unknown[0]!r}: choose from {', '.join(known)}"
        )
    limits = Limits()
    for name in names or known:
        for effect in effects:
            yield from _cells(name, effect, worlds, seed, limits)


def interval(hits: int, n: int, level: float = 0.99) -> tuple[float, float]:
    """Clopper-Pearson interval of a probability.

    >>> [round(float(x), 4) for x in interval(0, 100)]
    [0.0, 0.0516]
    """
    tail = (1 - level) / 2
    low = beta_law.ppf(tail, hits, n - hits + 1) if hits else 0.0
    high = beta_law.isf(tail, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def rules_of(name: str) -> Mapping[str, Rule]:
    """Return the rules that are played in a world."""
    if name in PAIRED_WORLDS:
        return {"production": production_pairs, "z-peek": z_peek_pairs}
    by_day: Mapping[str, Rule] = {"by-period": by_period} if name == "daily" else {}
    by_user = name in {"intra-user", "returning-users"}
    informed: Mapping[str, Rule] = {} if by_user else {"with-history": with_history}
    return {**_PRODUCTION, **informed, **by_day, **_TODAY}


def blocks(name: str, effect: float, worlds: int, seed: int) -> Iterator[tuple[Any, np.ndarray]]:
    """Yield traffic and cumulative requests block by block; memory does not grow with `worlds`."""
    for number, start in enumerate(range(0, worlds, _BLOCK)):
        size = min(_BLOCK, worlds - start)
        key = [seed, zlib.crc32(name.encode()), round((effect + 1) * 1e6), number]
        rng = np.random.default_rng(key)
        if name in PAIRED_WORLDS:
            pairs = pairs_of(name, size, effect, rng)
            days = np.arange(1, pairs.means.shape[1] + 1) * float(ROWS_A_DAY)
            yield pairs, np.broadcast_to(days, pairs.means.shape)
        else:
            traffic = world_of(name, size, effect, rng)
            yield traffic, traffic.requests


def _cells(
    name: str, effect_in_margins: float, worlds: int, seed: int, limits: Limits
) -> Iterator[Cell]:
    effect = effect_in_margins * limits.margin
    rules = rules_of(name)
    tallies = {rule: _Tally() for rule in rules}
    for traffic, requests in blocks(name, effect, worlds, seed):
        for rule, decide in rules.items():
            tallies[rule].add(decide(traffic, limits), requests)
    if name in PAIRED_WORLDS:
        wald = wald_pairs(name, effect, limits, ROWS_A_DAY)
    else:
        wald = wald_requests(name, effect, limits)
    for rule, t in tallies.items():
        promote, rollback = interval(t.promoted, worlds), interval(t.rolled_back, worlds)
        yield Cell(
            world=name, rule=rule, effect=effect, effect_in_margins=effect_in_margins,
            worlds=worlds,
            p_promote=t.promoted / worlds, p_promote_low=promote[0], p_promote_high=promote[1],
            p_rollback=t.rolled_back / worlds,
            p_rollback_low=rollback[0], p_rollback_high=rollback[1],
            p_undecided=(worlds - t.promoted - t.rolled_back) / worlds,
            mean_requests=t.requests / worlds, wald_requests=wald,
            p_rollback_in_fixed_n=t.early / worlds,
        )  # fmt: skip
