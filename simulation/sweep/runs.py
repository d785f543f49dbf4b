"""Play the cells of the sweep, in blocks, and keep nothing but sums."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import beta as beta_law
from scipy.stats import norm

from simulation.sweep import guardrails
from simulation.sweep.guardrails import all_and_any, all_and_mean, guarded_of
from simulation.sweep.pairs import DAYS, PAIRED_WORLDS, ROWS_A_DAY, pairs_of
from simulation.sweep.rules import (
    Decisions,
    Limits,
    fixed_limit,
    mann_whitney,
    mixture_sprt,
    production,
    production_pairs,
    production_varying,
    z_peek,
    z_peek_pairs,
)
from simulation.sweep.wald import wald_pairs, wald_requests
from simulation.sweep.worlds import BASE, WORLDS, world_of
from sixgates.gates.statistics.counts import Floats

Rule = Callable[[Any, Limits], Decisions]

_BLOCK = 100
_LEVEL = 0.99
_TODAY: Mapping[str, Rule] = {
    "z-peek": z_peek,
    "fixed-limit": fixed_limit,
    "mann-whitney": mann_whitney,
    "mixture-sprt": mixture_sprt,
}
SPLIT_WORLDS = (*WORLDS, guardrails.NAME)
ALL_WORLDS = (*SPLIT_WORLDS, *PAIRED_WORLDS)


@dataclass(frozen=True, slots=True)
class Cell:
    """What one rule did in one world at one true effect; intervals are 99 % intervals."""

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
    p_undecided_low: float
    p_undecided_high: float
    mean_looks: float
    """Looks until the verdict, or all of them without one; a look is a tick, or a day of pairs."""
    mean_requests: float
    """Requests over both arms until the verdict, or all of them without one."""
    mean_requests_low: float
    mean_requests_high: float
    wald_requests: float | None
    canary_requests: float
    """Requests that the canary answered until the verdict, on average; none in shadow."""
    harmed: float
    """Bad outcomes of users, until the verdict, that the champion would not have had. After a wrong
    promotion there are more."""
    p_rollback_in_fixed_n: float
    """Rolled back within the requests of a test of fixed length."""


class Block(NamedTuple):
    """Some worlds of one cell: what the rules see, and requests so far at every look."""

    shown: Any
    requests: Floats
    """Over both arms, shape (worlds, looks)."""
    canary: Floats
    """Answered by the canary; the same shape."""


@dataclass(slots=True)
class _Tally:
    promoted: int = 0
    rolled_back: int = 0
    early: int = 0
    looks: float = 0.0
    requests: float = 0.0
    squares: float = 0.0
    canary: float = 0.0

    def add(self, found: Decisions, block: Block, fixed: int) -> None:
        end = np.arange(len(found.at)), found.at
        spent = block.requests[end]
        self.promoted += int(found.promoted.sum())
        self.rolled_back += int(found.rolled_back.sum())
        self.early += int((found.rolled_back & (spent <= fixed)).sum())
        self.looks += float((found.at + 1).sum())
        self.requests += float(spent.sum())
        self.squares += float((spent**2).sum())
        self.canary += float(block.canary[end].sum())


def cells_of(
    name: str, effect_in_margins: float, worlds: int, seed: int, limits: Limits
) -> tuple[Cell, ...]:
    """Play one world at one true effect under every rule that fits it.

    Args:
        name: One of `ALL_WORLDS`.
        effect_in_margins: True effect; the world must be able to have it.
        worlds: Seeded worlds.
        seed: The same seed gives the same cells, whatever else is played.
        limits: What every rule is asked for.
    """
    effect = effect_in_margins * limits.margin
    rules, fixed = rules_of(name), fixed_n(limits)
    tallies = {rule: _Tally() for rule in rules}
    for block in blocks(name, effect, worlds, seed):
        for rule, decide in rules.items():
            tallies[rule].add(decide(block.shown, limits), block, fixed)
    wald = wald_of(name, effect, limits)
    return tuple(
        _cell((name, rule), (effect, effect_in_margins), worlds, tally, wald)
        for rule, tally in tallies.items()
    )


def rules_of(name: str) -> Mapping[str, Rule]:
    """Return the rules that are played in a world."""
    if name in PAIRED_WORLDS:
        return {"production": production_pairs, "z-peek": z_peek_pairs}
    if name == guardrails.NAME:
        return {"production": all_and_mean, "any-guardrail": all_and_any}
    if name == "daily":
        own: Mapping[str, Rule] = {"production": production_varying, "by-row": production}
    else:
        own = {"production": production, "by-period": production_varying}
    return {**own, **_TODAY}


def blocks(name: str, effect: float, worlds: int, seed: int) -> Iterator[Block]:
    """Play the worlds of a cell block by block; memory does not grow with `worlds`."""
    for number, start in enumerate(range(0, worlds, _BLOCK)):
        size = min(_BLOCK, worlds - start)
        key = [seed, zlib.crc32(name.encode()), round((effect + 1) * 1e6), number]
        yield _block(name, size, effect, np.random.default_rng(key))


def wald_of(name: str, effect: float, limits: Limits) -> float | None:
    """Wald's limit, over both arms; None where it is not known."""
    if name in PAIRED_WORLDS:
        needed = wald_pairs(name, effect, limits, ROWS_A_DAY)
        return needed if needed is None or needed <= DAYS * ROWS_A_DAY else None
    if name in {guardrails.NAME, "returning-users"}:
        return None
    return wald_requests(name, effect, limits)


