"""What a new model brings for the watch, from rows that stay with the workers of Dask.

Counts are those of one process, to the last row. Where one process looks at some rows of many, the
same rows come here: at most 2,000 encoded ones of each of 200 windows. What may be expected of the
model's losses is learnt from at most 100,000 rows of the holdout, spread over it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import reduce
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from sixgates.adapters.domain_classifier import Matrix
from sixgates.adapters.engine.stored_rows import Part, StoredRows, dated, every
from sixgates.adapters.lightgbm_trainer import predict
from sixgates.adapters.reference import WINDOWS, reference_of_windows
from sixgates.adapters.watched import ASKED, Watched, answers_of, estimator_of
from sixgates.gates.card import ModelCard, level_key
from sixgates.gates.drift.expected_loss import LossEstimator
from sixgates.gates.drift.windows import kept_windows, windows_behind
from sixgates.gates.encoding import encode_frame, label_array
from sixgates.gates.losses import row_losses
from sixgates.gates.profile.count import (
    blank_profile,
    grids_of_sample,
    levels_of,
    profile_frame,
    step_of_sample,
)
from sixgates.gates.profile.counts import Profile, merge
from sixgates.gates.profile.groups import Window, window_of
from sixgates.gates.project import Project
from sixgates.gates.reference import Reference
from sixgates.gates.timesplit import Borders, naive_utc

if TYPE_CHECKING:
    pass

Tallies = dict[str, Counter[str]]


class _Piece(NamedTuple):
    """What one part holds of a window."""

    window: Window
    rows: Matrix
    """Some, encoded."""


class _Due(NamedTuple):
    """Which rows of a window a part gives: each `step`-th, of which `before` came before it."""

    before: int
    step: int


def reference_on(rows: StoredRows, model: Watched, holdout_loss: float) -> Reference:
    """Keep what the watch will compare with, as `reference.reference_of` does.

    Args:
        rows: Those that gate 1 accepted.
        model: The challenger.
        holdout_loss: Its mean loss on the holdout.
    """
    newest = max(filter(None, rows.gather(rows.on_parts(_newest))))
    stops = rows.gather(rows.on_parts(_newest_judged, rows.borders, parts=rows.where("validation")))
    profile = _profile(rows)
    kept = Reference(
        profile=profile,
        answers=_answers(rows, model),
        looks=(),
        sample=(),
        calendar=(),
        estimator=_estimator(rows, model),
        holdout_loss=holdout_loss,
        until=newest,
    )
    return reference_of_windows(model, kept, max(stops), _windows(rows, model, profile, newest))


def _profile(rows: StoredRows) -> Profile:
    """Count the features of all rows, on a grid of their own."""
    roles = rows.project.roles
    step = step_of_sample(sum(part.rows for part in rows.parts))
    before = [0, *accumulate(part.rows for part in rows.parts)]
    sample = rows.after_parts(_spread, zip(rows.parts, before, strict=False), step)
    grids = rows.gather(rows.cluster.each(_grids, [sample]))[0]
    tallies: Tallies = rows.merged(_tallied, rows.on_parts(_tally))
    levels = {name: levels_of(tallies[name]) for name in roles.categorical}
    blank = blank_profile(grids, levels)
    return rows.merged(merge, rows.on_parts(_count, blank))  # type: ignore[no-any-return]


def _answers(rows: StoredRows, model: Watched) -> Profile:
    """Count the model's answers to the holdout."""
    parts = rows.where("holdout")
    said = rows.on_parts(_said, rows.borders, (model.text, model.card), parts=parts)
    step = _step(rows)
    sample = [
        rows.cluster.submit(every, frame, before, step)
        for frame, before in zip(said, rows.before("holdout"), strict=True)
    ]
    blank = blank_profile(rows.gather(rows.cluster.each(_grids, [sample]))[0], {})
    return rows.merged(merge, rows.cluster.each(_count_frame, said, blank))  # type: ignore[no-any-return]


def _estimator(rows: StoredRows, model: Watched) -> LossEstimator:
    some = rows.spread("holdout", _step(rows))
    project, card = rows.project, model.card
    matrix = encode_frame(card, some)
    said = model.ask(matrix)
    losses = row_losses(project, label_array(project, some), said, card.classes)
    return estimator_of(model, some, matrix, said, losses)


