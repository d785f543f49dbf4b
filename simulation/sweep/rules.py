"""The rules of the sweep: the gate's own, and those in use today, on the same traffic."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import norm

from simulation.sweep.pairs import Pairs, period_evidence
from simulation.sweep.worlds import DAY, Traffic, Units
from sixgates.gates.guardrails import large_harm
from sixgates.gates.statistics.counts import (
    Bet,
    Counts,
    Floats,
    Memory,
    control_memory,
    dual_bets,
    log_es_of_counts,
)
from sixgates.gates.statistics.units import Past, log_es_of_units

_CHUNK = 20
"""Ticks judged at once: worlds that have their verdict are then left out."""
_PLANNED_CHECKS = 53
"""Checks of a release whose length is fixed beforehand: 5,297 requests an arm at 100 a check."""
_FAILURE_LIMIT = 3
_FIRST_LOOK = 5
"""Checks before the rank test looks; fewer cannot reach its level."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What every rule is asked for."""

    margin: float = 0.02
    alpha: float = 0.05
    beta: float = 0.05


@dataclass(frozen=True, slots=True)
class Decisions:
    """What became of each world."""

    promoted: np.ndarray
    rolled_back: np.ndarray
    at: np.ndarray
    """Index of the look that decided, or of the last one."""


def production(traffic: Traffic, limits: Limits) -> Decisions:
    """Judge as gate 5 does where the effect does not vary by day: counts, or users, one by one."""
    if traffic.units is not None:
        return _by_unit(traffic.units, limits)
    promote, rollback = _count_crossings(traffic, limits)
    return first_crossing(promote, rollback)


def production_varying(traffic: Traffic, limits: Limits) -> Decisions:
    """Judge as gate 5 does where the effect may vary by day.

    Promote on the split's difference of each whole day as one observation; roll back on the mean of
    its e-value and that of the counts' own process for large harm.
    """
    units = traffic.units
    means = _days_of_counts(traffic.matured) if units is None else _days_of_units(units)
    harm = _large_harm(traffic, limits) if units is None else _large_harm_of_units(units, limits)
    promote, worse = (_at_end_of_day(level) for level in period_evidence(means, limits.margin))
    return _cross(promote, np.logaddexp(worse, harm) - math.log(2), limits)


def production_pairs(pairs: Pairs, limits: Limits) -> Decisions:
    """Judge pairs by the day, as gate 5 does."""
    promote, rollback = period_evidence(pairs.means, limits.margin)
    return _cross(promote, rollback, limits)


def z_peek(traffic: Traffic, limits: Limits) -> Decisions:
    """Compare pooled rates with a z-test at every look."""
    difference, variance = _difference(traffic.seen)
    return _by_z(difference, np.sqrt(variance), limits)


def z_peek_pairs(pairs: Pairs, limits: Limits) -> Decisions:
    """The same on paired rows, taken for independent."""
    k = np.arange(1, pairs.means.shape[1] + 1)
    spread = np.broadcast_to(pairs.row_sd / np.sqrt(240 * k), pairs.means.shape)
    return _by_z(pairs.means.cumsum(axis=1) / k, spread, limits)


def fixed_limit(traffic: Traffic, limits: Limits) -> Decisions:
    """Fail a check whose rate exceeds the control's by the margin; more than 3 failures end it.

    The kind of Argo Rollouts: `failed > failureLimit`; all planned checks without that promote.
    """
    tick = _by_tick(traffic.seen)
    with np.errstate(invalid="ignore", divide="ignore"):
        failed = tick.canary_bad / tick.canary_n > (
            tick.control_bad / tick.control_n + limits.margin
        )
    return _planned(failed.cumsum(axis=1) > _FAILURE_LIMIT)


def mann_whitney(traffic: Traffic, limits: Limits) -> Decisions:
    """Rank the checks' rates of both arms at every look, as Kayenta ranks the points of a metric.

    One-sided normal approximation without the tie correction; what passes all checks is promoted.
    """
    tick = _by_tick(traffic.seen)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = tick.canary_bad / tick.canary_n, tick.control_bad / tick.control_n
    wins, bad = np.zeros(len(x)), np.zeros(x.shape, dtype=bool)
    for t in range(_PLANNED_CHECKS):
        wins += _wins(x[:, t : t + 1], y[:, : t + 1]) + _wins(x[:, :t], y[:, t : t + 1])
        n1, n2 = (np.isfinite(side[:, : t + 1]).sum(axis=1) for side in (x, y))
        if t + 1 >= _FIRST_LOOK:
            spread = np.sqrt(np.maximum(n1 * n2 * (n1 + n2 + 1) / 12, 1e-9))
            bad[:, t] = (wins - n1 * n2 / 2) / spread > norm.isf(limits.beta)
    return _planned(bad)


