"""Paired worlds of the sweep: both models answer the same 240 requests a day, for 40 days."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from sixgates.gates.statistics.counts import Floats
from sixgates.gates.statistics.periods import judge_moments

DAYS = 40
ROWS_A_DAY = 240
ROW_SD = 0.2
"""Standard deviation of the loss difference of one request."""
MIN_PERIODS = 3
_DAY_SD = 0.02
_AR = 0.98
_AR_SD = 0.05
"""Spread of single rows where they go together: the mean of a day then strays by about 0.03."""
PAIRED_WORLDS = ("paired-iid", "paired-wave", "paired-day", "paired-ar")


@dataclass(frozen=True, slots=True)
class Pairs:
    """Mean loss difference by day, shape (worlds, days), and the spread of single rows."""

    means: Floats
    row_sd: float


def pairs_of(name: str, worlds: int, effect: float, rng: np.random.Generator) -> Pairs:
    """Play one block of a paired world; `effect` is the true mean difference."""
    rows = rng.normal(0.0, ROW_SD, (worlds, DAYS, ROWS_A_DAY)).astype(np.float32)
    if name == "paired-wave":
        rows += 0.1 * np.sin(2 * np.pi * np.arange(ROWS_A_DAY) / ROWS_A_DAY)
    elif name == "paired-day":
        rows += rng.normal(0.0, _DAY_SD, (worlds, DAYS, 1))
    elif name == "paired-ar":
        flat = rows.reshape(worlds, DAYS * ROWS_A_DAY) * np.sqrt(1 - _AR**2) * (_AR_SD / ROW_SD)
        flat[:, 0] /= np.sqrt(1 - _AR**2)  # begin in the long run's spread
        rows = lfilter([1.0], [1.0, -_AR], flat, axis=1).reshape(rows.shape)
    return Pairs(rows.mean(axis=2, dtype=np.float64) + effect, _row_sd(name))


def period_evidence(means: Floats, margin: float) -> tuple[Floats, Floats]:
    """Judge every prefix of period means as gate 5 judges them: promotion and rollback.

    NaN stands for a period without evidence, which the gate would not see at all.
    """
    seen = np.isfinite(means)
    k = seen.cumsum(axis=1)
    x = np.where(seen, means, 0.0)
    centre = np.sum(x, axis=1, keepdims=True) / np.maximum(k[:, -1:], 1)
    moved = np.where(seen, means - centre, 0.0)
    mean = moved.cumsum(axis=1) / np.maximum(k, 1)
    square = np.maximum((moved**2).cumsum(axis=1) - k * mean**2, 0.0)
    sd = np.where(k > 1, np.sqrt(square / np.maximum(k - 1, 1)), np.nan)
    return judge_moments(mean + centre, sd, k.astype(np.float64), margin, MIN_PERIODS)


def day_variance(name: str) -> float:
    """Variance of the mean of a day, neighbouring days taken for independent."""
    plain = _row_sd(name) ** 2 / ROWS_A_DAY
    if name == "paired-day":
        return plain + _DAY_SD**2
    if name == "paired-ar":
        k = np.arange(1, ROWS_A_DAY)
        return float(plain * (1 + 2 * ((1 - k / ROWS_A_DAY) * _AR**k).sum()))
    return plain


def _row_sd(name: str) -> float:
    return _AR_SD if name == "paired-ar" else ROW_SD
