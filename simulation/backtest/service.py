"""What gateways would have logged: who answers which row, by production's split."""

from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from simulation.backtest.history import History, names
from simulation.backtest.models import Models
from sixgates.adapters.log_records import PREDICTION_SCHEMA
from sixgates.gates.records import Arm
from sixgates.gateway.split import beside_of
from sixgates.ledger.route import Route

_ALIKE: dict[str, object] = {"row": 0, "error": "", "micros": 100.0, "trace": ""}
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
    own, other = route.champion.number, beside.version.number
    parts = [(Arm.CHAMPION, own, mine), (beside.arm, other, theirs), (Arm.SHADOW, other, mine)]
    said = [models.answers(number, first, end)[at - first] for _, number, at in parts]
    places = np.concatenate([at for *_, at in parts])
    alike = {**_ALIKE, "epoch": route.epoch, "share": beside.share}
    columns = {
        "request": names(places),
        "entity": _units(history, places),
        "at": pl.Series(history.at[places]),
        "received": pl.Series(history.at[places]),
        "arm": pl.concat([_all("arm", str(arm), len(at)) for arm, _, at in parts]),
        "version": pl.concat([_all("version", number, len(at)) for _, number, at in parts]),
        "values": pl.concat(map(_lists, said)),
    } | {name: _all(name, value, len(places)) for name, value in alike.items()}
    return pl.DataFrame([columns[name].alias(name) for name in PREDICTION_SCHEMA])


def _all(column: str, value: object, n: int) -> pl.Series:
    """Return a column of so many rows that are all the same."""
    return _one(column, value).new_from_index(0, n)


@cache
def _one(column: str, value: object) -> pl.Series:
    return pl.Series(column, [value], dtype=PREDICTION_SCHEMA[column])


def _lists(said: NDArray[np.float64]) -> pl.Series:
    rows = pl.Series(np.ascontiguousarray(said), dtype=pl.Array(pl.Float64, said.shape[1]))
    return rows.cast(pl.List(pl.Float64))


def _units(history: History, places: Places) -> pl.Series:
    """Return the unit of each row: its entity, or the row itself where the project has none."""
    entity = history.project.roles.entity
    if entity is None:
        return names(places) + "/0"
    return history.frame[entity].gather(places).cast(pl.String).fill_null("")
