"""Which policy to choose: the one with the fewest retrains among those that are as good as any.

As good is whose mean loss is within one standard error of the best one's, by the differences of
paired windows, and no larger than without any retrain. Only plays with gates are chosen from. What
gates are for (a broken feed, another value in service than is stored, a slow model, a person's data
gone wrong) a history hardly shows, so that a gain without them is told, and not recommended.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.backtest.score import Score
from sixgates.gates.verdict import number
from sixgates.ledger.route import Step

_STRETCHES = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one play loses more than another, a row."""

    mean: float
    error: float
    """Standard error."""

    @property
    def beyond_noise(self) -> bool:
        """Whether it is more than one standard error above zero."""
        return self.mean > self.error


def difference(one: Score, other: Score, rows: NDArray[np.float64]) -> Difference:
    """Compare two plays window by window, each weighed by its rows with a label.

    A window resembles the one before it: the error is that of the means of 20 stretches of windows.
    """
    apart = one.windows - other.windows
    known = np.flatnonzero(np.isfinite(apart) & (rows > 0))
    if len(known) < 2:  # noqa: PLR2004 - no spread of one
        return Difference(float(apart[known].sum()), float("inf"))
    stretches = np.array_split(known, min(_STRETCHES, len(known)))
    weight = np.array([rows[s].sum() for s in stretches]) / rows[known].sum()
    d = np.array([np.average(apart[s], weights=rows[s]) for s in stretches])
    mean, n = float((weight * d).sum()), len(d)
    return Difference(mean, float(np.sqrt((weight**2 * (d - mean) ** 2).sum() * n / (n - 1))))


def gain(never: Score, other: Score, rows: NDArray[np.float64]) -> dict[str, float | None]:
    """Return how much less a play loses than without any retrain, and the standard error."""
    found = difference(never, other, rows)
    error = found.error if math.isfinite(found.error) else None
    return {"gain": found.mean, "gain_se": error}


def choose(scores: Sequence[Score], rows: NDArray[np.float64]) -> Score:
    """Return the play to recommend."""
    gated = [s for s in scores if s.play.kind.gates]
    best = min(gated, key=lambda s: s.mean_loss)
    never = next(s for s in scores if s.play.kind.policy == "never")
    as_good = [
        s
        for s in gated
        if s.mean_loss <= never.mean_loss and not difference(s, best, rows).beyond_noise
    ]
    return min(as_good, key=lambda s: (s.play.retrains, s.mean_loss))


def recommend(scores: Sequence[Score], rows: NDArray[np.float64]) -> str:
    """Say which policy to choose, and why."""
    chosen = choose(scores, rows)
    never = next(s for s in scores if s.play.kind.policy == "never")
    best = min((s for s in scores if s.play.kind.gates), key=lambda s: s.mean_loss)
    blind = min(scores, key=lambda s: s.mean_loss)
    trained = _times(chosen.play.retrains, "retrain")
    parts = [f"{_named(chosen)}: mean loss {number(chosen.mean_loss)} with {trained}"]
    if chosen is not never:
        gain = difference(never, chosen, rows)
        parts.append(f"{_apart(gain)} less than without any retrain")
    if best is not chosen:
        behind = difference(chosen, best, rows)
        parts.append(
            f"the least of all with gates, {number(best.mean_loss)} of {_named(best)}, takes"
            f" {_times(best.play.retrains, 'retrain')} and is within the noise"
            f" ({_apart(behind)} less)"
        )
    if not blind.play.kind.gates:
        behind = difference(chosen, blind, rows)
        if behind.beyond_noise:
            parts.append(
                f"{_named(blind)} loses {_apart(behind)} less still, which is not"
                f" recommended: gates guard against what this history does not show;"
                f" {_braked(scores, blind)}"
            )
    return "; ".join(parts)


def _named(score: Score) -> str:
    kind = score.play.kind
    if kind.policy == "never":
        return "never retrain"
    return f"retrain {_WHEN[str(kind.policy)]}, with gates {'on' if kind.gates else 'off'}"


_WHEN = {
    "every 5 %": "with every 5 % of the rows",
    "drift": "on drift",
    "cost-benefit": "where it pays (cost-benefit)",
    "always": "always",
}


def _apart(found: Difference) -> str:
    return f"{number(found.mean)} (standard error {number(found.error)})"


def _times(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _braked(scores: Sequence[Score], blind: Score) -> str:
    """Say what kept the models of a policy from service where gates were asked."""
    play = next(s.play for s in scores if s.play.kind == (blind.play.kind.policy, True))
    whats = Counter(event["what"] for event in play.events)
    ends = sorted(what for what in whats if what.startswith("refused at "))
    told = [f"{whats[what]} refused at gate {what.removeprefix('refused at ')}" for what in ends]
    told += [f"{whats[step]} {said}" for step, said in _ENDS.items() if whats[step]]
    if not told:
        return "with gates on it had nothing refused, but a release takes its time"
    return f"with gates on it had {', '.join(told)}: look at why"


_ENDS = {Step.EXPIRED: "expired in the canary", Step.ROLLED_BACK: "rolled back"}
