"""Can a classifier tell the rows of a window from those of the training?

Where it cannot, no combination of features has moved. What each feature looks like by itself does
not say that: two may keep their distributions while they part company.
"""

from collections.abc import Sequence
from functools import cached_property

import lightgbm as lgb
import numpy as np
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


class Fold:
    """A classifier, and the rows it did not learn from."""

    def __init__(
        self, rows: Matrix, came: Matrix, learns: NDArray[np.bool_], categorical: list[int]
    ) -> None:
        data = lgb.Dataset(rows[learns], came[learns], categorical_feature=categorical)
        # Kept as trained: to write it as text and read that again costs half as much as it did.
        self._booster = lgb.train(_SETTINGS, data, _ROUNDS, keep_training_booster=True)
        self._splits = self._booster.feature_importance("split")
        self._rows = rows[~learns]
        self._came = came[~learns]

    @property
    def features(self) -> int:
        """How many there are."""
        return len(self._rows.T)

    @cached_property
    def area(self) -> float:
        """Area under the ROC curve on those rows."""
        return self._area_on(self._rows)

    def lost_without(self, feature: int) -> float:
        """Return how much of the area is lost when one feature is shuffled among those rows."""
        if not self._splits[feature]:  # no answer depends on it
            return 0.0
        rows = self._rows.copy()
        rows[:, feature] = np.random.default_rng(feature).permutation(rows[:, feature])
        return self.area - self._area_on(rows)

    def _area_on(self, rows: Matrix) -> float:
        said = np.asarray(self._booster.predict(rows, num_threads=1), dtype=np.float64)
        return area_under_curve(self._came, said)


def folds_of(usual: Matrix, window: Matrix, categorical: list[int]) -> list[Fold]:
    """Learn to tell the rows of a window from those of the training.

    Two classifiers learn from one half of the rows each, and judge the other.

    Args:
        usual: Encoded rows of the training, of shape (rows, features).
        window: Those of the window.
        categorical: Places of features whose numbers are codes.

    Returns:
        None of them with fewer than 100 rows of either side.
    """
    if min(len(usual), len(window)) < _FEWEST:
        return []
    rows = np.concatenate([usual, window])
    came = np.concatenate([np.zeros(len(usual)), np.ones(len(window))])
    half = np.random.default_rng(0).permutation(len(rows)) % 2 == 0
    return [Fold(rows, came, learns, categorical) for learns in (half, ~half)]


def told_apart(folds: Sequence[Fold]) -> float | None:
    """Return the mean area under the ROC curve: 0.5 is chance. None where nothing was learned."""
    return float(np.mean([fold.area for fold in folds])) if folds else None


def tells_apart(folds: Sequence[Fold]) -> NDArray[np.float64]:
    """Return how much of that area each feature is worth; empty where nothing was learned.

    By shuffling it among the judged rows: in-sample gain would rank noise first.
    """
    features = range(folds[0].features) if folds else ()
    return np.array([sum(fold.lost_without(i) / 2 for fold in folds) for i in features])


def area_under_curve(came: Matrix, said: Matrix) -> float:
    """Return the area under the ROC curve, by ranks; ties count half.

    Args:
        came: 1 or 0 for each row, both of them there.
        said: What was answered to it.
    """
    _, place, rows = np.unique(said, return_inverse=True, return_counts=True)
    ranks = np.cumsum(rows) - (rows - 1) / 2
    ones = came.sum()
    above = ranks[place[came == 1]].sum() - ones * (ones + 1) / 2
    return float(above / (ones * (len(came) - ones)))