def mixture_sprt(traffic: Traffic, limits: Limits) -> Decisions:
    """Mix a normal prior of the margin's size over the effect, on pooled rates (Johari et al.)."""
    difference, v = _difference(traffic.seen)
    levels = []
    for sign, null in ((-1, limits.margin), (1, 0.0)):
        d, prior = sign * (difference - null), limits.margin**2
        with np.errstate(invalid="ignore"):
            level = 0.5 * np.log(v / (v + prior)) + prior * d**2 / (2 * v * (v + prior))
        levels.append(np.where((d > 0) & np.isfinite(v), level, 0.0))
    return _cross(levels[0], levels[1], limits)


def _count_crossings(traffic: Traffic, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """Judge counts at every look; worlds that have their verdict are left out of later chunks."""
    matured, width = traffic.matured, traffic.batch
    worlds, ticks = matured.canary_n.shape
    open_so_far = Counts(
        *(_by_batch(c, width).cumsum(axis=2).reshape(worlds, ticks) for c in matured)
    )
    memory = _memory_of(traffic)
    closed = np.zeros((2, worlds))
    crossed = np.zeros((2, worlds, ticks), dtype=bool)
    alive = np.arange(worlds)
    for start in range(0, ticks, _CHUNK):
        part = np.s_[alive, start : start + _CHUNK]
        logs = log_es_of_counts(
            Counts(*(column[part] for column in open_so_far)), dual_bets(limits.margin),
            memory=Memory(memory.bad[part], memory.good[part]),
        )  # fmt: skip
        for side, (log, bar) in enumerate(zip(logs, _bars(limits), strict=True)):
            done = log[:, width - 1 :: width].cumsum(axis=1)
            before = np.concatenate([np.zeros((len(alive), 1)), done[:, :-1]], axis=1)
            level = log + np.repeat(before, width, axis=1) + closed[side, alive][:, None]
            closed[side, alive] += done[:, -1]
            crossed[(side, *part)] = level >= bar
        alive = alive[~crossed[:, alive].any(axis=(0, 2))]
        if not alive.size:
            break
    return crossed[0], crossed[1]


def _large_harm(traffic: Traffic, limits: Limits) -> Floats:
    """Level of the process for large harm at every tick, each tick a batch."""
    floor = large_harm(limits.margin)
    large = Bet(floor, floor + limits.margin)
    logs = log_es_of_counts(traffic.matured, [large], memory=_memory_of(traffic))[0]
    return np.asarray(logs.cumsum(axis=1))


def _at_end_of_day(level: Floats) -> Floats:
    """Let a day's evidence stand from its last tick until the next day's."""
    so_far = np.concatenate([np.zeros((len(level), 1)), level], axis=1)
    by_tick = np.repeat(so_far, DAY, axis=1)
    return np.asarray(by_tick[:, 1 : 1 + level.shape[1] * DAY])


def _by_unit(units: Units, limits: Limits) -> Decisions:
    """Judge every unit once, and beside that all of them in the process for large harm."""
    up, down = _bars(limits)
    crossed = np.zeros((2, *units.losses.shape[:2]), dtype=bool)
    for t, (promote, worse, large) in enumerate(_unit_levels(units, limits)):
        crossed[0, :, t] = promote >= up
        crossed[1, :, t] = np.logaddexp(worse, large) - math.log(2) >= down
        if crossed.any(axis=(0, 2)).all():
            break
    return first_crossing(crossed[0], crossed[1])


def _large_harm_of_units(units: Units, limits: Limits) -> Floats:
    """Level of the process for large harm at every tick, of all units whenever they come."""
    return np.stack([large for _, _, large in _unit_levels(units, limits)], axis=1)


def _unit_levels(units: Units, limits: Limits) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield, tick by tick, the log e-values of promotion, of any harm and of large harm."""
    worlds, ticks, _ = units.losses.shape
    once, every = Past(worlds), Past(worlds)
    promote, worse, large = np.zeros((3, worlds))
    floor = large_harm(limits.margin)
    for t in range(ticks):
        batch, counted = (units.assigned[:, t], units.losses[:, t]), units.counted[:, t]
        fresh = partial(
            log_es_of_units, *batch, counted=counted,
            control_mean=once.mean(limits.margin), variance=once.variance(),
        )  # fmt: skip
        promote = promote + fresh(null=limits.margin, supposed=0.0)
        worse = worse + fresh(null=0.0, supposed=limits.margin)
        large = large + log_es_of_units(
            *batch, control_mean=every.mean(floor + limits.margin),
            variance=every.variance(), null=floor, supposed=floor + limits.margin,
        )  # fmt: skip
        once.learn(*batch, counted)
        every.learn(*batch)
        yield promote, worse, large


def _days_of_counts(matured: Counts) -> Floats:
    """Difference of the bad rates of each whole day; not a number where one arm saw nothing."""
    day = Counts(*(_by_batch(column, DAY).sum(axis=2) for column in matured))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(day.canary_bad / day.canary_n - day.control_bad / day.control_n)


def _days_of_units(units: Units) -> Floats:
    """The same of the mean losses of units, each unit once."""
    means = []
    for arm in (units.assigned, ~units.assigned):
        mine = arm & units.counted
        total, n = (_by_batch(c.sum(axis=2), DAY).sum(axis=2) for c in (units.losses * mine, mine))
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append(total / n)
    return np.asarray(means[0] - means[1])


def _memory_of(traffic: Traffic) -> Memory:
    """What bets know before each tick: the champion's record, and the batches that are closed."""
    width = traffic.batch
    past = (traffic.history, (traffic.matured.control_bad, traffic.matured.control_n))
    bad, n = (
        np.concatenate([before[:, None], _by_batch(column, width).sum(axis=2)], axis=1)
        for before, column in zip(*past, strict=True)
    )
    memory = control_memory(bad, n)
    return Memory(*(np.repeat(column[:, 1:], width, axis=1) for column in memory))


def _by_batch(column: Floats, width: int) -> Floats:
    return column.reshape(len(column), -1, width)


def _by_tick(seen: Counts) -> Counts:
    return Counts(*(np.diff(column, axis=1, prepend=0.0) for column in seen))


def _difference(seen: Counts) -> tuple[Floats, Floats]:
    """Difference of the pooled rates and its variance; not a number until both arms have 10 bad."""
    with np.errstate(invalid="ignore", divide="ignore"):
        canary, control = seen.canary_bad / seen.canary_n, seen.control_bad / seen.control_n
        variance = canary * (1 - canary) / seen.canary_n + control * (1 - control) / seen.control_n
    ready = np.minimum(seen.canary_bad, seen.control_bad) >= 10  # noqa: PLR2004 - as textbooks ask
    return np.where(ready, canary - control, np.nan), np.where(ready, variance, np.nan)


def _by_z(difference: Floats, spread: Floats, limits: Limits) -> Decisions:
    with np.errstate(invalid="ignore", divide="ignore"):
        worse = difference / spread > norm.isf(limits.beta)
        fine = (difference - limits.margin) / spread < -norm.isf(limits.alpha)
    return first_crossing(fine, worse)


def _wins(x: Floats, y: Floats) -> Floats:
    return np.asarray(((x > y) + 0.5 * (x == y)).sum(axis=1))


def _planned(bad: np.ndarray) -> Decisions:
    passed = np.zeros_like(bad)
    passed[:, _PLANNED_CHECKS - 1] = True
    bad = bad & (np.arange(bad.shape[1]) < _PLANNED_CHECKS)
    return first_crossing(passed, bad)


def _bars(limits: Limits) -> tuple[float, float]:
    return math.log(1 / limits.alpha), math.log(1 / limits.beta)


def _cross(promote: Floats, rollback: Floats, limits: Limits) -> Decisions:
    up, down = _bars(limits)
    return first_crossing(promote >= up, rollback >= down)


def first_crossing(promote: np.ndarray, rollback: np.ndarray) -> Decisions:
    """Let the first crossing decide; a tie is a rollback."""
    last = promote.shape[1]
    first_p = np.where(promote.any(axis=1), promote.argmax(axis=1), last)
    first_r = np.where(rollback.any(axis=1), rollback.argmax(axis=1), last)
    at = np.minimum(np.minimum(first_p, first_r), last - 1)
    return Decisions(first_p < first_r, (first_r <= first_p) & (first_r < last), at)
