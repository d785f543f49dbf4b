"""The models of a backtest, and what they say of later rows: each is asked once a twentieth."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from simulation.backtest.history import History
from sixgates.adapters.lightgbm_trainer import predict
from sixgates.gates.card import ModelCard, Task
from sixgates.gates.losses import row_losses
from sixgates.ledger.route import Version

BLOCKS = 20
"""Parts of the history, of as many rows each."""
_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """A model that some play could put into service."""

    number: str
    text: str
    card: ModelCard
    trained: datetime
    """Moment at which it was trained, naive UTC."""
    until: datetime
    """Event time of the newest row that its run accepted, naive UTC."""
    broken: tuple[tuple[datetime, datetime], ...]
    """Stretches of time that its run left out."""
    gated: bool
    """Whether gate 1 chose its rows."""

    @property
    def version(self) -> Version:
        """Return it as routes name it."""
        return Version(self.number, self.card.digest)


@dataclass(eq=False)
class Models:
    """The models of a backtest by their number, and the newest of their answers."""

    history: History
    kept: dict[str, Model] = field(default_factory=dict)
    made: int = 0
    """How many were ever added."""
    _said: dict[tuple[str, int], _Array] = field(default_factory=dict)
    _lost: dict[tuple[str, int], _Array] = field(default_factory=dict)
    _figures: dict[tuple[str, int], _Array] = field(default_factory=dict)

    def add(self, make: Callable[[str], Model]) -> Model:
        """Keep a new model under the next number."""
        self.made += 1
        model = make(str(self.made))
        self.kept[model.number] = model
        return model

    def answers(self, number: str, first: int, end: int) -> _Array:
        """Return what a model says of some rows, of shape (rows, outputs)."""
        return self._together(self._said, number, first, end)

    def losses(self, number: str, first: int, end: int) -> _Array:
        """Return what its answers to some rows lose, in units of the loss; NaN without a label.

        This is the truth: what was not known at a moment must be left out by who decides.
        """
        return self._together(self._lost, number, first, end)

    def figures(self, number: str, first: int, end: int) -> _Array:
        """Return of its answers what the project's metric is made of: for several classes, hits."""
        return self._together(self._figures, number, first, end)

    def keep(self, serving: Collection[str], since: int) -> None:
        """Drop the models that nobody serves, and answers to rows before some row.

        Of those who serve the past losses are kept: the watch looks back on them.
        """
        self.kept = {n: model for n, model in self.kept.items() if n in serving}
        self._lost = {key: lost for key, lost in self._lost.items() if key[0] in serving}
        for known in (self._said, self._figures):
            for key in list(known):
                if key[0] not in serving or self._edges(key[1])[1] <= since:
                    del known[key]

    def _together(
        self, known: dict[tuple[str, int], _Array], number: str, first: int, end: int
    ) -> _Array:
        parts: list[_Array] = []
        block = self._block(first)
        while first < end or not parts:
            start, stop = self._edges(block)
            if (number, block) not in known:
                self._ask(number, block)
            parts.append(known[number, block][first - start : min(end, stop) - start])
            first, block = stop, block + 1
        return np.concatenate(parts)

    def _ask(self, number: str, block: int) -> None:
        first, end = self._edges(block)
        model, project = self.kept[number], self.history.project
        said = predict(model.text, model.card, self.history.frame[first:end])
        truth = self.history.truth(first, end)
        self._said[number, block] = said
        self._lost[number, block] = row_losses(project, truth, said, model.card.classes)
        self._figures[number, block] = _figures(model, said, truth)

    def _block(self, row: int) -> int:
        return min(row * BLOCKS // self.history.rows, BLOCKS - 1)

    def _edges(self, block: int) -> tuple[int, int]:
        rows = self.history.rows
        return -(-block * rows // BLOCKS), -(-(block + 1) * rows // BLOCKS)


def _figures(model: Model, said: _Array, truth: _Array) -> _Array:
    if model.card.task is not Task.MULTICLASS:
        return said[:, 0]
    hits = np.asarray(model.card.classes)[said.argmax(axis=1)] == truth
    return np.asarray(hits, dtype=np.float64)
