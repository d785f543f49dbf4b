"""The stored rows of a run as parts that workers read, and the moments that split them by time."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandera.polars as pa
import polars as pl
import pyarrow.parquet as pq

from sixgates.adapters.dataset_store import files_of, require_dataset
from sixgates.adapters.engine.cluster import Cluster
from sixgates.adapters.engine.ranks import (
    Ordered,
    at_places,
    count_below,
    count_of,
    integer_of,
    order_of_integers,
)
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.ports import DatasetRef
from sixgates.gates.project import Project
from sixgates.gates.timesplit import (
    DELAY_QUANTILE,
    Borders,
    TimeSplit,
    label_delays,
    matured_in_window,
    naive_utc,
    newest_rows,
    require_parts,
)

if TYPE_CHECKING:
    from distributed import Future

ROWS = 2**18
"""Rows of a part at most: what Polars puts into a row group, so that none is read twice."""
_FEWEST = 1_000
"""Rows of a part at least: each costs some milliseconds, however few rows it has."""
_A_WORKER = 4
"""Parts for each worker at least, so that all have about as much to do."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC
_US = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a parquet file that lie one behind the other."""

    file: str
    begin: int
    rows: int

    def read(self) -> pl.DataFrame:
        """Return the rows."""
        return pl.scan_parquet(self.file, glob=False).slice(self.begin, self.rows).collect()

    def read_only(self, columns: Iterable[str]) -> pl.DataFrame:
        """Return some columns of the rows."""
        some = pl.scan_parquet(self.file, glob=False).slice(self.begin, self.rows)
        return some.select(*columns).collect()


class Sizes(NamedTuple):
    """Rows of one part, or of all, by what they are for."""

    train: int
    validation: int
    holdout: int


@dataclass(frozen=True)  # without slots, where there would be no room for what is computed once
class StoredRows:
    """The accepted rows of a run, for workers; this process never holds them."""

    cluster: Cluster
    project: Project
    """Without contract and source, which workers need not know."""
    now: datetime
    parts: tuple[Part, ...]

    @cached_property
    def borders(self) -> Borders:
        """Where the parts of the time split begin: the very moments that `time_split` finds.

        Raises:
            ConfigurationError: a part would be empty.
        """
        policy, age = self.project.policies.training, self.age
        times = self.on_parts(_times, self.now, age)
        rows = count_of(self.cluster, times)
        if not rows:
            require_parts(self.project, 0, 0, 0)
        holdout = self._newest(times, rows, policy.holdout_share)
        second = count_below(self.cluster, times, holdout)
        if not second:
            require_parts(self.project, 0, 0, rows)
        validation = self._newest(times, second, policy.validation_share)
        first = count_below(self.cluster, times, validation)
        require_parts(self.project, first, second, rows)
        return Borders(self.now, age, moment_of(validation), moment_of(holdout))

    @cached_property
    def sizes(self) -> list[Sizes]:
        """Rows of each part by what they are for, the whole training part among them."""
        return self.sizes_by(self.borders)

    def sizes_by(self, borders: Borders) -> list[Sizes]:
        """Return the rows of each part by what they are for."""
        return [Sizes(*found) for found in self.gather(self.on_parts(_sizes, borders))]

    def newest(self, share: float) -> Borders:
        """Return the borders with the newest share of the training part alone.

        Rows of one moment stay together, on the newer side.
        """
        whole = self.borders
        rows = sum(size.train for size in self.sizes)
        times = self.on_parts(_training_times, whole)
        begin = at_places(self.cluster, times, [rows - newest_rows(rows, share)])[0]
        return Borders(whole.now, whole.age, whole.validation, whole.holdout, moment_of(begin))

    def where(self, kind: str) -> "list[Part]":
        """Return the parts with rows of a kind, `train`, `validation` or `holdout`."""
        return [p for p, size in zip(self.parts, self.sizes, strict=True) if getattr(size, kind)]

    def before(self, kind: str) -> list[int]:
        """Return for each part with rows of a kind how many of that kind come before it."""
        sizes = [getattr(size, kind) for size in self.sizes]
        return [0, *accumulate(size for size in sizes if size)][:-1]

    def spread(self, kind: str, step: int) -> pl.DataFrame:
        """Return each `step`-th row of a kind, which must be few, in event-time order."""
        jobs = zip(self.where(kind), self.before(kind), strict=True)
        some = self.after_parts(_spread, jobs, self.borders, kind, step)
        rows: list[pl.DataFrame] = self.gather(some)
        return pl.concat(rows)

    def after_parts(
        self, function: Callable[..., Any], jobs: Iterable[tuple[Part, object]], *common: object
    ) -> "list[Future]":
        """Start one task a part, given part, project, what belongs to it, and the arguments."""
        shared = self.cluster.held((function, self.project, common))
        return self.cluster.each(_on_part_after, jobs, shared)

    def on_parts(
        self, function: Callable[..., Any], *common: object, parts: Iterable[Part] | None = None
    ) -> "list[Future]":
        """Start one task a part, given part, project and the common arguments."""
        shared = self.cluster.held((function, self.project, common))
        return self.cluster.each(_on_part, self.parts if parts is None else parts, shared)

    def gather(self, partials: Any) -> Any:  # noqa: ANN401 - whatever the tasks return
        """Return results, which must be small."""
        return self.cluster.gather(partials)

    def merged(self, merge: Callable[[Any, Any], Any], partials: "list[Future]") -> Any:  # noqa: ANN401
        """Return all partials merged, as a tree on the workers."""
        return self.cluster.merged(merge, partials)

    @cached_property
    def age(self) -> timedelta:
        """From which on a row's label counts as known, see `timesplit.label_age`."""
        roles = self.project.roles
        if roles.label_horizon is not None:
            return roles.label_horizon
        return age_of(self.cluster, self.on_parts(_delays, self.now))

    def _newest(self, times: "list[Future]", rows: int, share: float) -> int:
        return at_places(self.cluster, times, [rows - newest_rows(rows, share)])[0]


