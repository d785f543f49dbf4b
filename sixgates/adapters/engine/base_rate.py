"""What always answering the base rate would lose, from rows that stay with the workers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from sixgates.adapters.engine.ranks import Ordered, at_places, count_of, float_of, order_of_floats
from sixgates.adapters.engine.stored_rows import Part, StoredRows, dated
from sixgates.gates.card import Task
from sixgates.gates.encoding import label_array
from sixgates.gates.losses import constant_losses
from sixgates.gates.project import LossName, Project
from sixgates.gates.timesplit import Borders

if TYPE_CHECKING:
    from distributed import Future

_T = TypeVar("_T")
Floats = np.ndarray


def base_rate_on(
    rows: StoredRows, borders: Borders, parts: Sequence[Part], classes: tuple[str, ...]
) -> Floats:
    """Return what `base_rate_prediction` says of training labels, of shape (1, outputs).

    Args:
        rows: Their project, and where they are.
        borders: Which rows train.
        parts: Those with any of them.
        classes: Of the model, for multiclass.
    """
    project = rows.project
    labels = rows.on_parts(_labels, borders, classes, parts=parts)
    if project.task is not Task.MULTICLASS and project.loss is LossName.ABSOLUTE_ERROR:
        return np.array([[_median(rows, labels)]])
    n, total = rows.merged(_added, rows.cluster.each(_total, labels))
    return np.atleast_2d(total / n)


def base_loss_on(rows: StoredRows, base: Floats, classes: tuple[str, ...]) -> float:
    """Return what a base rate loses on the validation rows, in the mean."""
    parts = rows.where("validation")
    found = rows.on_parts(_base_losses, rows.borders, classes, base, parts=parts)
    n, total = rows.merged(_added, found)
    return float(total / n)


def _median(rows: StoredRows, labels: "list[Future]") -> float:
    parts = rows.cluster.each(_ordered, labels)
    n = count_of(rows.cluster, parts)
    middle = at_places(rows.cluster, parts, sorted({(n - 1) // 2, n // 2}))
    return float(np.mean([float_of(value) for value in middle]))


def _labels(part: Part, project: Project, borders: Borders, classes: tuple[str, ...]) -> Floats:
    """Return training labels, or for several classes a column of 0 and 1 each."""
    labels = label_array(project, borders.split(dated(part, project), project).train)
    if project.task is Task.MULTICLASS:
        return np.asarray(labels[:, None] == np.array(classes)[None, :], dtype=np.float64)
    return labels


def _total(labels: Floats) -> tuple[int, Floats]:
    return len(labels), np.atleast_1d(labels.sum(axis=0))


def _ordered(labels: Floats) -> Ordered:
    return order_of_floats(labels)


def _base_losses(
    part: Part, project: Project, borders: Borders, classes: tuple[str, ...], base: Floats
) -> tuple[int, float]:
    labels = label_array(project, borders.split(dated(part, project), project).validation)
    return len(labels), float(constant_losses(project, base, labels, classes).sum())


def _added(a: tuple[int, _T], b: tuple[int, _T]) -> tuple[int, _T]:
    return a[0] + b[0], a[1] + b[1]  # type: ignore[operator]
