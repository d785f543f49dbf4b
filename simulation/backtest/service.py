"""What gateways would have logged: who answers which row, by production's split."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulation.backtest.history import History, names
from simulation.backtest.models import Models
from sixgates.adapters.log_records import PREDICTION_SCHEMA
from sixgates.gates.records import Arm
from sixgates.gateway.split import beside_of
from sixgates.ledger.route import Route

_ALIKE = {"error": "", "micros": 100.0, "trace": ""}
"""Of every answer: a history says nothing of speed and of failures."""
Places = NDArray[np.int64]


def by_beside(history: History, route: Route, first: int, end: int) -> NDArray[np.bool_]:
    """Say of each row whether the model beside the champion answers it."""
    chosen = np.zeros(end - first, dtype=bool)
    if route.beside is not None and route.beside.share > 0:
        units = _units(history, np.arange(first, end)).to_list()
        chosen[beside_of(route.release, units, route.beside.share)] = True
    return chosen


def records(history: History, models: Models, route: Route, first: int, end: int) -> pl.DataFrame:
    """Return the records of an open release for some rows; the other model shadows the rest."""
    beside = route.beside
    assert beside is not None  # noqa: S101 - a release is open
    chosen = by_beside(history, route, first, end)
    mine, theirs = np.flatnonzero(~chosen) + first, np.flatnonzero(chosen) + first
    parts = [
        (Arm.CHAMPION, route.champion.number, mine),
        (beside.arm, beside.version.number, theirs),
        (Arm.SHADOW, beside.version.number, mine),
    ]
    frames = []
    for arm, number, places in parts:
        said = models.answers(number, first, end)[places - first]
        whose = {"epoch": route.epoch, "arm": str(arm), "version": number, "share": beside.share}
        frames.append(_frame(history, places, said, whose))
    return pl.concat(frames)


def _frame(
    history: History, places: Places, said: NDArray[np.float64], whose: dict[str, Any]
) -> pl.DataFrame:
    at, constant = history.at[places], {**_ALIKE, **whose}
    values = pl.Series(np.ascontiguousarray(said), dtype=pl.Array(pl.Float64, said.shape[1]))
    frame = pl.DataFrame(
        {
            "request": names(places),
            "row": np.zeros(len(places), dtype=np.int64),
            "entity": _units(history, places),
            "at": at,
            "values": values.arr.to_list(),
            "received": at,
        }
    )
    return frame.with_columns(
        pl.lit(value, PREDICTION_SCHEMA[name]).alias(name) for name, value in constant.items()
    ).select(*PREDICTION_SCHEMA)


def _units(history: History, places: Places) -> pl.Series:
    """Return the unit of each row: its entity, or the row itself where the project has none."""
    entity = history.project.roles.entity
    if entity is None:
        return names(places) + "/0"
    return history.frame[entity].gather(places).cast(pl.String).fill_null("")
