"""Which windows of a life alert? What `judge_watch` says of each, in one pass over all of them.

Evidence at a window rests on those before it alone, so one pass gives it at every window; judging
them one by one would read the same history again and again.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from simulation.sweep.watch.worlds import LOSS, MARGIN, Stream
from sixgates.gates.drift.inputs import Indices, indices
from sixgates.gates.drift.signals import SignalName, limit_of, loss_signal, recent_loss
from sixgates.gates.drift.windows import places
from sixgates.gates.policy import WatchPolicy
from sixgates.gates.statistics.ranks import Ranked, rank_cusum, ranked_numbers

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Alerts = Mapping[SignalName, Flags]
"""By signal, whether it alerts at each live window."""

DEFAULT = WatchPolicy()
BARE = WatchPolicy(psi_floor=1e-9, area_floor=0.5, loss_tolerance=0.0)
"""The same without floors, which on quiet data would hide how often the evidence is wrong."""


def alerts(stream: Stream, policies: Sequence[WatchPolicy]) -> list[Alerts]:
    """Return the alerts of a life under each policy; they may differ in their floors alone."""
    policy, past, told, asked = policies[0], stream.past, stream.told, stream.asked
    inputs = _indices(stream, policy, stream.counts.tolist(), 0)
    answers = _indices(stream, policy, [[w] for w in stream.answers[asked:].tolist()], asked)
    ranked: dict[SignalName, tuple[Ranked, int]] = {
        SignalName.INPUTS: (inputs.ranked, past),
        SignalName.JOINT: (ranked_numbers(stream.areas[told:].tolist()), past - told),
        SignalName.PREDICTIONS: (answers.ranked, past - asked),
        SignalName.EXPECTED: (ranked_numbers(stream.expected[asked:].tolist()), past - asked),
    }
    evident: dict[SignalName, Flags] = {}
    for name, (statistic, before) in ranked.items():
        limit = limit_of(name, policy)
        evident[name] = np.exp(rank_cusum(statistic, before, before + stream.live, limit)) >= limit
    sizes = {
        SignalName.INPUTS: inputs.values[past:].max(axis=1),
        SignalName.JOINT: stream.areas[past:],
        SignalName.PREDICTIONS: answers.values[past - asked :].max(axis=1),
        SignalName.EXPECTED: stream.expected[past:],
    }
    losses = _loss_alerts(stream, policies)
    return [
        {
            **{name: evident[name] & (sizes[name] >= floor) for name, floor in _floors(own)},
            SignalName.LOSS: risen,
        }
        for own, risen in zip(policies, losses, strict=True)
    ]


def first_alert(found: Alerts, since: int = 0) -> tuple[int, tuple[SignalName, ...]] | None:
    """Return the first live window from `since` on that alerts, counted from 0, and by what."""
    together = np.any(list(found.values()), axis=0)[since:]
    if not together.any():
        return None
    at = since + int(np.argmax(together))
    return at, tuple(name for name in SignalName if found[name][at])


def _floors(policy: WatchPolicy) -> list[tuple[SignalName, float]]:
    return [
        (SignalName.INPUTS, policy.psi_floor),
        (SignalName.JOINT, policy.area_floor),
        (SignalName.PREDICTIONS, policy.psi_floor),
        (SignalName.EXPECTED, LOSS * (1 + policy.loss_tolerance)),
    ]


def _loss_alerts(stream: Stream, policies: Sequence[WatchPolicy]) -> list[Flags]:
    """Judge the losses; only where the least tolerant policy alerts can the others."""
    strictest = min(policies, key=lambda policy: policy.loss_tolerance)
    known = [stream.known_losses(live) for live in range(1, stream.live + 1)]

    def judged(policy: WatchPolicy, where: Flags) -> Flags:
        found = np.zeros(stream.live, dtype=bool)
        for i in np.flatnonzero(where):
            found[i] = loss_signal(known[i], LOSS, MARGIN, policy).alert
        return found

    # Without a loss beyond the floor of late there is no alert, whatever the evidence.
    floor = LOSS * (1 + strictest.loss_tolerance)
    high = np.array([recent_loss(losses) >= floor for losses in known], dtype=bool)
    risen = judged(strictest, high)
    return [risen if policy is strictest else judged(policy, risen) for policy in policies]


def _indices(
    stream: Stream, policy: WatchPolicy, counts: list[list[list[int]]], first: int
) -> Indices:
    past, ends = stream.past - first, stream.ends()[first:]
    return indices(counts, past, places(ends, past, policy.window, policy.season))
