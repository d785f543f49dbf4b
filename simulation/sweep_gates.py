"""Gates 4 and 6 measured on seeded worlds: how often, and how soon, they are wrong or right."""

import math

import numpy as np

from simulation.sweep_rules import Limits
from sixgates.gates.statistics.clusters import cluster_bound
from sixgates.gates.statistics.counts import Floats
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
    """Batches until the first alarm about an equal model; a run ends unalarmed at five times c."""
    longest = int(5 * run_length)
    return np.array(
        [_first_alarm(_batches(longest, 0, 0.0, rng), run_length) for _ in range(worlds)],
        dtype=np.float64,
    )


def gate_6_delays(
    run_length: float, effect: float, worlds: int, rng: np.random.Generator
) -> Floats:
    """Batches from a model's turning worse by `effect` until the alarm, without earlier alarms."""
    alarms = [
        _first_alarm(_batches(_LONGEST, _QUIET, effect, rng), run_length) for _ in range(worlds)
    ]
    return np.array([a - _QUIET for a in alarms if a > _QUIET], dtype=np.float64)


def _batches(n: int, quiet: int, effect: float, rng: np.random.Generator) -> Floats:
    """Difference of bad rates, new champion minus hold-back, for batches of 1,000 requests."""
    back = round(_BATCH * _HOLDBACK)
    rate = _BASE + effect * (np.arange(n) >= quiet)
    return np.asarray(
        rng.binomial(_BATCH - back, rate) / (_BATCH - back) - rng.binomial(back, _BASE, n) / back
    )


def _first_alarm(means: Floats, run_length: float) -> int:
    level = math.log(run_length)
    for k in range(3, len(means) + 1):
        if sr_detector(means[:k]) >= level:
            return k
    return len(means)
