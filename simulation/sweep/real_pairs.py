"""Real pairs: how many requests do two arms need for a verdict that pairs of answers give as well?

On each data set a champion learns from the first fifth of the rows, a challenger from the rows from
a tenth to three tenths, and both answer all later rows. Their days, drawn with replacement, are the
traffic of a world. It is judged on the same days, with one look a day, by the gate's own code: as
pairs by the day, and as two arms at 50:50, by the day too and, for comparison, by the request.
"""

import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from simulation.sweep.pairs import Pairs, period_evidence
from simulation.sweep.rules import Decisions, Limits, first_crossing, production_pairs
from simulation.sweep.worlds import HISTORY
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.guardrails import large_harm
from sixgates.gates.statistics.counts import Floats
from sixgates.gates.statistics.units import LossBatch, log_es_by_batch

MOST_DAYS = 400
"""Days of a world; where no verdict comes, all of them count."""
MOST_WORLDS = 200
_STRETCHES = (25, 100, MOST_DAYS)
"""Days judged at once: a world that has its verdict needs no more."""
_PARAMETERS = {"num_leaves": 31, "learning_rate": 0.06, "num_threads": 1, "verbose": -1,
               "deterministic": True, "seed": 7}  # fmt: skip
_TREES = 150


@dataclass(frozen=True, slots=True)
class DataSet:
    """A stream of labelled rows, in time order."""

    label: str
    rows_a_day: int
    clip: float | None = None
    """Absolute error that counts as 1; None takes the Brier score of a binary label."""
    dated: bool = True
    """Days are those of the column `ts`; otherwise blocks of `rows_a_day` rows stand for them."""
    without: tuple[str, ...] = ()
    """Columns that hold the answer, or only the time."""


