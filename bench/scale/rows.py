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
import polars as pl

from bench.clock import spend

NUMERIC = [f"{kind}_{i:02}" for kind in ("f32", "f64") for i in range(12)]
CATEGORICAL = [f"cat_{i}" for i in range(6)]
START = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC
SPAN = timedelta(days=180)
NOW = START + SPAN
UNITS, EVENT_TIME, LABEL = "unit", "at", "label"
LEVELS = [round(n) for n in np.geomspace(5, 200, len(CATEGORICAL))]
"""How many each feature of strings has."""

_SEED = 20_260_101
_FILE = 1_000_000
_NULLS = 0.02
_LEARNT = 8
"""Numeric features that the label follows, beside two categorical ones."""
_UNIT = 50


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
    for i, (name, levels) in enumerate(zip(CATEGORICAL, LEVELS, strict=True)):
        # Squared, so that the first levels are the most frequent.
        codes = (rng.random(n, dtype=np.float32) ** 2 * levels).astype(np.uint32)
        if i % 3 == 0:
            logit -= 0.8 * (codes % 3 == 0)
        named = pl.Series(name, words(name, levels))
        columns.append(_with_nulls(rng, named.gather(codes)))
    between = np.timedelta64(SPAN // rows, "us")
    at = np.datetime64(START, "us") + between * np.arange(first + 1, first + n + 1)
    learnt = rng.random(n, dtype=np.float32) < 1 / (1 + np.exp(2 - logit))
    return pl.DataFrame(
        [
            *columns,
            pl.Series(UNITS, rng.integers(0, max(1, rows // _UNIT), n, dtype=np.int32)),
            pl.Series(EVENT_TIME, at),
            pl.Series(LABEL, learnt.astype(np.int8)),
        ]
    )


def words(name: str, levels: int) -> list[str]:
    """Return the levels of a feature of strings."""
    return [f"{name}-level-{i}" for i in range(levels)]


def _with_nulls(rng: np.random.Generator, column: pl.Series) -> pl.Series:
    present = pl.Series(rng.random(column.len(), dtype=np.float32) >= _NULLS)
    return column.to_frame().select(pl.when(present).then(pl.col(column.name))).to_series()


if __name__ == "__main__":
    spend(lambda: make(Path(sys.argv[1]), int(sys.argv[2])))
