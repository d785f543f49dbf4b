"""Features that hold the answer: no model may learn from them, for they are not there in time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pandera.polars as pa
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.data.leaks import measure_leaks
from sixgates.gates.draft.costs import Costs
from sixgates.gates.draft.features import Parts
from sixgates.gates.draft.guess import Guess
from sixgates.gates.policy import Policies, ValidationPolicy
from sixgates.gates.project import Project, Roles


def without_answers(
    parts: Parts, rows: pl.DataFrame, *, label: str, event_time: str, task: Task, costs: Costs
) -> Parts:
    """Ignore features that gate 1 would take for a leak, and what makes up the label with one.

    Args:
        parts: What the columns are for.
        rows: In the order of event time. Where they have none, their order counts.
        label: Its column.
        event_time: Its column, which the rows may not have.
        task: Binary, multiclass or regression.
        costs: Loss, clip and margin.
    """
    features = (*parts.numeric, *parts.categorical)
    if not features:
        return parts
    if event_time not in rows.columns:
        order = pl.int_range(pl.len()).cast(pl.Datetime("us"))
        rows = rows.with_columns(order.alias(event_time))
    project = _project(parts, label, event_time, task, costs)
    limit = ValidationPolicy().max_explained or 1
    leaks = measure_leaks(rows, project, datetime.max)  # noqa: DTZ901 - every row
    told = {
        e.feature: f"It alone explains {e.share:.0%} of the label, so it may hold the answer"
        for e in leaks.strongest
        if e.share > limit
    }
    if task is Task.REGRESSION:
        told |= _rest(rows, label, told.keys() & {g.value for g in parts.numeric}, parts)
    return replace(
        parts,
        numeric=tuple(g for g in parts.numeric if g.value not in told),
        categorical=tuple(g for g in parts.categorical if g.value not in told),
        ignored=(*parts.ignored, *(Guess(g.value, told[g.value]) for g in features
                                   if g.value in told)),
    )  # fmt: skip


def _rest(rows: pl.DataFrame, label: str, leaks: set[str], parts: Parts) -> dict[str, str]:
    """Name what is left of the label when a leak is taken off."""
    known = rows.drop_nulls(label)
    return {
        guess.value: f"With {leak} it makes up the label"
        for leak in leaks
        for guess in parts.numeric
        if guess.value not in leaks
        and (known[label] - known[leak] == known[guess.value]).fill_null(value=False).all()
    }


def _project(parts: Parts, label: str, event_time: str, task: Task, costs: Costs) -> Project:
    """Return a project whose contract asks nothing."""
    numeric = tuple(g.value for g in parts.numeric)
    categorical = tuple(g.value for g in parts.categorical)
    names = (event_time, label, *numeric, *categorical)
    return Project(
        name="draft",
        task=task,
        contract=pa.DataFrameSchema({name: pa.Column() for name in names}),
        roles=Roles(
            event_time=event_time, label=label, label_horizon=timedelta(0), numeric=numeric,
            categorical=categorical,
        ),
        loss=costs.loss,
        clip=costs.clip,
        policies=Policies.with_margin(costs.margin),
    )  # fmt: skip
