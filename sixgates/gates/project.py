"""What a user says about one model: the contract of its data, its roles, loss and policies."""

import math
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

import pandera.polars as pa
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sixgates.gates.card import Task
from sixgates.gates.policy import Policies
from sixgates.gates.source import SqlSource
from sixgates.gates.span import LONGEST, with_its_unit


class LossName(StrEnum):
    """Per-row losses. Each is cut at a clip so that it is bounded; see `losses.py`."""

    BRIER = "brier"
    LOG_LOSS = "log_loss"
    ABSOLUTE_ERROR = "absolute_error"
    SQUARED_ERROR = "squared_error"


class Roles(BaseModel):
    """What each column of the contract is for. Every column has a role, or is `ignored`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    event_time: str
    """When the row happened: a datetime, UTC where it has no zone."""
    label: str
    """What is to be predicted; null while it is not known."""
    entity: str | None = None
    """Who the row is about: the unit that is split and clustered. None: each request for itself."""
    label_time: str | None = None
    """Column that says when the label became known; or give `label_horizon`."""
    label_horizon: timedelta | None = Field(None, ge=timedelta(0), le=LONGEST)
    """Age at which every row's label is known."""
    numeric: tuple[str, ...] = ()
    """Features whose size means something: numbers, or booleans."""
    categorical: tuple[str, ...] = ()
    """Features that name things: text, or numbers that stand for names."""
    segments: tuple[str, ...] = ()
    """Columns whose every value is judged for itself; they may be features too."""
    ignored: tuple[str, ...] = ()
    """Columns that are not features: keys, leaks, leftovers."""

    _has_its_unit = field_validator("label_horizon", mode="before")(with_its_unit)

    @property
    def features(self) -> tuple[str, ...]:
        """Numeric then categorical, in the order the model sees them."""
        return self.numeric + self.categorical


class Project(BaseModel):
    """One model: the only thing a user writes. `sixgates check` says what is missing in it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, use_attribute_docstrings=True
    )

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    """Of the model, everywhere: small letters, digits and dashes, 63 at most."""
    task: Task
    """What kind of prediction it is."""
    contract: pa.DataFrameSchema
    """Pandera schema of the source: columns, types, checks."""
    roles: Roles
    """What each of its columns is for."""
    loss: LossName
    """What a wrong answer costs."""
    clip: float | None = Field(None, gt=0)
    """Largest loss of one row; a larger one counts as this. Needed for unbounded losses."""
    prediction_changes_outcome: Literal["yes", "no", "unknown"] = "unknown"
    """Whether acting on a prediction changes the label, or which labels arrive. Unknown means yes:
    then only the canary's random split may judge the loss."""
    effect_varies: Literal["yes", "no", "unknown"] = "unknown"
    """Whether the difference between two models changes from period to period (weather, campaigns,
    mix of customers). Unknown means yes: then the random split judges the loss by period, which
    takes longer. "no" lets every unit count by itself; said wrongly, it promotes worse models more
    often than the policy allows."""
    period: timedelta = Field(timedelta(days=1), gt=timedelta(0))
    """Main season of the traffic: paired evidence is judged by it."""
    source: SqlSource | str | Path | Callable[[], pl.LazyFrame] | None = Field(None, repr=False)
    """Parquet file, folder or glob, folder of a Delta table, query (also as text,
    `<connection>#<query>`), or callable; the command line's `--data` goes before it."""
    trainer: dict[str, Any] = Field(default_factory=dict)
    """LightGBM parameters over the defaults (31 leaves, learning rate 0.06)."""
    policies: Policies
    """What the gates judge by."""

    _has_its_unit = field_validator("period", mode="before")(with_its_unit)

    @model_validator(mode="after")
    def _contradictions(self) -> Self:
        problems = [*_misplaced(self), *_unfitting(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def loss_clip(self) -> float:
        """The bound of one row's loss: the clip, or the natural bound of the Brier score."""
        return self.clip if self.clip is not None else 1.0

    @property
    def pairs_count(self) -> bool:
        """Whether shadow pairs may judge the loss (section: paired evidence)."""
        return self.prediction_changes_outcome == "no"

    @property
    def units_count(self) -> bool:
        """Whether every unit of the random split may judge the loss by itself."""
        return self.effect_varies == "no"


_LOSSES = {
    Task.BINARY: {LossName.BRIER, LossName.LOG_LOSS},
    Task.MULTICLASS: {LossName.BRIER, LossName.LOG_LOSS},
    Task.REGRESSION: {LossName.ABSOLUTE_ERROR, LossName.SQUARED_ERROR},
}


def _misplaced(project: Project) -> list[str]:
    """Return what is wrong with the roles of the columns."""
    roles, columns = project.roles, set(project.contract.columns)
    single = [c for c in (roles.event_time, roles.label, roles.entity, roles.label_time) if c]
    placed = {*single, *roles.features, *roles.segments, *roles.ignored}
    problems = []
    if missing := sorted(placed - columns):
        problems.append(f"roles name columns that the contract does not have: {missing}")
    if unplaced := sorted(columns - placed):
        problems.append(f"columns without a role: {unplaced}; give one or list them as ignored")
    if not roles.features:
        problems.append("no features: name numeric or categorical columns")
    if twice := sorted({c for c in roles.features if roles.features.count(c) > 1}):
        problems.append(f"features named twice: {twice}")
    if leaks := sorted({*single, *roles.ignored} & set(roles.features) - {roles.entity}):
        problems.append(f"features that are also label or ignored: {leaks}")
    if roles.entity in roles.segments:
        problems.append(f"the entity {roles.entity!r} is a segment: of one entity nothing is told")
    if (roles.label_time is None) == (roles.label_horizon is None):
        problems.append("give exactly one of label_time and label_horizon")
    return problems


def _unfitting(project: Project) -> list[str]:
    """Return where task, loss, clip and margins do not fit each other."""
    problems = []
    if project.loss not in _LOSSES[project.task]:
        allowed = sorted(_LOSSES[project.task])
        problems.append(f"loss {project.loss} does not fit task {project.task}; use {allowed}")
    if project.loss is not LossName.BRIER and project.clip is None:
        problems.append(f"loss {project.loss} is unbounded: set clip")
    widest = max(project.policies.comparison.margin, project.policies.canary.margin)
    if widest >= project.loss_clip:
        problems.append(f"margin {widest} is not below the largest loss, {project.loss_clip}")
    if project.clip == math.inf:
        problems.append(
            "gates judge by bounded losses: let clip be the most that one row may count"
        )
    if project.loss is LossName.BRIER and project.clip is not None:
        problems.append("the Brier score is bounded by 1: drop clip")
    return problems
