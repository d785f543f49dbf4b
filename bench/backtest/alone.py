"""One history in a process of its own: `python -m bench.backtest.alone NAME [--quick]`.

Prints as JSON what the backtest took and found. `fits_cpu` is the processor time of every training
by LightGBM within it: challengers, classifiers of the watch, boosters of losses.
"""

import functools
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import lightgbm as lgb

from bench.backtest.histories import HISTORIES
from bench.clock import resident, spend
from simulation.backtest.backtest import backtest

_FEWEST = 12_000
"""Rows of a quick run, or half of those there are if that is more."""


def _play(name: str, *, quick: bool) -> dict[str, Any]:
    history, imported = HISTORIES[name], resident()
    rows = history.rows()
    if quick:
        rows = rows.head(max(_FEWEST, rows.height // 2))
    with _timed_fits() as fits, tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        rows.write_parquet(file.name)
        found = backtest(history.project(rows), file.name)
    return found | {
        "fits_cpu": sum(fits),
        "imported_mib": imported,
        "data_mib": rows.to_arrow().nbytes / 2**20,
    }


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
    spend(lambda: _play(sys.argv[1], quick="--quick" in sys.argv))
