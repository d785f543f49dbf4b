"""What befalls a table: every way to break and every way to move, of random size and place."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from simulation.faults import Fault as Change
from simulation.feeds import (
    Broken,
    CategoryExplosion,
    ColumnSwap,
    DuplicateBatch,
    NullBurst,
    Recoding,
    SchemaBreak,
    StaleBatch,
    StuckColumn,
    UnitChange,
    VolumeCollapse,
)
from simulation.moves import Coupled, Grown, Missing, NewLevel, Seasonal, Shifted, Spread, Thinned
from simulation.sweep.triage.shapes import SMALL_UNITS, UNITS
from simulation.sweep.triage.tables import LABEL, TIME, Column, Table
from sixgates.gates.drift.look import Fault


class Happening(NamedTuple):
    """What becomes of the rows of an episode."""

    change: Change | None
    """None where no column changes, but only how many rows come."""
    times: float = 1.0
    """How many times the usual number of rows comes."""


class Stage(NamedTuple):
    """Where it happens."""

    table: Table
    history: pl.DataFrame
    """Rows before it."""
    day: float
    """When it begins, in days since the start."""
    days: int
    """For how long it is looked at."""


_ONE_OF_SEVERAL = 0.2
"""Share of unit changes that only one of several producers makes."""
_GROWING = {"money", "balance", "minutes", "kilograms", "bytes", "count"}
"""Units of what may double; temperatures, ages and shares do not."""

Draw = Callable[[Stage, np.random.Generator], Happening | None]
"""Draws one; None where the table has no column for it."""


def _nulls(at: Stage, rng: np.random.Generator) -> Happening:
    columns = _some(at.table.columns, rng, most=4)
    return Happening(NullBurst(columns, at.day, float(rng.uniform(0.15, 1.0))))


def _unit(at: Stage, rng: np.random.Generator) -> Happening | None:
    return _unit_of(UNITS, at, rng)


def _small_unit(at: Stage, rng: np.random.Generator) -> Happening | None:
    return _unit_of(SMALL_UNITS, at, rng)


def _unit_of(
    units: Mapping[str, tuple[tuple[float, float], ...]], at: Stage, rng: np.random.Generator
) -> Happening | None:
    able = [c for c in at.table.numeric if c.unit in units]
    if not able:
        return None
    column = able[rng.integers(len(able))]
    others = units[column.unit]
    factor, offset = others[rng.integers(len(others))]
    share = float(rng.uniform(0.2, 0.9)) if rng.random() < _ONE_OF_SEVERAL else 1.0
    return Happening(UnitChange(column.name, at.day, factor, offset, share))


def _swap(at: Stage, rng: np.random.Generator) -> Happening | None:
    """Two of a kind: numbers for numbers, levels for levels."""
    kinds = [kind for kind in (at.table.numeric, at.table.categorical) if len(kind) > 1]
    sizes = np.array([len(kind) for kind in kinds], dtype=np.float64)
    if not kinds:
        return None
    kind = kinds[int(rng.choice(len(kinds), p=sizes / sizes.sum()))]
    first, second = rng.permutation(len(kind))[:2]
    return Happening(ColumnSwap(kind[first].name, kind[second].name, at.day))


def _duplicates(at: Stage, rng: np.random.Generator) -> Happening:
    share, times = float(rng.uniform(0.3, 1.0)), int(rng.integers(1, 4))
    return Happening(DuplicateBatch(at.day, share, times))


def _stale(at: Stage, rng: np.random.Generator) -> Happening | None:
    if rng.random() < 0.5:  # noqa: PLR2004 - a coin
        return Happening(StaleBatch(TIME, at.day))
    # A column that hardly ever changes is not stuck when it does not.
    lively = _lively(at, at.table.columns)
    return Happening(StuckColumn(_one(lively, rng), at.day)) if lively else None


def _schema(at: Stage, rng: np.random.Generator) -> Happening:
    how = list(Broken)[rng.integers(len(Broken))]
    able = at.table.numeric if how is Broken.TEXT else at.table.columns
    return Happening(SchemaBreak(_some(able, rng, most=3), how))


def _explosion(at: Stage, rng: np.random.Generator) -> Happening:
    how = list(Recoding)[rng.integers(len(Recoding))]
    share = float(rng.choice([1.0, rng.uniform(0.2, 1.0)]))
    return Happening(CategoryExplosion(_one(at.table.categorical, rng), at.day, how, share))


def _collapse(at: Stage, rng: np.random.Generator) -> Happening:
    return Happening(VolumeCollapse(at.day, float(rng.uniform(0.0, 0.2))))


def _covariate(at: Stage, rng: np.random.Generator) -> Happening:
    size = float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.5))
    return Happening(Shifted(_some(_lively(at, at.table.numeric), rng, most=5), at.day, size))


def _spread(at: Stage, rng: np.random.Generator) -> Happening:
    factor = float(np.exp(rng.choice([-1, 1]) * rng.uniform(np.log(1.3), np.log(2.5))))
    return Happening(Spread(_some(_lively(at, at.table.numeric), rng, most=5), at.day, factor))


def _growth(at: Stage, rng: np.random.Generator) -> Happening | None:
    able = tuple(c for c in _lively(at, at.table.numeric) if c.unit in _GROWING)
    if not able:
        return None
    factor = float(np.exp(rng.choice([-1, 1]) * rng.uniform(np.log(1.2), np.log(4.0))))
    return Happening(Grown(_some(able, rng, most=5), at.day, factor))


def _prior(at: Stage, rng: np.random.Generator) -> Happening:
    return _thinned(at, LABEL, (int(rng.integers(2)),), rng)


def _mix(at: Stage, rng: np.random.Generator) -> Happening:
    column = at.table.categorical[rng.integers(len(at.table.categorical))]
    chosen = rng.permutation(len(column.levels))[: int(rng.integers(1, len(column.levels)))]
    return _thinned(at, column.name, tuple(column.levels[i] for i in chosen), rng)


def _thinned(
    at: Stage, column: str, values: tuple[int | str, ...], rng: np.random.Generator
) -> Happening:
    """Thin the rows with some values; as many as ever come, for the others make up for them."""
    share = float(rng.uniform(0.2, 0.7))
    hit = float(np.mean(at.history[column].is_in(values).to_numpy()))
    return Happening(Thinned(column, values, at.day, share), times=1 / (1 - (1 - share) * hit))


def _gradual(at: Stage, rng: np.random.Generator) -> Happening:
    size = float(rng.choice([-1, 1]) * rng.uniform(0.5, 2.0))
    columns = _some(_lively(at, at.table.numeric), rng, most=5)
    return Happening(Shifted(columns, at.day, size, ramp_days=float(at.days)))


def _seasonal(at: Stage, rng: np.random.Generator) -> Happening:
    columns = _some(_lively(at, at.table.numeric), rng, most=5)
    size, period = float(rng.uniform(0.3, 1.5)), float(rng.uniform(4, 20))
    return Happening(Seasonal(columns, at.day, size, period))


def _segment(at: Stage, rng: np.random.Generator) -> Happening:
    column = at.table.categorical[rng.integers(len(at.table.categorical))]
    level = column.levels[rng.integers(min(3, len(column.levels)))]
    size = float(rng.choice([-1, 1]) * rng.uniform(0.5, 2.0))
    columns = _some(_lively(at, at.table.numeric), rng, most=5)
    return Happening(Shifted(columns, at.day, size, segment=(column.name, level)))


def _level(at: Stage, rng: np.random.Generator) -> Happening:
    column = _one(at.table.categorical, rng)
    return Happening(NewLevel(column, at.day, "newcomer", float(rng.uniform(0.03, 0.4))))


def _missing(at: Stage, rng: np.random.Generator) -> Happening:
    columns, share = _some(at.table.columns, rng, most=4), float(rng.uniform(0.01, 0.08))
    return Happening(Missing(columns, at.day, share, ramp_days=float(at.days)))


def _volume(_: Stage, rng: np.random.Generator) -> Happening:
    return Happening(None, float(np.exp(rng.uniform(-np.log(2), np.log(2)))))


def _coupled(at: Stage, rng: np.random.Generator) -> Happening | None:
    able = _lively(at, at.table.numeric)
    if len(able) < 2:  # noqa: PLR2004 - it takes two
        return None
    first, second = rng.permutation(len(able))[:2]
    names = able[first].name, able[second].name
    return Happening(Coupled(*names, at.day, float(rng.uniform(0.3, 1.0))))


BROKEN: Mapping[str, Draw] = {
    Fault.NULLS: _nulls,
    Fault.UNIT: _unit,
    Fault.SWAP: _swap,
    Fault.DUPLICATES: _duplicates,
    Fault.STALE: _stale,
    Fault.SCHEMA: _schema,
    Fault.CATEGORIES: _explosion,
    Fault.VOLUME: _collapse,
}
"""How a feed breaks, by the name that triage should give."""
UNTELLABLE: Mapping[str, Draw] = {"unit change below five": _small_unit}
"""Faults that look like a world which grows. They are in no figure."""
MOVED: Mapping[str, Draw] = {
    "shift": _covariate,
    "spread": _spread,
    "growth": _growth,
    "prior": _prior,
    "mix of levels": _mix,
    "gradual shift": _gradual,
    "season": _seasonal,
    "segment": _segment,
    "new level": _level,
    "missing more": _missing,
    "volume": _volume,
    "coupling": _coupled,
}
"""How a world moves."""
QUIET: Mapping[str, Draw] = {"nothing": lambda _at, _rng: Happening(None)}
"""For comparison."""


def _some(columns: tuple[Column, ...], rng: np.random.Generator, most: int) -> tuple[str, ...]:
    n = int(rng.integers(1, min(most, len(columns)) + 1))
    return tuple(columns[i].name for i in rng.permutation(len(columns))[:n])


def _one(columns: tuple[Column, ...], rng: np.random.Generator) -> str:
    return columns[rng.integers(len(columns))].name


def _lively(at: Stage, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns that no value fills by half."""
    return tuple(c for c in columns if _commonest(at.history[c.name]) < 0.5)  # noqa: PLR2004


def _commonest(values: pl.Series) -> float:
    return float(values.value_counts()["count"].to_numpy().max(initial=0)) / max(1, len(values))
