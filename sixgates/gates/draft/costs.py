"""Loss, clip and margin to begin with."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil, floor, log10

import numpy as np
import pandera.polars as pa
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.encoding import label_array
from sixgates.gates.losses import base_rate_prediction, constant_losses
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles

_MARGIN = 0.03
"""The margin as a share of what always answering the base rate loses."""
_NO_MARGIN = 0.005
_CLIPPED = 0.999
"""So large a share of distances to the median lies below the clip."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What a wrong answer costs, and how much more of it a new model may cost."""

    loss: LossName
    clip: float | None
    margin: float
    why: str
    """Where the margin comes from."""


def guess_costs(labels: pl.Series, task: Task) -> Costs:
    """Return a loss, and a margin of 3 % of what a model without features would lose."""
    known = labels.drop_nulls()
    loss = LossName.ABSOLUTE_ERROR if task is Task.REGRESSION else LossName.BRIER
    clip = _clip(known) if task is Task.REGRESSION else None
    project = _bare(known.name, task, loss, clip)
    array = label_array(project, known.to_frame())
    classes = tuple(np.unique(array)) if task is Task.MULTICLASS else ()
    constant = base_rate_prediction(project, array, classes)
    base = float(constant_losses(project, constant, array, classes).mean())
    if not base > 0:
        return Costs(loss, clip, _NO_MARGIN, "All labels seen are alike, so it comes from nowhere")
    margin = float(f"{_MARGIN * base:.1g}")
    return Costs(
        loss, clip, margin, f"It is 3 % of {base:.3g}, the loss of one answer for all rows"
    )


def _clip(known: pl.Series) -> float:
    numbers = known.cast(pl.Float64).to_numpy()
    far = float(np.quantile(np.abs(numbers - np.median(numbers)), _CLIPPED))
    if not np.isfinite(far) or far <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(far))
    return float(f"{ceil(far / unit) * unit:.6g}")


def _bare(label: str, task: Task, loss: LossName, clip: float | None) -> Project:
    """Return a project of nothing but a label, to ask the losses of the house."""
    at, x = f"{label} at", f"{label} x"
    return Project(
        name="draft",
        task=task,
        contract=pa.DataFrameSchema({name: pa.Column() for name in (at, x, label)}),
        roles=Roles(event_time=at, label=label, label_horizon=timedelta(0), numeric=(x,)),
        loss=loss,
        clip=clip,
        policies=Policies.with_margin(min(0.01, (clip or 1) / 2)),
    )
