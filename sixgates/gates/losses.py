"""What one wrong answer costs: bounded losses per row, and the base rate every model must beat.

Losses are in raw units and cut at the project's clip, so every one lies in [0, clip]. An answer
that is no number, or no probability where one is due, has the loss NaN, which every gate refuses.
"""

import numpy as np

from sixgates.gates.card import Task
from sixgates.gates.errors import ContractError
from sixgates.gates.project import LossName, Project

_ROUNDING = 1e-9
"""How far a probability may leave [0, 1] by floating point."""


def row_losses(
    project: Project,
    labels: np.ndarray,
    predictions: np.ndarray,
    classes: tuple[str, ...] = (),
) -> np.ndarray:
    """Return the loss of every row, float64 of shape (n,), in [0, clip] or NaN.

    Binary and multiclass: the Brier score (p - y)², for several classes half the sum of squares
    over the classes, or the log loss -log p(true class). Regression: absolute or squared error.

    Args:
        project: names the task, the loss and its clip.
        labels: 0/1 or numbers, float64; for multiclass the classes as text.
        predictions: (n,) or (n, 1); for multiclass (n, classes).
        classes: labels in the order of the columns of `predictions`. A label outside them was
            never learned: it loses the clip.

    Raises:
        ContractError: the shapes do not belong together.
    """
    if project.task is Task.MULTICLASS:
        losses = _multiclass(project.loss, labels, predictions, classes)
    else:
        losses = _single(project, labels, predictions)
    clipped: np.ndarray = np.minimum(losses, project.loss_clip)
    return clipped


def base_rate_prediction(
    project: Project, labels: np.ndarray, classes: tuple[str, ...] = ()
) -> np.ndarray:
    """Return the constant that a model without features would answer, of shape (1, outputs).

    The mean for binary labels and squared error, the median for absolute error, the frequencies
    of the classes for multiclass. Without labels it is NaN, which no gate lets pass.
    """
    outputs = len(classes) if project.task is Task.MULTICLASS else 1
    if len(labels) == 0:
        return np.full((1, outputs), np.nan)
    if project.task is Task.MULTICLASS:
        return np.array([[float(np.mean(labels == c)) for c in classes]])
    centre = np.median if project.loss is LossName.ABSOLUTE_ERROR else np.mean
    return np.array([[float(centre(labels))]])


def constant_losses(
    project: Project,
    prediction: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...] = (),
) -> np.ndarray:
    """Return the loss of every row when one prediction of shape (1, outputs) answers them all."""
    repeated = np.broadcast_to(prediction, (len(labels), prediction.shape[-1]))
    return row_losses(project, labels, repeated, classes)


def _single(project: Project, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    y = np.asarray(labels, dtype=np.float64)
    p = np.asarray(predictions, dtype=np.float64)
    if p.shape not in {y.shape, (len(y), 1)}:
        raise ContractError(f"{len(y)} labels met predictions of shape {p.shape}")
    p = p.reshape(-1)
    if project.task is Task.BINARY:
        p = _probability(p)
    losses: np.ndarray
    match project.loss:
        case LossName.LOG_LOSS:
            losses = np.where(np.isnan(y), np.nan, _surprise(np.where(y > 0, p, 1 - p)))
        case LossName.ABSOLUTE_ERROR:
            losses = np.abs(p - y)
        case LossName.BRIER | LossName.SQUARED_ERROR:
            losses = (p - y) ** 2
    return losses


def _multiclass(
    loss: LossName, labels: np.ndarray, predictions: np.ndarray, classes: tuple[str, ...]
) -> np.ndarray:
    p = np.asarray(predictions, dtype=np.float64)
    if p.shape != (len(labels), len(classes)):
        raise ContractError(
            f"{len(labels)} labels of {len(classes)} classes met predictions of shape {p.shape}"
        )
    p = _probability(p)
    truth = np.stack([labels == c for c in classes], axis=1) if classes else np.zeros(p.shape, bool)
    losses = (
        ((p - truth) ** 2).sum(axis=1) / 2
        if loss is LossName.BRIER
        else _surprise(np.where(truth, p, 0).sum(axis=1))
    )
    losses = np.where(truth.any(axis=1), losses, np.inf)
    unknown = np.array([label is None for label in labels], dtype=bool) | np.isnan(p).any(axis=1)
    answered: np.ndarray = np.where(unknown, np.nan, losses)
    return answered


def _probability(p: np.ndarray) -> np.ndarray:
    inside = (p >= -_ROUNDING) & (p <= 1 + _ROUNDING)
    return np.where(inside, np.clip(p, 0, 1), np.nan)


def _surprise(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):  # p = 0 is infinitely surprising: the clip bounds it
        surprise: np.ndarray = np.abs(np.log(p))
    return surprise
