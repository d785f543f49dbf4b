"""Gates 4 and 6 measured on seeded worlds: how often, and how soon, they are wrong or right."""

import math

import numpy as np

from simulation.sweep.rules import Limits
from sixgates.gates.statistics.clusters import cluster_bound
from sixgates.gates.statistics.counts import Bet, Counts, Floats, log_es_of_counts
from sixgates.gates.statistics.periods import sr_detector

_ICC = 0.2
_BATCH = 1_000
_HOLDBACK = 0.05
_BASE = 0.10
_QUIET = 20
"""Batches before the new champion turns worse."""
_LONGEST = 300


def gate_4_false_passes(
    clusters: int, rows: int, worlds: int, rng: np.random.Generator, limits: Limits
) -> int:
    """Count the worlds in which gate 4 passes a challenger that is worse by exactly the margin."""
    codes = np.repeat(np.arange(clusters), rows)
    passed = 0
    for _ in range(worlds):
        shared = rng.normal(0.0, math.sqrt(_ICC), clusters)[codes]
        own = rng.normal(0.0, math.sqrt(1 - _ICC), clusters * rows)
        d = limits.margin + 0.3 * (shared + own)
        passed += cluster_bound(d, codes, limits.alpha).upper < limits.margin
    return passed


def gate_6_run_lengths(run_length: float, worlds: int, rng: np.random.Generator) -> Floats:
    """Batches until the first alarm about an equal model; a run ends unalarmed at five times c.

    The e-detector over the random split with a hold-back, where the effect does not vary by period.
    """
    longest = int(5 * run_length)
    return _first_alarms(_split(worlds, longest, 0, 0.0, rng), run_length)


def gate_6_delays(
    run_length: float, effect: float, worlds: int, rng: np.random.Generator
) -> Floats:
    """Batches from a model's turning worse by `effect` until the alarm, without earlier alarms."""
    alarms = _first_alarms(_split(worlds, _LONGEST, _QUIET, effect, rng), run_length)
    return np.asarray(alarms[alarms > _QUIET] - _QUIET)


def gate_6_period_run_lengths(run_length: float, worlds: int, rng: np.random.Generator) -> Floats:
    """The same where the effect may vary: each batch is one period, judged by its difference."""
    lengths = []
    for _ in range(worlds):
        counts = _split(1, int(5 * run_length), 0, 0.0, rng)
        means = counts.canary_bad / counts.canary_n - counts.control_bad / counts.control_n
        lengths.append(_first_period_alarm(means[0], run_length))
    return np.array(lengths, dtype=np.float64)


def _split(worlds: int, n: int, quiet: int, effect: float, rng: np.random.Generator) -> Counts:
    """Batches of 1,000 requests, the new champion beside a hold-back; shape (worlds, batches)."""
    back = round(_BATCH * _HOLDBACK)
    rate = _BASE + effect * (np.arange(n) >= quiet)
    new = rng.binomial(_BATCH - back, np.broadcast_to(rate, (worlds, n)))
    old = rng.binomial(back, _BASE, (worlds, n))
    sizes = np.full((worlds, n), _BATCH - back), np.full((worlds, n), back)
    return Counts(*(np.asarray(c, dtype=np.float64) for c in (new, sizes[0], old, sizes[1])))


def _first_alarms(counts: Counts, run_length: float) -> Floats:
    """Find the first alarm of each world; `sr_of` says the same of one stream at its last batch."""
    logs = log_es_of_counts(counts, [Bet(0.0, Limits().margin)])[0]
    worlds, batches = logs.shape
    level, first = np.full(worlds, -np.inf), np.full(worlds, float(batches))
    for k in range(batches):
        level = np.logaddexp(0.0, level) + logs[:, k]
        first = np.where((level >= math.log(run_length)) & (first == batches), k + 1.0, first)
    return first


def _first_period_alarm(means: Floats, run_length: float) -> int:
    level = math.log(run_length)
    for k in range(3, len(means) + 1):
        if sr_detector(means[:k]) >= level:
            return k
    return len(means)
