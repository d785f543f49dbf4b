"""What a play comes to: its losses, its worst window, the project's metric."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulation.backtest.hindsight import Hindsight
from simulation.backtest.history import History
from simulation.backtest.play import Play
from sixgates.adapters.domain_classifier import area_under_curve
from sixgates.gates.card import Task
from sixgates.gates.statistics.clusters import cluster_bound, holdout_clusters
from sixgates.ledger.route import Step

_ALPHA = 0.05
"""Of a bound that is not used: the error is."""
METRICS = {Task.BINARY: "auc", Task.MULTICLASS: "accuracy", Task.REGRESSION: "rmse"}
_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Score:
    """One play's figures."""

    play: Play
    mean_loss: float
    metric: float
    windows: _Array
    """Mean loss of each window of the watch; NaN where no label came."""
    worst_error: float
    """Standard error of the largest of them, by entities or periods as in gate 4; infinite where
    there is but one in that window."""
    regret: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        kind, events = self.play.kind, self.play.events
        refusals = [e for e in events if e["what"].startswith("refused at ")]
        return {
            "policy": str(kind.policy),
            "gates": kind.gates,
            "mean_loss": self.mean_loss,
            "metric": self.metric,
            "worst_window": float(np.nanmax(self.windows)),
            "worst_window_se": self.worst_error if math.isfinite(self.worst_error) else None,
            "retrains": self.play.retrains,
            "refused": len(refusals),
            "rolled_back": sum(e["what"] == Step.ROLLED_BACK for e in events),
            "promoted": sum(e["what"] == Step.PROMOTED for e in events),
            "train_seconds": self.play.train_seconds,
            "regret": self.regret,
            "events": events,
            "loss_by_window": [None if np.isnan(x) else float(x) for x in self.windows],
        }


def score(play: Play, history: History, edges: list[int], hindsight: Hindsight) -> Score:
    """Measure a play.

    Args:
        play: It, at its end.
        history: Tells the truth.
        edges: Rows at which the windows begin, and the end of the last.
        hindsight: What could have been.
    """
    losses = play.losses
    served = np.flatnonzero(np.isfinite(losses))
    windows = np.array([_mean(losses[a:b]) for a, b in pairwise(edges)])
    worst = int(np.nanargmax(windows))
    return Score(
        play,
        _mean(losses),
        _metric(history, play.figures[served], served),
        windows,
        _error(history, losses, edges[worst], edges[worst + 1]),
        hindsight.regret(losses),
    )


def _error(history: History, losses: _Array, first: int, end: int) -> float:
    """Return the standard error of the mean loss of some rows, those without a label left out."""
    known = first + np.flatnonzero(np.isfinite(losses[first:end]))
    clusters = holdout_clusters(history.frame[known], history.project)
    return cluster_bound(losses[known], clusters, _ALPHA).se


def _metric(history: History, figures: _Array, places: NDArray[np.int64]) -> float:
    if history.project.task is Task.MULTICLASS:
        return float(figures.mean())
    truth = history.truth_at(places)
    if history.project.task is Task.REGRESSION:
        return float(np.sqrt(np.mean((figures - truth) ** 2)))
    both = 0 < truth.sum() < len(truth)
    return area_under_curve(truth, figures) if both else float("nan")


def _mean(losses: _Array) -> float:
    known = losses[np.isfinite(losses)]
    return float(known.mean()) if len(known) else float("nan")