def stored_rows_of(cluster: Cluster, project: Project, dataset: DatasetRef) -> StoredRows:
    """Return the accepted rows of a run as parts, once the file is proved to be the stored one.

    Raises:
        ContractError: the file is gone, or is not the one that was stored.
        ConfigurationError: a worker does not see the file.
    """
    files = files_of(require_dataset(dataset))
    require_shared(cluster, files[0])
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    size = min(ROWS, max(_FEWEST, -(-rows // (_A_WORKER * cluster.size))))
    return StoredRows(cluster, without_contract(project), dataset.as_of, parts_of(files, size))


def parts_of(files: Iterable[Path], size: int = ROWS) -> tuple[Part, ...]:
    """Return the rows of some files as parts of at most so many rows, in their order."""
    return tuple(
        Part(str(file), begin, min(size, rows - begin))
        for file in files
        for rows in [pq.read_metadata(file).num_rows]
        for begin in range(0, rows, size)
    )


def age_of(cluster: Cluster, delays: "list[Future]") -> timedelta:
    """Return the age by which nearly all labels were known, see `timesplit.label_age`.

    Args:
        cluster: Where the delays are.
        delays: Of known labels in microseconds, `Ordered` each; one at least.
    """
    known = count_of(cluster, delays)
    if not known:
        return timedelta(0)
    place = int(np.ceil((known - 1) * DELAY_QUANTILE))
    longest = integer_of(at_places(cluster, delays, [place])[0])
    return timedelta(microseconds=max(0, longest))


def delays_in_order(rows: pl.DataFrame, project: Project, now: datetime) -> Ordered:
    """Return how long each label took that is known, for `age_of`."""
    return order_of_integers(label_delays(rows, project, now).to_numpy())


def without_contract(project: Project) -> Project:
    """Return a project for any worker: rules and sources may be a user's own functions."""
    return project.model_copy(update={"contract": pa.DataFrameSchema(), "source": None})


def require_shared(cluster: Cluster, path: Path) -> None:
    """Refuse workers that do not see a file.

    Raises:
        ConfigurationError: one does not.
        TransientError: one does not answer.
    """
    seen = cluster.everywhere(_is_there, str(path))
    if blind := [worker for worker, found in seen.items() if found is not True]:
        raise ConfigurationError(
            f"worker {blind[0]} does not see {path}: set SIXGATES_HOME to a folder that all workers"
            " share"
        )


def _is_there(path: str) -> bool:
    return os.access(path, os.R_OK)


def _on_part(part: Part, shared: tuple[Callable[..., Any], Project, tuple[object, ...]]) -> Any:  # noqa: ANN401
    function, project, common = shared
    return function(part, project, *common)


def _on_part_after(
    job: tuple[Part, object], shared: tuple[Callable[..., Any], Project, tuple[object, ...]]
) -> Any:  # noqa: ANN401
    (part, own), (function, project, common) = job, shared
    return function(part, project, own, *common)


def dated(part: Part, project: Project, *more: str) -> pl.DataFrame:
    """Return label and times of the rows of a part, by which they are split, and more columns."""
    roles = project.roles
    names = (roles.event_time, roles.label, roles.label_time, *more)
    return part.read_only(dict.fromkeys(name for name in names if name))


def every(rows: pl.DataFrame, before: int, step: int) -> pl.DataFrame:
    """Return each `step`-th of all rows that is among these, of which so many come before."""
    return rows.slice(-before % step).gather_every(step)


def _spread(part: Part, project: Project, before: int, *how: Any) -> pl.DataFrame:  # noqa: ANN401
    borders, kind, step = how
    return every(getattr(borders.split(part.read(), project), kind), before, step)


def _times(part: Part, project: Project, now: datetime, age: timedelta) -> Ordered:
    _, at = matured_in_window(dated(part, project), project, now, age)
    return order_of_integers(at.dt.epoch("us").to_numpy())


def _training_times(part: Part, project: Project, borders: Borders) -> Ordered:
    train = borders.split(dated(part, project), project).train
    at = naive_utc(train, project.roles.event_time)
    return order_of_integers(at.dt.epoch("us").to_numpy())


def _delays(part: Part, project: Project, now: datetime) -> Ordered:
    return delays_in_order(dated(part, project), project, now)


def _sizes(part: Part, project: Project, borders: Borders) -> tuple[int, int, int]:
    split: TimeSplit = borders.split(dated(part, project), project)
    return split.train.height, split.validation.height, split.holdout.height


def moment_of(ordered: int) -> datetime:
    """Return the moment that stands at a place of the order of microseconds since 1970."""
    return _EPOCH + integer_of(ordered) * _US
