"""Five signals that the world has moved, each by its own evidence and with a floor of its own.

Four rank the newest window among all before it, so that how much windows usually wobble does not
matter. The fifth is the champion's matured loss, period by period.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.drift.inputs import Indices, indices
from sixgates.gates.drift.look import Look
from sixgates.gates.drift.windows import places
from sixgates.gates.policy import WatchPolicy
from sixgates.gates.statistics.excess import excess_detector
from sixgates.gates.statistics.memory import without_memory
from sixgates.gates.statistics.periods import sr_detector, sr_rise
from sixgates.gates.statistics.ranks import (
    Ranked,
    rank_cusum,
    ranked_numbers,
    rise_begins,
    windows_to_alarm,
)
from sixgates.gates.verdict import number, numbers

_NAMED = 5
"""Features that a sentence names at most."""
_FEW = 20
"""Windows before the newest one below which it is said how long an alert must take."""
_EXCESS = 0.1
"""Weight of the e-detector that asks for an excess. It grows by times where there is one."""
_BEYOND = 100.0
"""How many times the limit it may reach, so that all evidence is gone after some quiet periods."""


class SignalName(StrEnum):
    """What may alert."""

    INPUTS = "inputs"
    JOINT = "joint inputs"
    PREDICTIONS = "predictions"
    EXPECTED = "expected loss"
    LOSS = "loss"


_PARTS = {
    SignalName.INPUTS: 8,
    SignalName.JOINT: 8,
    SignalName.PREDICTIONS: 8,
    SignalName.EXPECTED: 8,
    SignalName.LOSS: 2,
}
"""A signal alarms at so many times the run length. The inverses add up to 1, so that all of them
together keep it: the mean of e-detectors, so weighted, is one. The loss asks for a retrain most
directly and takes the most windows to say anything: it has half."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One comparison of the watch."""

    name: SignalName
    alert: bool
    seen: float | None
    """Evidence, as an e-value; None where it could not be measured."""
    limit: float
    effect: float | None
    """How large it is: stability index, area under the curve, or loss; None where unknown."""
    floor: float | None
    """How large it must be; None where it could not be measured."""
    n: int
    """Windows, or periods, since the training."""
    sentence: str
    features: tuple[str, ...] = ()
    """What it blames, the worst first."""
    since: datetime | None = None
    """When the rise of its evidence began, naive UTC; None where it does not rise now."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows to compare: those of the training, then those since, the newest last."""

    looks: tuple[Look, ...]
    past: int
    policy: WatchPolicy


def inputs_signal(seen: Windows, features: tuple[str, ...], calendar: tuple[str, ...]) -> Signal:
    """Has any feature moved, by its stability index?

    Args:
        seen: The windows.
        features: Names, in the order of their counts.
        calendar: Those that say when a row came, and so nothing of drift.
    """
    places = [i for i, feature in enumerate(features) if feature not in calendar]
    features = tuple(features[i] for i in places)
    found = _indices(seen, [[look.inputs.counts[i] for i in places] for look in seen.looks])
    newest, floor = len(seen.looks) - 1, seen.policy.psi_floor
    now = found.values[newest]
    named = tuple(features[i] for i in found.moved(range(newest), newest, floor))
    effect = _largest(now)
    shown = [f"{f} {number(now[features.index(f)])}" for f in named[:_NAMED]]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    by = f" ({', '.join(shown)}{more})" if shown else ""
    size = _Size("stability index", effect, floor, by)
    return _ranked(SignalName.INPUTS, seen, found.ranked, size, named)


def joint_signal(seen: Windows) -> Signal:
    """Can a classifier tell the window's rows from the training's?"""
    areas = _numbers([look.apart for look in seen.looks])
    newest = seen.looks[-1]
    by = f" (by {', '.join(newest.telling)})" if newest.telling else ""
    size = _Size("area under the curve", newest.apart, seen.policy.area_floor, by)
    return _ranked(SignalName.JOINT, seen, ranked_numbers(areas), size, newest.telling)


def predictions_signal(seen: Windows) -> Signal:
    """Does the champion answer otherwise than on its holdout?"""
    asked = [i for i, look in enumerate(seen.looks) if look.answers]
    past = sum(i < seen.past for i in asked)
    some = Windows(tuple(seen.looks[i] for i in asked), past, seen.policy)
    if not some.looks or asked[-1] != len(seen.looks) - 1:
        return _unmeasured(SignalName.PREDICTIONS, seen, "the champion was not asked")
    found = _indices(some, [look.answers for look in some.looks])
    size = _Size("stability index", _largest(found.values[-1]), seen.policy.psi_floor)
    return _ranked(SignalName.PREDICTIONS, some, found.ranked, size)


def expected_signal(seen: Windows, holdout_loss: float) -> Signal:
    """Do the answers lead one to expect a larger loss?"""
    newest = seen.looks[-1].expected
    if newest.mean is None:
        return _unmeasured(SignalName.EXPECTED, seen, newest.why)
    losses = _numbers([look.expected.mean for look in seen.looks])
    floor = holdout_loss * (1 + seen.policy.loss_tolerance)
    size = _Size("mean", newest.mean, floor, " (if the meaning of the inputs is what it was)")
    return _ranked(SignalName.EXPECTED, seen, ranked_numbers(losses), size)


