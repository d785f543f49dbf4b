"""Has the world moved enough to ask for a retrain?

Two signals, either of which alerts. Inputs: the largest bias-corrected population stability index
must be large in itself, large against the model's own past windows, and stay so; a fixed threshold
alone alarms constantly on quiet data. Loss: an e-detector on the champion's matured loss finds a
rise that started anywhere in its life.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import reduce

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.policy import WatchPolicy
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.counts import Profile, merge, without
from sixgates.gates.profile.distance import psi
from sixgates.gates.statistics.periods import sr_detector
from sixgates.gates.verdict import number

_FEWEST_PAST = 3
"""Past windows below which the model has no history to rank against."""
_COLD_FACTOR = 2.0
"""How far above the floor a model without history must be."""
_NAMED = 5
"""Features that a sentence names at most."""
_RECENT = 3
"""Newest periods whose mean loss a sentence shows."""


class SignalName(StrEnum):
    """What may ask for a retrain."""

    INPUTS = "inputs"
    LOSS = "loss"


@dataclass(frozen=True, slots=True)
class WatchEvidence:
    """What the watch saw."""

    looks: tuple[Mapping[str, float], ...]
    """Stability index by feature of the window ending now, then of those ending one look earlier
    each; as many as the policy's persistence."""
    rows: int
    """Rows of the window ending now."""
    past_windows: tuple[float, ...]
    """Largest index of each past window of the champion's own data."""
    period_losses: NDArray[np.float64]
    """Mean matured loss of the live champion in each period, oldest first."""
    holdout_loss: float
    """Mean loss of the champion on its holdout, in the same units."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One comparison of the watch."""

    name: SignalName
    alert: bool
    seen: float | None
    """Largest index, or the e-detector's level; None where it could not be measured."""
    limit: float | None
    n: int
    """Rows of the window, or periods."""
    sentence: str


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What the watch concludes from one look."""

    alert: bool
    signals: tuple[Signal, ...]
    """Inputs, then loss; empty where the window had too few rows."""
    sentence: str
    """Why there is an alert, or why there is none."""
    features: tuple[str, ...]
    """Features beyond the limit, largest first; empty unless the inputs alert."""


def judge_watch(evidence: WatchEvidence, policy: WatchPolicy) -> WatchReport:
    """Judge one look at the present.

    Inputs alert when the largest index reaches both `psi_floor` and `rank_factor` times the largest
    past window, in each of the last `persistence` looks; with fewer than three past windows the
    limit is twice the floor. The loss alerts when the e-detector for "mean loss at most
    `holdout_loss * (1 + loss_tolerance)`" reaches `1 / alpha`: while that holds it alarms once in
    at least `1 / alpha` periods on average, and within H periods with probability at most
    `H * alpha`. Below `min_rows` there is no alert.
    """
    if evidence.rows < policy.min_rows:
        few = f"no alert: {evidence.rows:,} rows in the window, {policy.min_rows:,} needed"
        return WatchReport(alert=False, signals=(), sentence=few, features=())
    inputs, beyond = _inputs(evidence, policy)
    signals = (inputs, _loss(evidence, policy))
    alerts = tuple(s for s in signals if s.alert)
    sentence = "; ".join(s.sentence for s in alerts or signals)
    return WatchReport(
        alert=bool(alerts),
        signals=signals,
        sentence=sentence if alerts else f"no alert: {sentence}",
        features=beyond if inputs.alert else (),
    )


def past_windows(
    df_reference: pl.DataFrame, profile: Profile, window: timedelta, event_time: str
) -> list[float]:
    """Largest index of each window of the reference data, oldest first.

    Windows do not overlap and end with the newest row. Each is held against all the others, on the
    grid of `profile`: against data with itself among it a window would look too quiet. Windows with
    less than half the usual rows are left out, as the oldest, cut one often is.
    """
    dated = df_reference.drop_nulls(event_time)
    if dated.is_empty():
        return []
    age = (pl.col(event_time).max() - pl.col(event_time)).dt.total_microseconds()
    length = window // timedelta(microseconds=1)
    numeric = [f.name for f in profile.features if f.levels is None]
    categorical = [f.name for f in profile.features if f.levels is not None]
    by_age = dated.group_by((age // length).alias("__age")).agg(pl.len()).sort("__age")
    usual = float(by_age["len"].median() or 0)  # type: ignore[arg-type]
    parts = {
        key: profile_frame(part, numeric, categorical, like=profile)
        for (key,), part in dated.group_by((age // length).alias("__age"))
    }
    whole = reduce(merge, parts.values())
    largest = [
        _largest(psi(without(whole, parts[key]), parts[key]))
        for key in sorted(parts, reverse=True)
        if parts[key].rows >= usual / 2
    ]
    return [value for value in largest if math.isfinite(value)]


def _inputs(evidence: WatchEvidence, policy: WatchPolicy) -> tuple[Signal, tuple[str, ...]]:
    limit, why = _input_limit(evidence.past_windows, policy)
    looks = evidence.looks[: policy.persistence]
    now = looks[0] if looks else {}
    seen = _largest(now)
    if math.isnan(seen):
        sentence = "input drift could not be measured: no feature has a stability index"
        return _unmeasured(SignalName.INPUTS, limit, evidence.rows, sentence), ()
    agreeing = sum(_largest(look) >= limit for look in looks)
    alert = agreeing == policy.persistence
    ranked = sorted((f for f in now if now[f] >= limit), key=lambda f: -now[f])
    shown = ranked[:_NAMED] or [max(now, key=lambda f: _or_zero(now[f]))]
    figures = ", ".join(f"{f} {number(now[f])}" for f in shown)
    more = f" and {len(ranked) - _NAMED} more" if len(ranked) > _NAMED else ""
    sign = ">=" if seen >= limit else "<"
    sentence = (
        f"input drift {figures}{more} {sign} limit {number(limit)} ({why}; "
        f"{agreeing} of {policy.persistence} looks, n = {evidence.rows:,})"
    )
    signal = Signal(SignalName.INPUTS, alert, seen, limit, evidence.rows, sentence)
    return signal, tuple(ranked)


def _input_limit(past: tuple[float, ...], policy: WatchPolicy) -> tuple[float, str]:
    if len(past) < _FEWEST_PAST:
        why = f"twice the floor: {len(past)} past windows are no history to rank against"
        return _COLD_FACTOR * policy.psi_floor, why
    ranked = policy.rank_factor * max(past)
    if ranked > policy.psi_floor:
        return ranked, f"{number(policy.rank_factor)} x the largest of {len(past)} past windows"
    return policy.psi_floor, f"the floor, above all of {len(past)} past windows"


def _loss(evidence: WatchEvidence, policy: WatchPolicy) -> Signal:
    losses = np.asarray(evidence.period_losses, dtype=np.float64)
    n, limit = int(losses.size), 1 / policy.alpha
    tolerated = evidence.holdout_loss * (1 + policy.loss_tolerance)
    level = sr_detector(losses - tolerated)
    if math.isnan(level) or not math.isfinite(tolerated):
        sentence = f"the loss could not be judged: a period or the holdout is NaN (n = {n} periods)"
        return _unmeasured(SignalName.LOSS, limit, n, sentence)
    if not n:
        sentence = "no period of the live champion has matured labels yet"
        return _unmeasured(SignalName.LOSS, limit, n, sentence)
    e = math.exp(min(level, 700.0))
    alert = e >= limit
    recent = losses[-_RECENT:]
    sentence = (
        f"matured loss {'rose' if alert else 'holds'}: mean of the newest {recent.size} periods "
        f"{number(float(recent.mean()))}, tolerated {number(tolerated)} "
        f"(e-detector {number(e)} {'>=' if alert else '<'} limit {number(limit)}, n = {n} periods)"
    )
    return Signal(SignalName.LOSS, alert, e, limit, n, sentence)


def _unmeasured(name: SignalName, limit: float, n: int, sentence: str) -> Signal:
    return Signal(name, alert=False, seen=None, limit=limit, n=n, sentence=sentence)


def _largest(figures: Mapping[str, float]) -> float:
    """Return the largest figure that is a number, NaN where there is none."""
    numbers = [value for value in figures.values() if not math.isnan(value)]
    return max(numbers, default=math.nan)


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value
