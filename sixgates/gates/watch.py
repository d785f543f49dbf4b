"""Has the world moved enough to ask for a retrain, or is the feed broken?"""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.drift.look import Finding, Look
from sixgates.gates.drift.signals import (
    Signal,
    SignalName,
    Windows,
    expected_signal,
    inputs_signal,
    joint_signal,
    lasting_loss,
    loss_signal,
    predictions_signal,
)
from sixgates.gates.drift.trigger import Grounds, judge_trigger
from sixgates.gates.policy import WatchPolicy

_ABOUT_LOSS = {SignalName.EXPECTED, SignalName.LOSS}


@dataclass(frozen=True, slots=True)
class WatchEvidence:
    """What the watch saw."""

    past: tuple[Look, ...]
    """Windows of the training data, oldest first."""
    live: tuple[Look, ...]
    """Those since then, the newest last."""
    features: tuple[str, ...]
    """Names, in the order of their counts."""
    calendar: tuple[str, ...]
    """Those that say when a row came, and so nothing of drift."""
    period_losses: NDArray[np.float64]
    """Mean matured loss of the live champion in each period, oldest first."""
    holdout_loss: float
    """Mean loss of the champion on its holdout, in the same units."""
    margin: float
    """What gate 4 takes for no difference of losses, in the same units."""
    since_run: timedelta | None
    """Time since the last run began; None where none ever did."""
    period_begins: tuple[datetime, ...] = ()
    """When each of these periods began, naive UTC; empty where that is not known."""


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What the watch concludes from the newest window."""

    window: datetime | None
    """Its end; None where none has ended since the champion's training."""
    alert: bool
    """Whether anything moved."""
    asks: bool
    """Whether a retrain is asked for."""
    signals: tuple[Signal, ...]
    """In the order of their names; empty where the newest window says nothing."""
    sentence: str
    """Why there is an alert, or why there is none."""
    grounds: Grounds
    """What the trigger was decided on."""
    features: tuple[str, ...] = ()
    """Features that moved, furthest first."""
    faults: tuple[Finding, ...] = ()
    """What is wrong with the feed: then there is no alert, and the window counts for nothing."""
    since: datetime | None = None
    """When the drift began that it alerts for, naive UTC; None without an alert, and where no
    signal of it can say. Of several it is the earliest; a trigger on the loss goes by those of the
    loss alone."""


def judge_watch(evidence: WatchEvidence, policy: WatchPolicy) -> WatchReport:
    """Judge the newest window.

    While nothing moves, there is an alert once in at least `run_length` windows on average: see
    `signals.py`. Windows of a broken feed, or with fewer than `min_rows` rows, count for nothing.
    """
    newest = evidence.live[-1] if evidence.live else None
    if newest is None:
        return _silent(evidence, policy, None, "no window has ended since the champion's training")
    end, rows = newest.inputs.end, newest.inputs.rows
    if newest.faults:
        broken = "; ".join(f"{found.fault}: {found.sentence}" for found in newest.faults)
        said = f"no alert: the feed is broken in the window to {end}: {broken}"
        return replace(
            _silent(evidence, policy, end, said), asks=False, sentence=said, faults=newest.faults
        )
    if rows < policy.min_rows:
        few = f"{rows:,} rows in the window to {end}, {policy.min_rows:,} needed"
        return _silent(evidence, policy, end, few)
    signals = _signals(evidence, policy)
    alerts = tuple(signal for signal in signals if signal.alert)
    grounds = _grounds(evidence, policy, alerts)
    answer = judge_trigger(grounds, policy.trigger)
    told = "; ".join(signal.sentence for signal in alerts or signals)
    blamed = dict.fromkeys(feature for signal in alerts for feature in signal.features)
    return WatchReport(
        end,
        alert=bool(alerts),
        asks=answer.asks,
        signals=signals,
        sentence=f"{told}; {answer.why}" if answer.asks or alerts else f"no alert: {told}",
        grounds=grounds,
        features=tuple(blamed),
        since=_began(alerts, policy),
    )


def _began(alerts: tuple[Signal, ...], policy: WatchPolicy) -> datetime | None:
    asking = [s for s in alerts if policy.trigger.on != "loss" or s.name in _ABOUT_LOSS]
    return min((s.since for s in asking if s.since is not None), default=None)


def _signals(evidence: WatchEvidence, policy: WatchPolicy) -> tuple[Signal, ...]:
    sound = [x for x in evidence.live if not x.faults and x.inputs.rows >= policy.min_rows]
    seen = Windows((*evidence.past, *sound), len(evidence.past), policy)
    return (
        inputs_signal(seen, evidence.features, evidence.calendar),
        joint_signal(seen),
        predictions_signal(seen),
        expected_signal(seen, evidence.holdout_loss),
        loss_signal(
            evidence.period_losses,
            evidence.holdout_loss,
            evidence.margin,
            policy,
            evidence.period_begins,
        ),
    )


def _silent(
    evidence: WatchEvidence, policy: WatchPolicy, end: datetime | None, why: str
) -> WatchReport:
    """Report that the newest window says nothing; only a schedule can ask for a retrain then."""
    grounds = _grounds(evidence, policy, ())
    answer = judge_trigger(grounds, policy.trigger)
    said = f"{why}; {answer.why}" if answer.asks else f"no alert: {why}"
    return WatchReport(end, False, answer.asks, (), said, grounds)  # noqa: FBT003


def _grounds(evidence: WatchEvidence, policy: WatchPolicy, alerts: tuple[Signal, ...]) -> Grounds:
    measured = lasting_loss(evidence.period_losses)
    newest = evidence.live[-1] if evidence.live else None
    expected = newest.expected.mean if newest else None
    return Grounds(
        moved=len(alerts),
        losing=any(signal.name in _ABOUT_LOSS for signal in alerts),
        loss=expected if math.isnan(measured) else measured,
        fresh_loss=evidence.holdout_loss,
        rows=newest.inputs.rows if newest else 0,
        window=policy.window,
        since_run=evidence.since_run,
    )