DATA_SETS = {
    "elec2": DataSet("target_up", 48),
    "bike_sharing_hourly": DataSet(
        "target_cnt", 24, clip=500.0, without=("casual", "registered", "yr")
    ),
    "noaa_weather": DataSet("target_rain", 30, dated=False),
    "acs_employment_ma": DataSet("target_employed", 50, dated=False, without=("year",)),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What one way of judging needed."""

    mean_requests: float
    """Until the verdict, or all that were played without one."""
    median_requests: float
    p_promote: float
    p_rollback: float
    p_undecided: float


@dataclass(frozen=True, slots=True)
class RealPairs:
    """One data set, judged as pairs and as two arms."""

    data: str
    worlds: int
    days: int
    """Days that were drawn from."""
    mean_difference: float
    """Mean loss of the challenger less the champion's, over all rows, in units of the largest."""
    paired: Asked
    two_arms: Asked
    """Judged by period, like the pairs: the effect may vary from day to day."""
    two_arms_by_unit: Asked
    """Judged as if it did not: fewer requests, and no promise where it does."""

    @property
    def ratio(self) -> float:
        """Mean requests of two arms over those of pairs; at least so many where verdicts lack."""
        return self.two_arms.mean_requests / self.paired.mean_requests


class _Rows(NamedTuple):
    """A data set as LightGBM takes it."""

    features: Floats
    labels: Floats
    categorical: list[int]
    """Columns whose numbers stand for names."""


class _Days(NamedTuple):
    """Losses of champion and challenger on the same rows, day by day."""

    champion: list[Floats]
    challenger: list[Floats]


def found_in(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the data sets that a folder holds, and of those it does not.

    Raises:
        ConfigurationError: It holds none.
    """
    present = [name for name in DATA_SETS if _file(folder, name).is_file()]
    if not present:
        wanted = ", ".join(f"{name}.parquet" for name in DATA_SETS)
        raise ConfigurationError(
            f"the folder {folder} holds no known data set: put one of {wanted} there"
        )
    return present, [name for name in DATA_SETS if name not in present]


def play_real(folder: Path, name: str, worlds: int, seed: int, limits: Limits) -> RealPairs:
    """Train both models on a data set, and play its days.

    Args:
        folder: Where `<name>.parquet` is.
        name: One of `DATA_SETS`.
        worlds: Seeded worlds; at most 200 are played.
        seed: The same seed gives the same figures.
        limits: Margin and error rates; the margin is a share of the largest loss.

    Raises:
        ConfigurationError: The file cannot be read, or lacks a column.
    """
    days = _days(_file(folder, name), DATA_SETS[name])
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    drawn = rng.integers(0, len(days.champion), (min(worlds, MOST_WORLDS), MOST_DAYS))
    sizes = np.array([len(day) for day in days.champion], dtype=np.float64)
    spent = sizes[drawn].cumsum(axis=1)
    differences = [b - a for a, b in zip(*days, strict=True)]
    means = np.array([d.mean() for d in differences])
    paired = production_pairs(Pairs(means[drawn], row_sd=np.nan), limits)
    by_period, by_unit = _two_arms(days, drawn, limits, rng)
    return RealPairs(
        data=name,
        worlds=len(drawn),
        days=len(sizes),
        mean_difference=float(np.concatenate(differences).mean()),
        paired=_asked(paired, spent),
        two_arms=_asked(by_period, spent),
        two_arms_by_unit=_asked(by_unit, spent),
    )


def _two_arms(
    days: _Days, drawn: np.ndarray, limits: Limits, rng: np.random.Generator
) -> tuple[Decisions, Decisions]:
    """Send every request to one arm at random, and judge as gate 5 does: by period, and by unit."""
    every = np.concatenate(days.champion)
    by_period, by_unit = np.zeros((2, 2, *drawn.shape), dtype=bool)
    for world, its_days in enumerate(drawn):
        batches = [LossBatch(np.zeros(HISTORY, dtype=bool), rng.choice(every, HISTORY))]
        for day in its_days:
            assigned = rng.random(len(days.champion[day])) < 0.5  # noqa: PLR2004 - an even split
            losses = np.where(assigned, days.challenger[day], days.champion[day])
            batches.append(LossBatch(assigned, losses))
        for played in _STRETCHES:
            so_far = batches[: played + 1]
            by_period[:, world, :played] = _period_crossings(so_far, limits)
            by_unit[:, world, :played] = _unit_crossings(so_far, limits)
            if by_period[:, world].any() and by_unit[:, world].any():
                break
    return first_crossing(*by_period), first_crossing(*by_unit)


def _unit_crossings(batches: list[LossBatch], limits: Limits) -> np.ndarray:
    logs = log_es_by_batch(batches, limits.margin)
    return np.cumsum(logs, axis=1)[:, 1:] >= _bars(limits)


def _period_crossings(batches: list[LossBatch], limits: Limits) -> np.ndarray:
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a day in which one arm saw nothing: NaN
        means = [b.losses[b.assigned].mean() - b.losses[~b.assigned].mean() for b in batches[1:]]
    promote, worse = period_evidence(np.array([means]), limits.margin)
    large = log_es_by_batch(batches, limits.margin, large_harm(limits.margin))[1].cumsum()[1:]
    rollback = np.logaddexp(worse[0], large) - np.log(2)
    return np.stack([promote[0], rollback]) >= _bars(limits)


def _bars(limits: Limits) -> Floats:
    return np.log([[1 / limits.alpha], [1 / limits.beta]])


def _asked(found: Decisions, spent: Floats) -> Asked:
    requests = spent[np.arange(len(spent)), found.at]
    promoted, rolled_back = float(found.promoted.mean()), float(found.rolled_back.mean())
    return Asked(
        float(requests.mean()), float(np.median(requests)), promoted, rolled_back,
        float((~found.promoted & ~found.rolled_back).mean()),
    )  # fmt: skip


def _days(path: Path, data: DataSet) -> _Days:
    """Train the two models, and cut what they lose on later rows into days."""
    frame = _read(path, data)
    n = frame.height
    features = frame.drop("row_id", "ts", data.label, *data.without, strict=False)
    rows = _Rows(
        features.with_columns(pl.col(pl.String).rank("dense")).to_numpy(),
        frame[data.label].to_numpy().astype(np.float64),
        [i for i, kind in enumerate(features.dtypes) if kind == pl.String],
    )
    later = slice(round(0.3 * n), n)
    losses = [
        _losses(rows, taught, later, data.clip)
        for taught in (slice(0, round(0.2 * n)), slice(round(0.1 * n), round(0.3 * n)))
    ]
    day = (
        frame["ts"].dt.date().to_physical().to_numpy()
        if data.dated
        else np.arange(n) // data.rows_a_day
    )[later]
    # The first and the last day may be cut short.
    starts = np.flatnonzero(np.diff(day)) + 1
    champion, challenger = (np.split(loss, starts)[1:-1] for loss in losses)
    return _Days(champion, challenger)


def _losses(rows: _Rows, taught: slice, later: slice, clip: float | None) -> Floats:
    """Train on some rows and return the loss on the later ones, scaled to [0, 1]."""
    import lightgbm as lgb

    known = lgb.Dataset(
        rows.features[taught], rows.labels[taught], categorical_feature=rows.categorical
    )
    objective = "binary" if clip is None else "regression_l1"
    learnt = lgb.train({**_PARAMETERS, "objective": objective}, known, num_boost_round=_TREES)
    error = np.abs(np.asarray(learnt.predict(rows.features[later])) - rows.labels[later])
    return np.asarray(error**2 if clip is None else np.minimum(error, clip) / clip)


def _read(path: Path, data: DataSet) -> pl.DataFrame:
    needed = {data.label, *data.without, *(("ts",) if data.dated else ())}
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as exc:
        raise ConfigurationError(f"{path} cannot be read as parquet: fetch it again") from exc
    if missing := sorted(needed - set(frame.columns)):
        raise ConfigurationError(f"{path} lacks the columns {missing}: fetch the file again")
    return frame


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"
