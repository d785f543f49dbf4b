"""What gate 1 measures of accepted rows beyond single ones, where they are; see `gates/data`."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from sixgates.adapters.engine.cluster import Cluster
from sixgates.adapters.engine.ranks import (
    Ordered,
    at_places,
    count_of,
    float_of,
    order_of_floats,
    order_of_integers,
)
from sixgates.adapters.engine.stored_rows import Part, StoredRows, dated, every, moment_of
from sixgates.adapters.lake.as_known import cut_by_time
from sixgates.adapters.lake.source import Cut
from sixgates.gates.card import Task
from sixgates.gates.data.far_times import near_times
from sixgates.gates.data.hindsight import (
    FEWEST,
    NullJump,
    Nulls,
    is_young,
    null_jump_of,
    null_step,
    nulls_of,
    nulls_of_both,
)
from sixgates.gates.data.label_delay import (
    ClassDelay,
    delays_of,
    late_by_class,
    with_known_label,
)
from sixgates.gates.data.leaks import Leaks, leak_columns, leaks_among
from sixgates.gates.data.order import Late, Order, count_late, newest_place, order_of
from sixgates.gates.data.sides import (
    Pair,
    Sides,
    count_classes,
    places_of,
    rows_of_sides,
    sides_of,
)
from sixgates.gates.data.skew import MOST, pair_rows
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured, naive_utc

if TYPE_CHECKING:
    from distributed import Future


def delays_on(rows: StoredRows) -> tuple[ClassDelay, ...]:
    """Measure as `label_delay.measure_delays` does."""
    project, cluster = rows.project, rows.cluster
    if project.roles.label_time is None:
        return ()
    middle = None
    if project.task is Task.REGRESSION:
        labels = rows.on_parts(_known_labels, rows.now)
        n = count_of(cluster, labels)
        if not n:
            return ()
        around = at_places(cluster, labels, sorted({(n - 1) // 2, n // 2}))
        middle = sum(map(float_of, around)) / len(around)
    return delays_of(pl.concat(rows.gather(rows.on_parts(_late, rows.now, rows.age, middle))))


def leaks_on(rows: StoredRows) -> Leaks:
    """Measure as `leaks.measure_leaks` does: the same rows come here, at most 10,000."""
    classes: list[Counter[object]] = rows.gather(rows.on_parts(_classes, rows.now, rows.age))
    sides = sides_of(sum(classes, Counter()))
    before = [(0, 0)]
    for own in classes:
        others, common = rows_of_sides(own, sides.commonest)
        before.append((before[-1][0] + others, before[-1][1] + common))
    jobs = zip(rows.parts, before, strict=False)
    some = rows.gather(rows.after_parts(_of_sides, jobs, (rows.now, rows.age), sides))
    return leaks_among(pl.concat(some), rows.project, sides)


def null_jump_on(rows: StoredRows) -> NullJump | None:
    """Measure as `hindsight.measure_null_jump` does."""
    cluster, now, age = rows.cluster, rows.now, rows.age
    young = _spread(rows, _young, null_step, now, age)
    oldest = min(
        filter(None, rows.gather(cluster.each(_oldest, young, rows.project))), default=None
    )
    nulls: Nulls = rows.merged(nulls_of_both, cluster.each(nulls_of, young, rows.project))
    if nulls.rows < FEWEST or oldest is None:
        return None
    times = rows.on_parts(_older_times, now, age, oldest)
    older = count_of(cluster, times)
    if older < FEWEST:
        return None
    newest = moment_of(at_places(cluster, times, [max(0, older - nulls.rows)])[0])
    before = _spread(rows, _before, null_step, now, age, (newest, oldest))
    known: Nulls = rows.merged(nulls_of_both, cluster.each(nulls_of, before, rows.project))
    return null_jump_of(nulls, known, rows.project)


def pairs_on(rows: StoredRows, said: pl.DataFrame) -> pl.DataFrame:
    """Return the newest rows that a champion answered, see `skew.pair_rows`.

    Of two rows of one unit within a millisecond both count where the part ends between them.
    """
    found: list[pl.DataFrame] = rows.gather(rows.on_parts(_pairs, said))
    return pl.concat(found).tail(MOST)


class Lying(NamedTuple):
    """What a worker has to know of a file to read its event times."""

    project: Project
    schema: pl.Schema
    cut: Cut
    """Of which stretch of time."""


def order_on(
    cluster: Cluster, parts: tuple[Part, ...], lying: Lying, new_after: datetime | None
) -> Order:
    """Count late rows as `order.measure_order` does, of the parts of one file in their order."""
    shared = cluster.held(lying)
    times = cluster.each(_source_times, parts, shared)
    heights: list[int] = cluster.gather(cluster.each(len, times))
    n = sum(heights)
    if not n:
        return Order(0.0, 0.0, 0)
    border = new_after
    if border is None:
        place = newest_place(n)
        border = moment_of(at_places(cluster, cluster.each(_in_order, times), [place])[0])
    highest: list[datetime | None] = cluster.gather(cluster.each(_newest, times))
    above: list[datetime | None] = [None]
    for high in highest:
        known = [moment for moment in (above[-1], high) if moment is not None]
        above.append(max(known, default=None))
    found: list[Late] = cluster.gather(
        [
            cluster.submit(count_late, own, border, before)
            for own, before in zip(times, above, strict=False)
        ]
    )
    return order_of(Late(*(sum(column) for column in zip(*found, strict=True))))


Choose = Callable[..., pl.Series]
"""Says of rows, given project and what else it needs, which are meant."""


def _spread(
    rows: StoredRows, choose: Choose, step_of: Callable[[int], int], *how: object
) -> "list[Future]":
    """Return, on the workers, some of the rows that are meant, spread over all of them."""
    heights: list[int] = rows.gather(rows.on_parts(_height, choose, how))
    jobs = zip(rows.parts, [0, *accumulate(heights)], strict=False)
    return rows.after_parts(_some, jobs, (choose, how), step_of(sum(heights)))


def _height(part: Part, project: Project, choose: Choose, how: tuple[object, ...]) -> int:
    return int(choose(dated(part, project), project, *how).sum())


def _some(
    part: Part,
    project: Project,
    before: int,
    meant: tuple[Choose, tuple[object, ...]],
    step: int,
) -> pl.DataFrame:
    choose, how = meant
    chosen = choose(dated(part, project), project, *how)
    return every(part.read_only(leak_columns(project)).filter(chosen), before, step)


def _classes(part: Part, project: Project, now: datetime, age: timedelta) -> Counter[object]:
    rows = dated(part, project)
    known = rows.filter(is_matured(rows, project, now, age))
    return count_classes(known[project.roles.label], project.task)


def _of_sides(
    part: Part, project: Project, before: Pair, then: tuple[datetime, timedelta], sides: Sides
) -> pl.DataFrame:
    rows = dated(part, project)
    places = is_matured(rows, project, *then).arg_true()
    some = places_of(rows[project.roles.label].gather(places), sides, before)
    return part.read_only(leak_columns(project))[places.gather(some)]


def _young(rows: pl.DataFrame, project: Project, now: datetime, age: timedelta) -> pl.Series:
    return is_young(rows, project, is_matured(rows, project, now, age)).fill_null(value=False)


def _older_than(
    rows: pl.DataFrame, project: Project, now: datetime, age: timedelta, oldest: datetime
) -> pl.Series:
    older = is_matured(rows, project, now, age) & (rows[project.roles.event_time] < oldest)
    return older.fill_null(value=False)


def _before(
    rows: pl.DataFrame,
    project: Project,
    now: datetime,
    age: timedelta,
    within: tuple[datetime, datetime],
) -> pl.Series:
    newest, oldest = within
    older = _older_than(rows, project, now, age, oldest)
    return older & (rows[project.roles.event_time] >= newest).fill_null(value=False)


def _older_times(
    part: Part, project: Project, now: datetime, age: timedelta, oldest: datetime
) -> Ordered:
    rows = dated(part, project)
    older = rows.filter(_older_than(rows, project, now, age, oldest))
    return order_of_integers(naive_utc(older, project.roles.event_time).dt.epoch("us").to_numpy())


def _oldest(rows: pl.DataFrame, project: Project) -> datetime | None:
    oldest = near_times(rows[project.roles.event_time]).min()
    return oldest if isinstance(oldest, datetime) else None


def _known_labels(part: Part, project: Project, now: datetime) -> Ordered:
    rows = with_known_label(dated(part, project), project, now)
    return order_of_floats(rows[project.roles.label].cast(pl.Float64).to_numpy())


def _late(
    part: Part, project: Project, now: datetime, age: timedelta, middle: float | None
) -> pl.DataFrame:
    return late_by_class(with_known_label(dated(part, project), project, now), project, age, middle)


def _pairs(part: Part, project: Project, said: pl.DataFrame) -> pl.DataFrame:
    return pair_rows(part.read(), said, project).tail(MOST)


def _source_times(part: Part, shared: Lying) -> pl.Series:
    """Return the event times of a stretch of time as they lie."""
    project, schema, cut = shared
    name = project.roles.event_time
    lying = pl.scan_parquet(part.file, glob=False).slice(part.begin, part.rows)
    names = [n for n in (name, project.roles.label_time) if n and n in schema]
    own = pl.Schema({n: schema[n] for n in names})
    return cut_by_time(lying.select(names), own, project, cut).collect()[name].drop_nulls()


def _in_order(times: pl.Series) -> Ordered:
    return order_of_integers(times.dt.epoch("us").to_numpy())


def _newest(times: pl.Series) -> datetime | None:
    newest = times.max()
    return newest if isinstance(newest, datetime) else None
