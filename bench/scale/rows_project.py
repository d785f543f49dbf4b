"""The project of the made rows: its contract has a range or a list of levels a feature."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from bench.scale.rows import CATEGORICAL, EVENT_TIME, LABEL, LEVELS, NUMERIC, UNITS, words
from sixgates.gates.card import Task
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles

ROUNDS = 30
"""Of each training."""

columns = {
    name: pa.Column(pl.Float32 if name < "f64" else pl.Float64, pa.Check.in_range(-9, 9),
                    nullable=True)
    for name in NUMERIC
}  # fmt: skip
for name, levels in zip(CATEGORICAL, LEVELS, strict=True):
    known = pa.Check.isin(words(name, levels))
    columns[name] = pa.Column(pl.String, known, nullable=True)
columns[UNITS] = pa.Column(pl.Int32)
columns[EVENT_TIME] = pa.Column(pl.Datetime("us"))
columns[LABEL] = pa.Column(pl.Int8, nullable=True)
roles = Roles(
    event_time=EVENT_TIME, label=LABEL, label_horizon=timedelta(days=1), entity=UNITS,
    numeric=tuple(NUMERIC), categorical=tuple(CATEGORICAL), segments=(CATEGORICAL[0],),
)  # fmt: skip
limits = {"rounds": ROUNDS, "max_seconds": 7_200.0}
project = Project(
    name="bench-dask", task=Task.BINARY, contract=pa.DataFrameSchema(columns), roles=roles,
    loss=LossName.BRIER, policies=Policies.with_margin(0.01, training=limits),
)  # fmt: skip