def loss_signal(
    losses: NDArray[np.float64],
    holdout_loss: float,
    margin: float,
    policy: WatchPolicy,
    begins: Sequence[datetime] = (),
) -> Signal:
    """Has the champion's matured loss risen, by two e-detectors over its periods?

    One goes by how periods usually differ; what a period takes over from the one before it is not
    counted twice, see `memory.py`. The other, of small weight, finds what is so bad now and then
    that its own spread hides it from the first.

    Args:
        losses: Mean loss of each matured period, oldest first.
        holdout_loss: In the same units.
        margin: What makes no difference, in the same units: the second asks for more.
        policy: Names the tolerance.
        begins: When each period began; empty where that is not known, and so not when a rise did.
    """
    name, n = SignalName.LOSS, len(losses)
    limit, floor = limit_of(name, policy), holdout_loss * (1 + policy.loss_tolerance)
    level = _loss_evidence(losses, floor, margin, limit)
    if math.isnan(level) or not math.isfinite(floor):
        said = f"the loss could not be judged: a period or the holdout is NaN (n = {n} periods)"
        return _silent(name, limit, said)
    if not n:
        return _silent(name, limit, "no period of the live champion has matured labels yet")
    e = math.exp(min(level, 700.0))
    recent = recent_loss(losses)
    alert = e >= limit and recent >= floor
    # Memory makes the evidence of a rise too large, and does not move where it began.
    rise = sr_rise(losses - floor)
    since = None if rise is None or not begins else begins[rise]
    late, tolerated = numbers(recent, floor)
    said = (
        f"matured loss {'rose' if alert else 'holds'}: {late} of late, tolerated {tolerated};"
        f" {_against(e, limit)} (n = {n} periods{_rising(since, alert=alert)})"
    )
    return Signal(name, alert, e, limit, recent, floor, n, said, since=since)


def _loss_evidence(losses: NDArray[np.float64], floor: float, margin: float, limit: float) -> float:
    """Log of the weighted mean of both e-detectors, which is one."""
    usual = sr_detector(without_memory(losses - floor))
    excess = excess_detector(losses, floor + margin, limit * _BEYOND)
    if math.isnan(usual) or math.isnan(excess):
        return math.nan
    return float(np.logaddexp(math.log(1 - _EXCESS) + usual, math.log(_EXCESS) + excess))


def recent_loss(losses: NDArray[np.float64]) -> float:
    """Return the mean of the newest three periods; NaN without any."""
    return float(np.mean(losses[-3:])) if len(losses) else math.nan


def lasting_loss(losses: NDArray[np.float64]) -> float:
    """Return the median of the newest seven periods; NaN without any.

    A bad day or two, however bad, are no reason to expect a month of them.
    """
    return float(np.median(losses[-7:])) if len(losses) else math.nan


def limit_of(name: SignalName, policy: WatchPolicy) -> float:
    """Return the evidence at which a signal may alert."""
    return policy.run_length * _PARTS[name]


class _Size(NamedTuple):
    """How large the drift of the newest window is."""

    of: str
    seen: float | None
    floor: float
    detail: str = ""


def _ranked(
    name: SignalName, seen: Windows, ranked: Ranked, size: _Size, features: tuple[str, ...] = ()
) -> Signal:
    """Judge by the ranks of all windows since the training, and by the size of the newest."""
    if size.seen is None:
        return _unmeasured(name, seen, f"the {size.of} could not be measured")
    limit, total = limit_of(name, seen.policy), len(seen.looks)
    levels = rank_cusum(ranked, seen.past, total, limit)
    e, rise = math.exp(levels[-1]), rise_begins(levels)
    since = None if rise is None else seen.looks[seen.past + rise].inputs.start
    large = size.seen >= size.floor
    alert = e >= limit and large
    seen_size, floor = numbers(size.seen, size.floor)
    said = (
        f"{name} {'moved' if alert else 'hold'}: {size.of} {seen_size}"
        f" {'>=' if large else '<'} {floor}{size.detail}; {_against(e, limit)}"
        f" (n = {total - seen.past} windows, {seen.past} before them"
        f"{_rising(since, alert=alert)}{_cold(total - 1, limit)})"
    )
    n = total - seen.past
    return Signal(name, alert, e, limit, size.seen, size.floor, n, said, features, since)


def _rising(since: datetime | None, *, alert: bool) -> str:
    return f", rising since {since:%Y-%m-%d %H:%M}" if alert and since is not None else ""


def _cold(before: int, limit: float) -> str:
    if before >= _FEW:
        return ""
    needed = windows_to_alarm(before, limit)
    if math.isinf(needed):
        return ": no history to rank against"
    return f": a young history, an alert takes {needed} windows beyond all of it"


def _unmeasured(name: SignalName, seen: Windows, why: str) -> Signal:
    return _silent(name, limit_of(name, seen.policy), f"{name}: {why}")


def _silent(name: SignalName, limit: float, why: str) -> Signal:
    return Signal(
        name, alert=False, seen=None, limit=limit, effect=None, floor=None, n=0, sentence=why
    )


def _against(e: float, limit: float) -> str:
    said, at = numbers(e, limit)
    return f"evidence {said} {'>=' if e >= limit else '<'} {at}"


def _indices(seen: Windows, counts: Sequence[Sequence[Sequence[int]]]) -> Indices:
    policy, ends = seen.policy, [look.inputs.end for look in seen.looks]
    return indices(counts, seen.past, places(ends, seen.past, policy.window, policy.season))


def _largest(now: NDArray[np.float64]) -> float | None:
    return max(0.0, float(np.nanmax(now))) if np.isfinite(now).any() else None


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
