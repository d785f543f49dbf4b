"""What does the champion lose right now, before any label is known?

Its probabilities are brought to what came true on the holdout; the loss that they then lead one to
expect is averaged over the window (confidence-based performance estimation). It sees what more
difficult rows cost. It cannot see that the meaning of the inputs has changed: then the same
probabilities are wrong, and only labels tell.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.card import Task
from sixgates.gates.losses import row_losses
from sixgates.gates.project import Project

FEWEST = 500
"""Holdout rows below which nothing can be learned of the losses."""
_KNOTS = 200
"""Points by which a calibration is kept."""
_STRANGE = 0.05
"""Share of a window's probabilities that may lie beyond those of the holdout."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibrator:
    """What came true of what was said, for one outcome; straight lines between points."""

    said: tuple[float, ...]
    """Ascending."""
    came: tuple[float, ...]
    """Ascending, too."""

    def __call__(self, said: Floats) -> Floats:
        """Return how often what was said comes true."""
        # Between points that are next to nothing apart the slope of a line is infinite.
        return np.clip(np.interp(said, self.said, self.came), self.came[0], self.came[-1])


@dataclass(frozen=True, slots=True)
class LossEstimator:
    """Expects a loss from the champion's answers, without labels."""

    calibrators: tuple[Calibrator, ...] = ()
    """One for binary labels, one a class for several; none for a regression."""
    booster: str = ""
    """LightGBM's text of a model of the losses themselves, for a regression."""
    invalid: str = ""
    """Why it cannot be used; empty where it can."""


@dataclass(frozen=True, slots=True)
class ExpectedLoss:
    """The loss to expect in a window."""

    mean: float | None
    """In units of the project's loss; None where it cannot be said."""
    why: str = ""
    """Why it cannot be said; empty where it can."""


NOT_ASKED = ExpectedLoss(None, "the champion was not asked")


def calibrated(
    project: Project, labels: np.ndarray, predictions: Floats, classes: tuple[str, ...]
) -> LossEstimator:
    """Learn from the holdout how often the champion's probabilities come true.

    Args:
        project: Names task and loss.
        labels: 0/1, or the classes as text.
        predictions: (n,) or (n, classes).
        classes: In the order of the columns.
    """
    if len(labels) < FEWEST:
        return LossEstimator(invalid=too_few(len(labels)))
    outcomes = _outcomes(project, labels, classes)
    return LossEstimator(
        tuple(_calibrator(p, y) for p, y in zip(_columns(predictions), outcomes, strict=True))
    )


def too_few(rows: int) -> str:
    """Say that the holdout is too small to learn from."""
    return f"the holdout has {rows:,} rows with a label, {FEWEST:,} are needed"


def expected_loss(
    estimator: LossEstimator, project: Project, predictions: Floats, classes: tuple[str, ...]
) -> ExpectedLoss:
    """Return the mean loss that the champion's answers in a window lead one to expect.

    With calibrated probabilities c_k of the outcomes k, and the losses l_k that an answer would
    have if k came, a row is expected to lose `sum_k c_k l_k`.
    """
    rows = len(predictions)
    if estimator.invalid:
        return ExpectedLoss(None, estimator.invalid)
    if not rows or not np.isfinite(predictions).all():
        return ExpectedLoss(None, "the window has no answers that are all numbers")
    strange = max(
        float(np.mean((p < c.said[0]) | (p > c.said[-1])))
        for p, c in zip(_columns(predictions), estimator.calibrators, strict=True)
    )
    if strange > _STRANGE:
        beyond = f"{strange:.0%} of the probabilities lie beyond all of the holdout's"
        return ExpectedLoss(None, beyond)
    chances = np.stack(
        [c(p) for p, c in zip(_columns(predictions), estimator.calibrators, strict=True)]
    )
    if project.task is Task.BINARY:
        outcomes: list[np.ndarray] = [np.ones(rows), np.zeros(rows)]
        chances = np.stack([chances[0], 1 - chances[0]])
    else:
        outcomes = [np.full(rows, c) for c in classes]
        chances = chances / np.maximum(chances.sum(axis=0), 1e-12)
    losses = [row_losses(project, outcome, predictions, classes) for outcome in outcomes]
    return ExpectedLoss(float((chances * np.stack(losses)).sum(axis=0).mean()))


def _outcomes(project: Project, labels: np.ndarray, classes: tuple[str, ...]) -> list[Floats]:
    if project.task is Task.BINARY:
        return [np.asarray(labels, dtype=np.float64)]
    return [(labels == name).astype(np.float64) for name in classes]


def _columns(predictions: Floats) -> list[Floats]:
    return list(predictions.reshape(len(predictions), -1).T)


def _calibrator(said: Floats, came: Floats) -> Calibrator:
    from scipy.optimize import isotonic_regression  # costs every tick and command half a second

    # What was said alike is one point: in any order of its rows, isotonic regression would rise
    # within it, and keep where it began.
    x, place, rows = np.unique(said, return_inverse=True, return_counts=True)
    fitted = isotonic_regression(np.bincount(place, came) / rows, weights=rows).x
    knots = np.linspace(0, len(said) - 1, min(_KNOTS, len(said))).astype(int)
    at = np.unique(np.sort(place)[knots])
    return Calibrator(tuple(x[at].tolist()), tuple(fitted[at].tolist()))
