"""Two windows of made data, as parquet files: `python -m bench.watch.windows FOLDER ROWS`.

Fifty features: 20 float32, 20 float64 and 10 of strings with 5 to 200 levels, in each about 2 % of
nulls, and in every eighth number some NaN. The numbers are drawn at full precision, so that there
is next to nothing in them to compress: what a file of rounded numbers costs to unpack, this does
not. In the second window some features have moved. Beside them stand an event time and a label, for
the data gate. Polars writes the files, as it does by itself.
"""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from bench.clock import spend

NUMERIC = [f"{kind}_{i:02}" for kind in ("f32", "f64") for i in range(20)]
CATEGORICAL = [f"cat_{i}" for i in range(10)]
FEATURES = [*NUMERIC, *CATEGORICAL]
EVENT_TIME, LABEL = "at", "label"
START = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC
SPAN = timedelta(days=180)

_SEED = 20_260_101
_NULLS = 0.02
_NANS = 0.005
_NAN_EVERY = 8
_MOVED_EVERY = 5
LEVELS = [round(n) for n in np.geomspace(5, 200, len(CATEGORICAL))]


def paths(folder: Path, rows: int) -> tuple[Path, Path]:
    """Return where the reference window and the current one are."""
    return folder / f"reference-{rows}.parquet", folder / f"current-{rows}.parquet"


def make(folder: Path, rows: int) -> None:
    """Write what is not there."""
    for window, path in enumerate(paths(folder, rows)):
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            rng = np.random.default_rng([_SEED, window])
            pl.DataFrame(list(_columns(rng, rows, moved=bool(window)))).write_parquet(unfinished)
            unfinished.rename(path)


def _columns(rng: np.random.Generator, rows: int, *, moved: bool) -> Iterator[pl.Series]:
    for i, name in enumerate(NUMERIC):
        shift = 0.05 * (moved and i % _MOVED_EVERY == 0)
        values = _numbers(rng, rows, i, shift).astype(np.float32 if i < 20 else np.float64)  # noqa: PLR2004
        if i % _NAN_EVERY == 0:
            values[rng.random(rows, dtype=np.float32) < _NANS] = np.nan
        yield _with_nulls(rng, pl.Series(name, values))
    for i, (name, levels) in enumerate(zip(CATEGORICAL, LEVELS, strict=True)):
        share = 1 / np.arange(1, levels + 1)
        if moved and i % _MOVED_EVERY == 0:
            share[0] *= 1.1
        codes = pl.Series(rng.choice(levels, rows, p=share / share.sum()).astype(np.uint32))
        words = pl.Series([f"{name}-level-{j}" for j in range(levels)])
        yield _with_nulls(rng, words.gather(codes).alias(name))
    between = np.timedelta64(SPAN // rows, "us")
    yield pl.Series(EVENT_TIME, np.datetime64(START, "us") + between * np.arange(1, rows + 1))
    yield pl.Series(LABEL, (rng.random(rows) < 0.1).astype(np.int8))  # noqa: PLR2004


def _numbers(rng: np.random.Generator, rows: int, i: int, shift: float) -> np.ndarray:
    match i % 5:
        case 0 | 1:
            return rng.normal(shift, 1, rows)
        case 2:
            return rng.normal(100 + 15 * shift, 15, rows)
        case 3:
            return rng.lognormal(shift, 1, rows)
        case _:
            return rng.random(rows)


def _with_nulls(rng: np.random.Generator, column: pl.Series) -> pl.Series:
    present = pl.Series(rng.random(column.len(), dtype=np.float32) >= _NULLS)
    return column.to_frame().select(pl.when(present).then(pl.col(column.name))).to_series()


if __name__ == "__main__":
    spend(lambda: make(Path(sys.argv[1]), int(sys.argv[2])))
