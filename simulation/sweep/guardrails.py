"""The world of six guardrails: all on the same requests, and the effect on the first one alone.

Promotion asks every guardrail, each at alpha, without correction. Rollback asks the mean of their
e-values, which is an e-value however they depend on each other; beside it stands the uncorrected
rule, which any one of them may trigger.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulation.sweep.rules import Decisions, Limits, first_crossing
from simulation.sweep.worlds import BASE, HISTORY, ROWS, TICKS
from sixgates.gates.statistics.counts import (
    Counts,
    Floats,
    Memory,
    control_memory,
    dual_bets,
    log_es_of_counts,
)
from sixgates.gates.statistics.guards import mean_log_e

NAME = "guardrails"
GUARDRAILS = 6
_TROUBLED = 0.2
"""Share of requests on which everything tends to go wrong at once."""
_TROUBLED_RATE = 0.4
_QUIET_RATE = (BASE - _TROUBLED * _TROUBLED_RATE) / (1 - _TROUBLED)
"""Two guardrails of one request then correlate by .25, and each has the bad rate `BASE`."""
REACH = (-_QUIET_RATE, 1 - _TROUBLED_RATE)
"""Lowest and highest true effect; rates stay in [0, 1]."""
_CHUNK = 20
"""Ticks judged at once: worlds that have their verdict are then left out."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """A block of worlds; counts have shape (guardrails, worlds, ticks)."""

    counts: Counts
    requests: Floats
    """Requests served so far, both arms; shape (worlds, ticks)."""
    canary: Floats
    """Requests that the canary served so far."""
    history: tuple[Floats, Floats]
    """The champion before the split: bad rows and rows, shape (guardrails, worlds)."""


class _Levels(NamedTuple):
    """Log e-values, shape (guardrails, worlds, ticks)."""

    promote: Floats
    rollback: Floats


def guarded_of(worlds: int, effect: float, rng: np.random.Generator) -> Guarded:
    """Play one block; `effect` is the true difference of the first guardrail's bad rates."""
    canary_n = rng.binomial(ROWS, 0.5, (worlds, TICKS))
    effects = np.zeros((GUARDRAILS, 1, 1))
    effects[0] = effect
    canary_bad = _bad(canary_n, effects, rng)
    control_n = ROWS - canary_n
    control_bad = _bad(control_n, np.zeros_like(effects), rng)
    before = np.full((worlds, 1), HISTORY)
    history = _bad(before, np.zeros_like(effects), rng)[..., 0]
    n = (np.broadcast_to(column * 1.0, canary_bad.shape) for column in (canary_n, control_n))
    return Guarded(
        Counts(canary_bad, next(n), control_bad, next(n)),
        requests=np.broadcast_to(ROWS * np.arange(1.0, TICKS + 1), (worlds, TICKS)),
        canary=canary_n.cumsum(axis=1) * 1.0,
        history=(history, np.full(history.shape, float(HISTORY))),
    )


def all_and_mean(guarded: Guarded, limits: Limits) -> Decisions:
    """Judge as gate 5 does: promote when all are fine, roll back on the mean e-value."""
    return _judge(guarded, limits, _mean_reaches)


def all_and_any(guarded: Guarded, limits: Limits) -> Decisions:
    """Promote when all are fine, roll back as soon as any one of them looks bad."""
    return _judge(guarded, limits, _any_reaches)


def _judge(
    guarded: Guarded, limits: Limits, rolls_back: Callable[[Floats, float], np.ndarray]
) -> Decisions:
    worlds, ticks = guarded.requests.shape
    up, down = np.log(1 / limits.alpha), np.log(1 / limits.beta)
    memory = _memory(guarded)
    before = np.zeros((2, GUARDRAILS, worlds))
    crossed = np.zeros((2, worlds, ticks), dtype=bool)
    alive = np.arange(worlds)
    for start in range(0, ticks, _CHUNK):
        part = np.s_[:, alive, start : start + _CHUNK]
        levels = _levels(guarded.counts, memory, limits.margin, part)
        levels = _Levels(*(new.cumsum(axis=2) + old[:, alive, None]
                           for new, old in zip(levels, before, strict=True)))  # fmt: skip
        for side, level in enumerate(levels):
            before[side][:, alive] = level[:, :, -1]
        crossed[(0, *part[1:])] = (levels.promote >= up).all(axis=0)
        crossed[(1, *part[1:])] = rolls_back(levels.rollback, down)
        alive = alive[~crossed[:, alive].any(axis=(0, 2))]
        if not alive.size:
            break
    return first_crossing(crossed[0], crossed[1])


def _levels(counts: Counts, memory: Memory, margin: float, part: tuple[object, ...]) -> _Levels:
    """Log e-values of a part of the batches, all guardrails judged as so many more worlds."""
    shape = counts.canary_n[part].shape  # type: ignore[index]
    flat = [column[part].reshape(-1, shape[2]) for column in (*counts, *memory)]  # type: ignore[index]
    logs = log_es_of_counts(Counts(*flat[:4]), dual_bets(margin), memory=Memory(*flat[4:]))
    return _Levels(*(log.reshape(shape) for log in logs))


def _memory(guarded: Guarded) -> Memory:
    """What the bets know before each tick: the champion's record and all earlier ticks."""
    past = zip(guarded.history, (guarded.counts.control_bad, guarded.counts.control_n), strict=True)
    bad, n = (np.concatenate([old[..., None], column], axis=2) for old, column in past)
    memory = control_memory(bad.reshape(-1, TICKS + 1), n.reshape(-1, TICKS + 1))
    shape = guarded.counts.canary_n.shape
    return Memory(*(column[:, 1:].reshape(shape) for column in memory))


def _any_reaches(levels: Floats, bar: float) -> np.ndarray:
    return np.asarray((levels >= bar).any(axis=0))


def _mean_reaches(levels: Floats, bar: float) -> np.ndarray:
    """Mark where the mean of the e-values reaches the bar: at most where the largest does."""
    reached = _any_reaches(levels, bar)
    for place in zip(*np.nonzero(reached), strict=True):
        reached[place] = mean_log_e(levels[(slice(None), *place)]) >= bar
    return reached


def _bad(n: np.ndarray, effects: Floats, rng: np.random.Generator) -> Floats:
    """Draw the bad rows of every guardrail; troubled requests are the same for all of them."""
    troubled = rng.binomial(n, _TROUBLED)
    shape = (len(effects), *n.shape)
    rates = (_QUIET_RATE + effects).clip(0, 1), (_TROUBLED_RATE + effects).clip(0, 1)
    bad = rng.binomial(n - troubled, rates[0], shape) + rng.binomial(troubled, rates[1], shape)
    return bad.astype(np.float64)
