"""Looking at windows of the user's data, and asking the champion about some of their rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from sixgates.adapters.domain_classifier import Matrix, folds_of, tells_apart, told_apart
from sixgates.adapters.lake.source import WindowRows
from sixgates.adapters.parquet_profile import Span, profile_files
from sixgates.adapters.watched import ASKED, TOLD, Watched, asked, codes_among, thinned
from sixgates.gates.drift.look import Look
from sixgates.gates.drift.triage import (
    closer_signs,
    count_signs,
    is_crowded,
    schema_signs,
    volume_signs,
)
from sixgates.gates.drift.windows import places
from sixgates.gates.encoding import encode_frame
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.counts import Profile
from sixgates.gates.profile.groups import Window, window_of
from sixgates.gates.profile.sample import Sample
from sixgates.gates.reference import Reference

_USUAL = 3
"""Windows at one place of the season of which it is said what is usual there; else of all."""
_NAMED = 3
"""Features that are named for telling the window's rows from the training's, at most."""
_TELLING = 0.02
"""Part of the area under the curve that a feature must be worth to be named."""
_HARDLY = 0.55
"""Area under the curve below which no feature is named."""


Count = Callable[[Sequence[Path], Profile, Span, int], tuple[Profile, pl.DataFrame]]
"""See `count_files`."""


def look_at(
    model: Watched,
    reference: Reference,
    rows: WindowRows,
    within: tuple[datetime, datetime],
    earlier: Sequence[Look],
    *,
    count: Count | None = None,
) -> Look:
    """Look at one window; it is read in batches, and some of its rows are kept.

    Args:
        model: The champion.
        reference: The champion's.
        rows: The window's; of parquet files those of other times are left out.
        within: Event times after which it begins, and at which it ends; naive UTC.
        earlier: Looks at windows before it, the training's first.
        count: Counts a span of parquet files and chooses some rows; in this process if not given.
    """
    profile, (start, end) = reference.profile, within
    empty = Window(start, end, 0, ())
    if found := schema_signs(rows.frame.collect_schema(), profile):
        return Look(empty, faults=found)
    now, some = _counted(model, profile, rows, within, count or count_files)
    window = window_of(now, profile, start, end)
    usual = _usual(model, reference, end)
    distinct = None
    if is_crowded(now.rows, usual):
        distinct = rows.frame.select(pl.struct(pl.all()).hash().n_unique()).collect().item()
    faults = volume_signs(now.rows, usual, distinct)
    if faults or not now.rows:
        return Look(window, faults=faults)
    training = [look.inputs for look in reference.looks]
    before = [*training, *(look.inputs for look in earlier)]
    faults = (
        *count_signs(window, training, before, profile),
        *closer_signs(now, profile, training, some, reference.calendar),
    )
    look = Look(window, faults=faults)
    return look if faults else _told(model, reference, look, encode_frame(model.card, some))


def count_files(
    files: Sequence[Path], like: Profile, span: Span, wanted: int
) -> tuple[Profile, pl.DataFrame]:
    """Count the rows of a span of parquet files, and choose some of them, spread over all.

    Args:
        files: Of the same columns, one at least.
        like: A profile of the same features, on whose grid is counted.
        span: Which rows.
        wanted: How many rows to choose: as many, and fewer than twice as many, where they are.
    """
    sample = Sample(wanted)
    found = profile_files(
        files, like.numeric, like.categorical, like=like, span=span, sample=sample
    )
    return found, sample.rows()


def _counted(
    model: Watched,
    profile: Profile,
    rows: WindowRows,
    within: tuple[datetime, datetime],
    count: Count,
) -> tuple[Profile, pl.DataFrame]:
    if rows.files:
        span = Span(model.project.roles.event_time, *within)
        return count(rows.files, profile, span, ASKED)
    sample = Sample(ASKED)
    found = profile_frame(
        rows.frame, profile.numeric, profile.categorical, like=profile, sample=sample
    )
    return found, sample.rows()


def _told(model: Watched, reference: Reference, look: Look, matrix: Matrix) -> Look:
    look, features = asked(model, reference, look, matrix), model.card.features
    columns = [i for i, f in enumerate(features) if f.name not in reference.calendar]
    usual = np.array(reference.sample, dtype=np.float64).reshape(-1, len(columns))
    some, codes = thinned(matrix[:, columns], TOLD), codes_among(model.card, columns)
    folds = folds_of(usual, some, codes)
    apart = told_apart(folds)
    if apart is None or apart < _HARDLY:
        return replace(look, apart=apart)
    by = tells_apart(folds)
    order = [columns[i] for i in np.argsort(-by)[:_NAMED] if by[i] >= _TELLING]
    return replace(look, apart=apart, telling=tuple(features[i].name for i in order))


def _usual(model: Watched, reference: Reference, end: datetime) -> list[Window]:
    """Return the training windows at the same place of the season, where there are enough."""
    policy, windows = model.project.policies.watch, [look.inputs for look in reference.looks]
    ends = [*(window.end for window in windows), end]
    at = places(ends, len(windows), policy.window, policy.season)
    same = [window for window, place in zip(windows, at, strict=False) if place == at[-1]]
    return same if len(same) >= _USUAL else windows
