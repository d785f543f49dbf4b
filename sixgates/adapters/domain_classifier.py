"""Can a classifier tell the rows of a window from those of the training?

Where it cannot, no combination of features has moved. What each feature looks like by itself does
not say that: two may keep their distributions while they part company.
"""

import lightgbm as lgb
import numpy as np
import polars as pl
from numpy.typing import NDArray

_FEWEST = 100
"""Rows of either side below which nothing is learned."""
_ROUNDS = 30
_SETTINGS = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.15,
    "min_data_in_leaf": 20,
    "min_data_in_bin": 1,
    "force_row_wise": True,
    "deterministic": True,
    "num_threads": 1,
    "verbosity": -1,
}

Matrix = NDArray[np.float64]


def told_apart(usual: Matrix, window: Matrix, categorical: list[int]) -> float | None:
    """Return the area under the ROC curve on rows that the classifier did not learn from.

    0.5 is chance. Two classifiers learn from one half of the rows each, and judge the other.

    Args:
        usual: Encoded rows of the training, of shape (rows, features).
        window: Those of the window.
        categorical: Places of features whose numbers are codes.

    Returns:
        None with fewer than 100 rows of either side.
    """
    if min(len(usual), len(window)) < _FEWEST:
        return None
    return float(
        np.mean([area_under_curve(f.came, f.said()) for f in _folds(usual, window, categorical)])
    )


def tells_apart(usual: Matrix, window: Matrix, categorical: list[int]) -> NDArray[np.float64]:
    """Return how much of that area is lost when one feature is shuffled among the judged rows.

    In-sample gain would rank noise first. Zeros with fewer than 100 rows of either side.
    """
    losses = np.zeros(usual.shape[1])
    if min(len(usual), len(window)) < _FEWEST:
        return losses
    for fold in _folds(usual, window, categorical):
        whole = area_under_curve(fold.came, fold.said())
        for column in range(len(losses)):
            losses[column] += (whole - area_under_curve(fold.came, fold.said(shuffled=column))) / 2
    return losses


class _Fold:
    """A classifier, and the rows it did not learn from."""

    def __init__(
        self, rows: Matrix, came: Matrix, learns: NDArray[np.bool_], categorical: list[int]
    ) -> None:
        data = lgb.Dataset(rows[learns], came[learns], categorical_feature=categorical)
        self._booster = lgb.train(_SETTINGS, data, _ROUNDS)
        self._rows = rows[~learns]
        self.came = came[~learns]

    def said(self, shuffled: int | None = None) -> Matrix:
        rows = self._rows
        if shuffled is not None:
            rows = rows.copy()
            rows[:, shuffled] = np.random.default_rng(shuffled).permutation(rows[:, shuffled])
        return np.asarray(self._booster.predict(rows, num_threads=1), dtype=np.float64)


def _folds(usual: Matrix, window: Matrix, categorical: list[int]) -> list[_Fold]:
    rows = np.concatenate([usual, window])
    came = np.concatenate([np.zeros(len(usual)), np.ones(len(window))])
    half = np.random.default_rng(0).permutation(len(rows)) % 2 == 0
    return [_Fold(rows, came, learns, categorical) for learns in (half, ~half)]


def area_under_curve(came: Matrix, said: Matrix) -> float:
    """Return the area under the ROC curve, by ranks; ties count half.

    Args:
        came: 1 or 0 for each row, both of them there.
        said: What was answered to it.
    """
    ranks = pl.Series(said).rank("average").to_numpy()
    ones = came.sum()
    return float((ranks[came == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(came) - ones)))
