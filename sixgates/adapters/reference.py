"""What a new model brings for the watch: the windows of its data, and what it says of new rows."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl

from sixgates.adapters.domain_classifier import Matrix, folds_of, told_apart
from sixgates.adapters.watched import (
    ASKED,
    TOLD,
    Watched,
    answers_of,
    asked,
    codes_among,
    estimator_of,
    thinned,
)
from sixgates.gates.drift.inputs import marks_time
from sixgates.gates.drift.look import Look
from sixgates.gates.drift.windows import training_windows
from sixgates.gates.encoding import encode_frame, label_array
from sixgates.gates.losses import row_losses
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.groups import Window, window_of
from sixgates.gates.reference import Reference
from sixgates.gates.timesplit import TimeSplit, naive_utc

WINDOWS = 200
"""Newest training windows that are kept."""
_TOLD_WINDOWS = 30
"""Newest training windows that the classifier is tried on."""


def reference_of(model: Watched, rows: pl.DataFrame, split: TimeSplit) -> Reference:
    """Keep what the watch will compare with, from all rows that a run accepted.

    Args:
        model: The challenger.
        rows: Those that gate 1 accepted.
        split: What it learnt from, and its holdout.
    """
    project, card = model.project, model.card
    roles, length = project.roles, project.policies.watch.window
    profile = profile_frame(rows, roles.numeric, roles.categorical)
    holdout = encode_frame(card, split.holdout)
    said = model.ask(holdout)
    losses = row_losses(project, label_array(project, split.holdout), said, card.classes)
    answers = profile_frame(answers_of(said), answers_of(said).columns, [])
    unseen = naive_utc(split.validation, roles.event_time).max()
    kept = Reference(
        profile=profile,
        answers=answers,
        looks=(),
        sample=(),
        calendar=(),
        estimator=estimator_of(model, split.holdout, holdout, said, losses),
        holdout_loss=float(losses.mean()),
        until=naive_utc(rows, roles.event_time).max(),  # type: ignore[arg-type]
    )
    windows = [
        (
            window_of(
                profile_frame(part, profile.numeric, profile.categorical, like=profile),
                profile, start, end,
            ),
            encode_frame(card, _some(part, ASKED)),
        )
        for start, end, part in list(training_windows(rows, length, roles.event_time))[-WINDOWS:]
    ]  # fmt: skip
    return reference_of_windows(model, kept, unseen, windows)


def reference_of_windows(
    model: Watched,
    kept: Reference,
    unseen: object,
    windows: Sequence[tuple[Window, Matrix]],
) -> Reference:
    """Complete a reference by its windows.

    Args:
        model: The challenger.
        kept: All else of the reference.
        unseen: Event time of the newest validation row, after which the model may be asked.
        windows: The newest training windows, oldest first, each with some encoded rows of it.
    """
    card, looks, some = model.card, [], [matrix for _, matrix in windows]
    for window, matrix in windows:
        look = Look(window)
        if isinstance(unseen, datetime) and window.start >= unseen:
            look = asked(model, kept, look, matrix)
        looks.append(look)
    marks = marks_time([look.inputs.counts for look in looks])
    columns = [i for i in range(len(card.features)) if i not in marks]
    some = [matrix[:, columns] for matrix in some]
    usual = [thinned(matrix, TOLD // max(1, len(some)) + 1) for matrix in some]
    codes = codes_among(card, columns)
    for i in range(max(0, len(looks) - _TOLD_WINDOWS), len(looks)):
        others = np.concatenate([u for j, u in enumerate(usual) if j != i] or [some[i][:0]])
        apart = told_apart(folds_of(others, thinned(some[i], TOLD), codes))
        looks[i] = replace(looks[i], apart=apart)
    return replace(
        kept,
        looks=tuple(looks),
        sample=_stored(np.concatenate(usual or [np.empty((0, len(columns)))])),
        calendar=tuple(card.features[i].name for i in marks),
    )


def _some(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    return rows.gather_every(max(1, -(-rows.height // most)))


def _stored(matrix: Matrix) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(None if np.isnan(x) else float(x) for x in row) for row in matrix)