def fixed_n(limits: Limits) -> int:
    """Requests over both arms of a one-sided test of fixed length with the same error rates.

    >>> fixed_n(Limits())
    10586
    """
    worse = BASE + limits.margin
    spread = BASE * (1 - BASE) + worse * (1 - worse)
    z = float(norm.isf(limits.alpha) + norm.isf(limits.beta))
    return 2 * int(np.ceil(z**2 * spread / limits.margin**2))


def interval(hits: int, n: int, level: float = _LEVEL) -> tuple[float, float]:
    """Clopper-Pearson interval of a probability.

    >>> [round(float(x), 4) for x in interval(0, 100)]
    [0.0, 0.0516]
    """
    tail = (1 - level) / 2
    low = beta_law.ppf(tail, hits, n - hits + 1) if hits else 0.0
    high = beta_law.isf(tail, hits + 1, n - hits) if hits < n else 1.0
    return float(low), float(high)


def _block(name: str, size: int, effect: float, rng: np.random.Generator) -> Block:
    if name in PAIRED_WORLDS:
        pairs = pairs_of(name, size, effect, rng)
        days = np.arange(1, DAYS + 1) * float(ROWS_A_DAY)
        shape = pairs.means.shape
        return Block(pairs, np.broadcast_to(days, shape), np.zeros(shape))
    if name == guardrails.NAME:
        guarded = guarded_of(size, effect, rng)
        return Block(guarded, guarded.requests, guarded.canary)
    traffic = world_of(name, size, effect, rng)
    return Block(traffic, traffic.requests, traffic.canary)


def _cell(
    names: tuple[str, str],
    effects: tuple[float, float],
    worlds: int,
    tally: _Tally,
    wald: float | None,
) -> Cell:
    undecided = worlds - tally.promoted - tally.rolled_back
    promote, rollback, neither = (
        interval(hits, worlds) for hits in (tally.promoted, tally.rolled_back, undecided)
    )
    mean, canary = tally.requests / worlds, tally.canary / worlds
    spread = np.sqrt(max(tally.squares / worlds - mean**2, 0.0) / worlds)
    reach = float(norm.isf((1 - _LEVEL) / 2) * spread)
    return Cell(
        world=names[0], rule=names[1], effect=effects[0], effect_in_margins=effects[1],
        worlds=worlds,
        p_promote=tally.promoted / worlds, p_promote_low=promote[0], p_promote_high=promote[1],
        p_rollback=tally.rolled_back / worlds,
        p_rollback_low=rollback[0], p_rollback_high=rollback[1],
        p_undecided=undecided / worlds, p_undecided_low=neither[0], p_undecided_high=neither[1],
        mean_looks=tally.looks / worlds,
        mean_requests=mean, mean_requests_low=mean - reach, mean_requests_high=mean + reach,
        wald_requests=wald, canary_requests=canary, harmed=max(effects[0], 0.0) * canary,
        p_rollback_in_fixed_n=tally.early / worlds,
    )  # fmt: skip
