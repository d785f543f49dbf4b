"""Made rows as parquet files of a million each: `python -m bench.scale.rows FOLDER ROWS`.

Thirty features: 12 float32, 12 float64 and 6 of strings with 5 to 200 levels, in each about 2 % of
nulls. Beside them an entity of about 50 rows, an event time and a label of 0 and 1 that can be
learnt from ten of them. One file is made after the other, so that any number of rows takes the
memory of a million.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandera.polars as pa
import polars as pl

from bench.clock import spend
from sixgates.gates.card import Task
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles

NUMERIC = [f"{kind}_{i:02}" for kind in ("f32", "f64") for i in range(12)]
CATEGORICAL = [f"cat_{i}" for i in range(6)]
START = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC
SPAN = timedelta(days=180)
NOW = START + SPAN
ROUNDS = 30
"""Of each training."""

_SEED = 20_260_101
_FILE = 1_000_000
_NULLS = 0.02
_LEARNT = 8
"""Numeric features that the label follows, beside two categorical ones."""
_UNIT = 50
_EVENT_TIME, _UNITS, _LABEL = "at", "unit", "label"
_LEVELS = [round(n) for n in np.geomspace(5, 200, len(CATEGORICAL))]


def files_of(folder: Path, rows: int) -> list[Path]:
    """Return where the files of so many rows are, oldest first."""
    return [place_of(folder, rows) / f"part-{i:03}.parquet" for i in range(-(-rows // _FILE))]


def place_of(folder: Path, rows: int) -> Path:
    """Return the folder of so many rows."""
    return folder / f"dask-{rows}"


def make(folder: Path, rows: int) -> None:
    """Write what is not there."""
    for part, path in enumerate(files_of(folder, rows)):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".unfinished")
            _part(rows, part).write_parquet(unfinished)
            unfinished.rename(path)


def project() -> Project:
    """Return the project of the rows; its contract has a range or a list of levels a feature."""
    columns = {
        name: pa.Column(pl.Float32 if name < "f64" else pl.Float64, pa.Check.in_range(-9, 9),
                        nullable=True)
        for name in NUMERIC
    }  # fmt: skip
    for name, levels in zip(CATEGORICAL, _LEVELS, strict=True):
        known = pa.Check.isin(_words(name, levels))
        columns[name] = pa.Column(pl.String, known, nullable=True)
    columns[_UNITS] = pa.Column(pl.Int32)
    columns[_EVENT_TIME] = pa.Column(pl.Datetime("us"))
    columns[_LABEL] = pa.Column(pl.Int8, nullable=True)
    roles = Roles(
        event_time=_EVENT_TIME, label=_LABEL, label_horizon=timedelta(days=1), entity=_UNITS,
        numeric=tuple(NUMERIC), categorical=tuple(CATEGORICAL), segments=(CATEGORICAL[0],),
    )  # fmt: skip
    limits = {"rounds": ROUNDS, "max_seconds": 7_200.0}
    return Project(
        name="bench-dask", task=Task.BINARY, contract=pa.DataFrameSchema(columns), roles=roles,
        loss=LossName.BRIER, policies=Policies.with_margin(0.01, training=limits),
    )  # fmt: skip


def _part(rows: int, part: int) -> pl.DataFrame:
    """Return the rows of one file, in event-time order."""
    rng = np.random.default_rng([_SEED, rows, part])
    first = part * _FILE
    n = min(_FILE, rows - first)
    logit, columns = np.full(n, -1.5, dtype=np.float32), []
    for i, name in enumerate(NUMERIC):
        kind = np.float32 if name < "f64" else np.float64
        values = rng.standard_normal(n, dtype=kind)
        if i < _LEARNT:
            logit += 0.5 * values if i % 2 else np.abs(values)
        columns.append(_with_nulls(rng, pl.Series(name, values)))
    for i, (name, levels) in enumerate(zip(CATEGORICAL, _LEVELS, strict=True)):
        # Squared, so that the first levels are the most frequent.
        codes = (rng.random(n, dtype=np.float32) ** 2 * levels).astype(np.uint32)
        if i % 3 == 0:
            logit -= 0.8 * (codes % 3 == 0)
        words = pl.Series(name, _words(name, levels))
        columns.append(_with_nulls(rng, words.gather(codes)))
    between = np.timedelta64(SPAN // rows, "us")
    at = np.datetime64(START, "us") + between * np.arange(first + 1, first + n + 1)
    learnt = rng.random(n, dtype=np.float32) < 1 / (1 + np.exp(2 - logit))
    return pl.DataFrame(
        [
            *columns,
            pl.Series(_UNITS, rng.integers(0, max(1, rows // _UNIT), n, dtype=np.int32)),
            pl.Series(_EVENT_TIME, at),
            pl.Series(_LABEL, learnt.astype(np.int8)),
        ]
    )


def _words(name: str, levels: int) -> list[str]:
    return [f"{name}-level-{i}" for i in range(levels)]


def _with_nulls(rng: np.random.Generator, column: pl.Series) -> pl.Series:
    present = pl.Series(rng.random(column.len(), dtype=np.float32) >= _NULLS)
    return column.to_frame().select(pl.when(present).then(pl.col(column.name))).to_series()


if __name__ == "__main__":
    spend(lambda: make(Path(sys.argv[1]), int(sys.argv[2])))
