"""A model under watch: what it says of some rows, and what may be expected of that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from sixgates.adapters.domain_classifier import Matrix
from sixgates.adapters.lightgbm_trainer import predict_matrix
from sixgates.adapters.loss_booster import foretold_loss, learned_losses
from sixgates.gates.card import ModelCard, Task
from sixgates.gates.drift.expected_loss import (
    ExpectedLoss,
    LossEstimator,
    calibrated,
    expected_loss,
)
from sixgates.gates.drift.look import Look
from sixgates.gates.encoding import label_array
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.groups import by_group
from sixgates.gates.project import Project
from sixgates.gates.reference import Reference

ASKED = 2_000
"""Rows of a window that the model is asked, and that get a closer look."""
TOLD = 1_000
"""Rows of either side that the classifier learns from."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A model under watch."""

    project: Project
    text: str
    card: ModelCard

    def ask(self, matrix: Matrix) -> Matrix:
        """Return its answers to encoded rows, of shape (rows, outputs)."""
        return predict_matrix(self.text, self.card, matrix)


def asked(model: Watched, reference: Reference, look: Look, matrix: Matrix) -> Look:
    """Add what the model says of some rows."""
    said = model.ask(matrix)
    counted = profile_frame(answers_of(said), reference.answers.numeric, [], like=reference.answers)
    groups = by_group(counted, reference.answers)
    return replace(
        look,
        answers=tuple(tuple(map(int, counts)) for counts in groups),
        expected=_expected(model, reference.estimator, matrix, said),
    )


def _expected(
    model: Watched, estimator: LossEstimator, matrix: Matrix, said: Matrix
) -> ExpectedLoss:
    if model.project.task is Task.REGRESSION:
        return foretold_loss(estimator, matrix, said)
    return expected_loss(estimator, model.project, said, model.card.classes)


def estimator_of(
    model: Watched, holdout: pl.DataFrame, matrix: Matrix, said: Matrix, losses: Matrix
) -> LossEstimator:
    """Learn from the holdout what to expect of answers.

    Args:
        model: It.
        holdout: Rows in event-time order.
        matrix: The same, encoded.
        said: Its answers to them.
        losses: What these lost, in units of the project's loss.
    """
    if model.project.task is Task.REGRESSION:
        return learned_losses(matrix, said, losses)
    labels = label_array(model.project, holdout)
    return calibrated(model.project, labels, said, model.card.classes)


def answers_of(said: Matrix) -> pl.DataFrame:
    """Return answers as a frame, a column each."""
    return pl.DataFrame({f"answer {i}": column for i, column in enumerate(said.T)})


def codes_among(card: ModelCard, columns: Sequence[int]) -> list[int]:
    """Return which of some columns of the matrix hold codes."""
    levels = [card.features[i].levels for i in columns]
    return [place for place, known in enumerate(levels) if known is not None]


def thinned(matrix: Matrix, most: int) -> Matrix:
    """Return rows spread over all, at most so many."""
    return matrix[:: max(1, -(-len(matrix) // most))]
