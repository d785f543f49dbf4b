"""One history, by processes of their own: `python -m bench.backtest.alone WORK NAME FILE`.

`write`, or `write-part` for a quick run, writes its rows to the file; `play` plays them from there,
so that what it takes to make the file is no part of it. Each prints as JSON what it took and found.
`fits_cpu` is the processor time of every training by LightGBM within the play: challengers,
classifiers of the watch, boosters of losses.
"""

import functools
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import lightgbm as lgb
import polars as pl

from bench.backtest.histories import HISTORIES, History
from bench.clock import resident, spend
from simulation.backtest.backtest import backtest

_FEWEST = 12_000
"""Rows of a quick run, or half of those there are if that is more."""


def main() -> None:
    """Do one piece of work."""
    work, name, file = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    history = HISTORIES[name]
    match work:
        case "write":
            spend(lambda: _write(history.rows(), file))
        case "write-part":
            rows = history.rows()
            spend(lambda: _write(rows.head(max(_FEWEST, rows.height // 2)), file))
        case "play":
            spend(lambda: _play(history, file))


def _write(rows: pl.DataFrame, file: Path) -> float:
    """Write some rows and return their size in memory, in MiB."""
    rows.write_parquet(file)
    return float(rows.to_arrow().nbytes / 2**20)


def _play(history: History, file: Path) -> dict[str, Any]:
    imported = resident()
    with _timed_fits() as fits:
        found = backtest(history.project(pl.read_parquet(file, n_rows=0)), str(file))
    return found | {"fits_cpu": sum(fits), "imported_mib": imported}


@contextmanager
def _timed_fits() -> Iterator[list[float]]:
    """Note the processor time of each training by LightGBM."""
    train, seconds = lgb.train, list[float]()

    @functools.wraps(train)
    def timed(*args: object, **kwargs: object) -> lgb.Booster:
        began = time.process_time()
        try:
            return train(*args, **kwargs)  # type: ignore[arg-type]
        finally:
            seconds.append(time.process_time() - began)

    with mock.patch.object(lgb, "train", timed):
        yield seconds


if __name__ == "__main__":
    main()
