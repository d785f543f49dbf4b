"""A model of the champion's own losses: what a regression loses before any label is known.

It learns from the holdout which rows cost much. It is valid while the same rows go on to cost as
much; where the meaning of the inputs changes it sees nothing, and only labels tell.
"""

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from sixgates.gates.drift.expected_loss import FEWEST, ExpectedLoss, LossEstimator, too_few

_ROUNDS = 60
_SETTINGS = {
    "objective": "regression_l2",
    "num_leaves": 8,
    "learning_rate": 0.08,
    "min_data_in_leaf": 30,
    "force_row_wise": True,
    "deterministic": True,
    "num_threads": 1,
    "verbosity": -1,
}
_OFF = 0.15
"""By how much of the mean loss it may be wrong on the newer half of the holdout."""

Matrix = NDArray[np.float64]


def learned_losses(matrix: Matrix, answers: Matrix, losses: Matrix) -> LossEstimator:
    """Learn the losses of the holdout from its rows and the champion's answers.

    It must foretell the mean loss of the newer half from the older one, or it is not used.

    Args:
        matrix: Encoded rows in event-time order, of shape (n, features).
        answers: The champion's, of shape (n, 1).
        losses: Of shape (n,), in units of the project's loss.
    """
    if len(losses) < FEWEST:
        return LossEstimator(invalid=too_few(len(losses)))
    if not losses.any():
        return LossEstimator(invalid="the champion lost nothing on any row of the holdout")
    rows, half = np.column_stack([matrix, answers]), len(losses) // 2
    foretold = _booster(rows[:half], losses[:half]).predict(rows[half:], num_threads=1)
    off = abs(float(np.mean(foretold)) - float(losses[half:].mean())) / float(losses.mean())
    if not off <= _OFF:
        return LossEstimator(
            invalid=f"learned from the older half of the holdout, it is {off:.0%} off the mean loss"
            " of the newer one"
        )
    return LossEstimator(booster=_booster(rows, losses).model_to_string())


def foretold_loss(estimator: LossEstimator, matrix: Matrix, answers: Matrix) -> ExpectedLoss:
    """Return the mean loss to expect of rows with these answers."""
    if estimator.invalid:
        return ExpectedLoss(None, estimator.invalid)
    if not len(answers) or not np.isfinite(answers).all():
        return ExpectedLoss(None, "the window has no answers that are all numbers")
    booster = lgb.Booster(model_str=estimator.booster)
    foretold = booster.predict(np.column_stack([matrix, answers]), num_threads=1)
    return ExpectedLoss(float(np.mean(foretold)))


def _booster(rows: Matrix, losses: Matrix) -> lgb.Booster:
    return lgb.train(_SETTINGS, lgb.Dataset(rows, losses), _ROUNDS)
