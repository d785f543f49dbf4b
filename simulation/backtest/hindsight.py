"""What the best sequence of models would have lost, had one known what was to come.

In each twentieth of the history the best is the one model, of all that any play had trained when
the twentieth began, whose mean loss on some of its rows is the least. It is chosen by the very rows
that it is judged on, so nobody can reach it: regret is a bound on what a better policy could gain.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from simulation.backtest.history import History
from simulation.backtest.models import BLOCKS, Model
from sixgates.adapters.lightgbm_trainer import predict
from sixgates.gates.losses import row_losses

_ASKED = 250
"""Rows of a twentieth on which all models are compared, at most."""


@dataclass(eq=False)
class Hindsight:
    """Every model's losses on some rows of each later twentieth."""

    history: History
    first: int
    """Row at which the plays begin."""
    _means: dict[int, list[float]] = field(default_factory=dict)

    def add(self, model: Model, row: int) -> None:
        """Ask a new model about what comes after a row."""
        later = [block for block in self._blocks() if self._start(block) >= row]
        if not later:
            return
        places = np.concatenate([self.places(block) for block in later])
        rows, project = self.history.frame[places], self.history.project
        truth = self.history.truth_at(places)
        lost = row_losses(project, truth, predict(model.text, model.card, rows), model.card.classes)
        ends = np.cumsum([len(self.places(block)) for block in later])[:-1]
        for block, losses in zip(later, np.split(lost, ends), strict=True):
            if np.isfinite(losses).any():
                self._means.setdefault(block, []).append(float(np.nanmean(losses)))

    def regret(self, losses: NDArray[np.float64]) -> float:
        """Return by how much served losses, by row, exceed the best; NaN where nobody can tell."""
        found, weights = [], []
        for block, means in self._means.items():
            served = losses[self.places(block)]
            if np.isfinite(served).any():
                found.append(float(np.nanmean(served)) - min(means))
                weights.append(int(np.isfinite(served).sum()))
        return float(np.average(found, weights=weights)) if found else float("nan")

    def places(self, block: int) -> NDArray[np.int64]:
        """Return the rows of a twentieth on which models are compared, evenly spread."""
        start, end = self._start(block), self._start(block + 1)
        return np.unique(np.linspace(start, end - 1, min(_ASKED, end - start)).astype(np.int64))

    def _blocks(self) -> range:
        return range(BLOCKS)

    def _start(self, block: int) -> int:
        """Return where a twentieth begins; those before the plays are none."""
        return max(self.first, -(-block * self.history.rows // BLOCKS))
