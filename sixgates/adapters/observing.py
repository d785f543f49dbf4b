"""Looking at windows of the user's data, and asking the model about some of their rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl

from sixgates.adapters.domain_classifier import Matrix, tells_apart, told_apart
from sixgates.adapters.lightgbm_trainer import predict_matrix
from sixgates.adapters.loss_booster import foretold_loss, learned_losses
from sixgates.gates.card import ModelCard, Task
from sixgates.gates.drift.expected_loss import (
    ExpectedLoss,
    LossEstimator,
    calibrated,
    expected_loss,
)
from sixgates.gates.drift.inputs import marks_time
from sixgates.gates.drift.look import Look
from sixgates.gates.drift.triage import (
    closer_signs,
    count_signs,
    is_crowded,
    schema_signs,
    volume_signs,
)
from sixgates.gates.drift.windows import places, training_windows
from sixgates.gates.encoding import encode_frame, label_array
from sixgates.gates.losses import row_losses
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.groups import Window, by_group, window_of
from sixgates.gates.project import Project
from sixgates.gates.reference import Reference
from sixgates.gates.timesplit import TimeSplit, naive_utc

_ASKED = 2_000
"""Rows of a window that the model is asked, and that get a closer look."""
_TOLD = 1_000
"""Rows of either side that the classifier learns from."""
_WINDOWS = 200
"""Newest training windows that are kept."""
_TOLD_WINDOWS = 30
"""Newest training windows that it is tried on."""
_NAMED = 3
_TELLING = 0.02
"""Part of that area that a feature must be worth to be named."""
_HARDLY = 0.55
"""Area under the curve below which no feature is named."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A model under watch."""

    project: Project
    text: str
    card: ModelCard

    def ask(self, matrix: Matrix) -> Matrix:
        """Return its answers to encoded rows, of shape (rows, outputs)."""
        return predict_matrix(self.text, self.card, matrix)


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
    answers = profile_frame(_answers(said), _answers(said).columns, [])
    unseen = naive_utc(split.validation, roles.event_time).max()
    kept = Reference(
        profile=profile,
        answers=answers,
        looks=(),
        sample=(),
        calendar=(),
        estimator=_estimator(model, split.holdout, holdout, said, losses),
        holdout_loss=float(losses.mean()),
        until=naive_utc(rows, roles.event_time).max(),  # type: ignore[arg-type]
    )
    looks, some = [], []
    for start, end, part in list(training_windows(rows, length, roles.event_time))[-_WINDOWS:]:
        counted = profile_frame(part, profile.numeric, profile.categorical, like=profile)
        look = Look(window_of(counted, profile, start, end))
        some.append(encode_frame(card, _some(part, _ASKED)))
        if isinstance(unseen, datetime) and start >= unseen:
            look = _asked(model, kept, look, some[-1])
        looks.append(look)
    marks = marks_time([look.inputs.counts for look in looks])
    columns = [i for i in range(len(card.features)) if i not in marks]
    some = [matrix[:, columns] for matrix in some]
    usual = [_thinned(matrix, _TOLD // max(1, len(some)) + 1) for matrix in some]
    codes = _codes(card, columns)
    for i in range(max(0, len(looks) - _TOLD_WINDOWS), len(looks)):
        others = np.concatenate([u for j, u in enumerate(usual) if j != i] or [some[i][:0]])
        apart = told_apart(others, _thinned(some[i], _TOLD), codes)
        looks[i] = replace(looks[i], apart=apart)
    return replace(
        kept,
        looks=tuple(looks),
        sample=_stored(np.concatenate(usual or [holdout[:0, columns]])),
        calendar=tuple(card.features[i].name for i in marks),
    )


def look_at(
    model: Watched,
    reference: Reference,
    rows: pl.LazyFrame,
    within: tuple[datetime, datetime],
    earlier: Sequence[Look],
) -> Look:
    """Look at one window; it is read in batches, and some of its rows are kept.

    Args:
        model: The champion.
        reference: The champion's.
        rows: The window's.
        within: Event times after which it begins, and at which it ends; naive UTC.
        earlier: Looks at windows before it, the training's first.
    """
    profile, (start, end) = reference.profile, within
    empty = Window(start, end, 0, ())
    if found := schema_signs(rows.collect_schema(), profile):
        return Look(empty, faults=found)
    now = profile_frame(rows, profile.numeric, profile.categorical, like=profile)
    window = window_of(now, profile, start, end)
    usual = _usual(model, reference, end)
    distinct = None
    if is_crowded(now.rows, usual):
        distinct = rows.select(pl.struct(pl.all()).hash().n_unique()).collect().item()
    faults = volume_signs(now.rows, usual, distinct)
    if faults or not now.rows:
        return Look(window, faults=faults)
    some = rows.gather_every(max(1, now.rows // _ASKED)).collect()
    training = [look.inputs for look in reference.looks]
    before = [*training, *(look.inputs for look in earlier)]
    faults = (
        *count_signs(window, training, before, profile),
        *closer_signs(now, profile, some, reference.calendar),
    )
    look = Look(window, faults=faults)
    return look if faults else _told(model, reference, look, encode_frame(model.card, some))


def _told(model: Watched, reference: Reference, look: Look, matrix: Matrix) -> Look:
    look, features = _asked(model, reference, look, matrix), model.card.features
    columns = [i for i, f in enumerate(features) if f.name not in reference.calendar]
    usual = np.array(reference.sample, dtype=np.float64).reshape(-1, len(columns))
    some, codes = _thinned(matrix[:, columns], _TOLD), _codes(model.card, columns)
    apart = told_apart(usual, some, codes)
    if apart is None or apart < _HARDLY:
        return replace(look, apart=apart)
    by = tells_apart(usual, some, codes)
    order = [columns[i] for i in np.argsort(-by)[:_NAMED] if by[i] >= _TELLING]
    return replace(look, apart=apart, telling=tuple(features[i].name for i in order))


def _asked(model: Watched, reference: Reference, look: Look, matrix: Matrix) -> Look:
    """Add what the model says of some rows."""
    said = model.ask(matrix)
    counted = profile_frame(_answers(said), reference.answers.numeric, [], like=reference.answers)
    groups = by_group(counted, reference.answers)
    return replace(
        look,
        answers=tuple(tuple(map(int, counts)) for counts in groups),
        expected=_expected(model, reference.estimator, matrix, said),
    )


def _expected(
    model: Watched, estimator: LossEstimator, matrix: Matrix, said: Matrix
) -> ExpectedLoss:
    if model.project.task is Task.REGRESSION:
        return foretold_loss(estimator, matrix, said)
    return expected_loss(estimator, model.project, said, model.card.classes)


def _estimator(
    model: Watched, holdout: pl.DataFrame, matrix: Matrix, said: Matrix, losses: Matrix
) -> LossEstimator:
    if model.project.task is Task.REGRESSION:
        return learned_losses(matrix, said, losses)
    labels = label_array(model.project, holdout)
    return calibrated(model.project, labels, said, model.card.classes)


def _usual(model: Watched, reference: Reference, end: datetime) -> list[Window]:
    """Return the training windows at the same place of the season."""
    policy, windows = model.project.policies.watch, [look.inputs for look in reference.looks]
    ends = [*(window.end for window in windows), end]
    at = places(ends, len(windows), policy.window, policy.season)
    return [window for window, place in zip(windows, at, strict=False) if place == at[-1]]


def _codes(card: ModelCard, columns: Sequence[int]) -> list[int]:
    """Return which of some columns of the matrix hold codes."""
    levels = [card.features[i].levels for i in columns]
    return [place for place, known in enumerate(levels) if known is not None]


def _answers(said: Matrix) -> pl.DataFrame:
    return pl.DataFrame({f"answer {i}": column for i, column in enumerate(said.T)})


def _some(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    return rows.gather_every(max(1, -(-rows.height // most)))


def _thinned(matrix: Matrix, most: int) -> Matrix:
    return matrix[:: max(1, -(-len(matrix) // most))]


def _stored(matrix: Matrix) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(None if np.isnan(x) else float(x) for x in row) for row in matrix)