def _windows(
    rows: StoredRows, model: Watched, profile: Profile, newest: datetime
) -> list[tuple[Window, Matrix]]:
    """Return the newest training windows, oldest first, each with some encoded rows of it."""
    length = rows.project.policies.watch.window
    held: list[Counter[int]] = rows.gather(rows.on_parts(_held, newest))
    heights = reduce(lambda a, b: a + b, held)
    places = kept_windows(heights)[-WINDOWS:]
    before = [Counter[int](), *accumulate(held)]
    steps = {place: max(1, -(-heights[place] // ASKED)) for place in places}
    dues = [
        {place: _Due(ahead[place], steps[place]) for place in places if place in own}
        for ahead, own in zip(before, held, strict=False)
    ]
    jobs = [job for job in zip(rows.parts, dues, strict=True) if job[1]]
    found = rows.merged(_joined, rows.after_parts(_pieces, jobs, newest, (profile, model.card)))
    ends = {place: newest - place * length for place in places}
    return [
        (Window(ends[p] - length, ends[p], found[p].window.rows, found[p].window.counts),
         found[p].rows)
        for p in places
    ]  # fmt: skip


def _step(rows: StoredRows) -> int:
    """Return of how many rows of the holdout one is looked at."""
    return step_of_sample(sum(size.holdout for size in rows.sizes))


def _newest(part: Part, project: Project) -> datetime | None:
    return _moment(naive_utc(part.read_only([project.roles.event_time]), project.roles.event_time))


def _newest_judged(part: Part, project: Project, borders: Borders) -> datetime | None:
    held = borders.split(dated(part, project), project).validation
    return _moment(naive_utc(held, project.roles.event_time))


def _moment(times: pl.Series) -> datetime | None:
    newest = times.max()
    return newest if isinstance(newest, datetime) else None


def _spread(part: Part, project: Project, before: int, step: int) -> pl.DataFrame:
    return every(part.read_only(project.roles.numeric), before, step)


def _grids(samples: Sequence[pl.DataFrame]) -> object:
    return grids_of_sample(pl.concat(samples))


def _tally(part: Part, project: Project) -> Tallies:
    found: Tallies = {name: Counter() for name in project.roles.categorical}
    rows = part.read_only(project.roles.categorical)
    for name, tally in found.items():
        for value, count in rows[name].value_counts().iter_rows():
            if (key := level_key(value)) is not None:
                tally[key] += count
    return found


def _tallied(a: Tallies, b: Tallies) -> Tallies:
    return {name: a[name] + b[name] for name in a}


def _count(part: Part, project: Project, blank: Profile) -> Profile:
    return _count_frame(part.read_only(project.roles.features), blank)


def _count_frame(frame: pl.DataFrame, like: Profile) -> Profile:
    return profile_frame(frame, like.numeric, like.categorical, like=like)


def _said(
    part: Part, project: Project, borders: Borders, model: tuple[str, ModelCard]
) -> pl.DataFrame:
    return answers_of(predict(*model, borders.split(part.read(), project).holdout, threads=1))


def _held(part: Part, project: Project, newest: datetime) -> Counter[int]:
    """Count the rows of each window, by how many windows before the last it is."""
    name = project.roles.event_time
    at = naive_utc(part.read_only([name]), name)
    behind = windows_behind(at, newest, project.policies.watch.window).drop_nulls()
    return Counter(dict(behind.alias("place").value_counts().iter_rows()))


def _pieces(
    part: Part,
    project: Project,
    dues: Mapping[int, _Due],
    newest: datetime,
    by: tuple[Profile, ModelCard],
) -> dict[int, _Piece]:
    profile, card = by
    df = part.read()
    at = naive_utc(df, project.roles.event_time)
    behind = windows_behind(at, newest, project.policies.watch.window)
    found = {}
    for place, due in dues.items():
        own = df.filter(behind == place)
        window = window_of(_count_frame(own, profile), profile, newest, newest)
        found[place] = _Piece(window, encode_frame(card, every(own, due.before, due.step)))
    return found


def _joined(a: dict[int, _Piece], b: dict[int, _Piece]) -> dict[int, _Piece]:
    return {
        place: reduce(_join, [found[place] for found in (a, b) if place in found])
        for place in [*a, *(place for place in b if place not in a)]
    }


def _join(a: _Piece, b: _Piece) -> _Piece:
    counts = tuple(
        tuple(x + y for x, y in zip(one, other, strict=True))
        for one, other in zip(a.window.counts, b.window.counts, strict=True)
    )
    window = Window(a.window.start, a.window.end, a.window.rows + b.window.rows, counts)
    return _Piece(window, np.concatenate([a.rows, b.rows]))
