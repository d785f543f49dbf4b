"""Which column is to be predicted, and what kind of prediction that is."""

from typing import NamedTuple

import numpy as np
import polars as pl
import polars.selectors as cs

from sixgates.gates.card import Task
from sixgates.gates.draft.guess import UNKNOWN_LABEL, Guess
from sixgates.gates.draft.moments import label_delay
from sixgates.gates.draft.table import is_number, is_text, words
from sixgates.gates.timesplit import naive_utc

_SURE = {"target", "label", "outcome", "y"}
_LIKELY = {
    "churn", "churned", "default", "defaulted", "left", "fraud", "clicked", "click", "converted",
    "conversion", "purchased", "bought", "cancelled", "canceled", "returned", "survived", "won",
    "failure", "failed", "readmitted", "response", "responded", "class", "result", "approved",
}  # fmt: skip
_BEFORE = {"is", "has", "was", "did", "will"}
_LEVELS = 20
"""At most so many different values are classes, and not amounts."""
_CLASSES = 10
"""At most so many whole numbers are taken for classes."""
_TWO = 2


class Scored(NamedTuple):
    """How much speaks for a column."""

    points: int
    why: str


def guess_label(rows: pl.DataFrame, event_time: str | None) -> Guess:
    """Return the column that is most likely to be predicted.

    What counts is its name, and that it is empty in the newest rows, as what is not known yet is.

    Args:
        rows: In the order of event time, where there is one.
        event_time: Its column.
    """
    scored = {name: _score(rows, name, event_time) for name in rows.columns if name != event_time}
    best = max(scored, key=lambda name: (scored[name].points, rows.columns.index(name)), default="")
    if not best or scored[best].points <= 1:
        return Guess(
            UNKNOWN_LABEL,
            "No column with two values is named like a label, nor is one empty in the newest rows",
        )
    rivals = [n for n, s in scored.items() if n != best and s.points == scored[best].points]
    also = f". So could be {', '.join(rivals)}" if rivals else ""
    return Guess(best, scored[best].why + also)


def guess_task(labels: pl.Series) -> tuple[Task, str]:
    """Return what kind of prediction a label asks for, and why."""
    known = labels.drop_nulls()
    distinct = known.n_unique()
    if is_text(labels.dtype):
        return Task.MULTICLASS, f"{distinct} classes with names"
    if distinct <= _TWO and set(known.unique().to_list()) <= {0, 1}:
        return Task.BINARY, "The label is 0 or 1"
    whole = labels.dtype.is_integer() or bool((known == known.cast(pl.Float64).floor()).all())
    if whole and distinct <= _CLASSES:
        return (
            Task.MULTICLASS,
            f"{distinct} whole numbers, taken for classes: for amounts say regression",
        )
    return Task.REGRESSION, f"{distinct:,} different numbers in the rows looked at"


def _score(rows: pl.DataFrame, name: str, event_time: str | None) -> Scored:
    values = rows[name]
    distinct = values.drop_nulls().n_unique()
    usable = is_number(values.dtype) or (is_text(values.dtype) and distinct <= _LEVELS)
    if not usable or distinct < _TWO:
        return Scored(0, "")
    points, reasons = _by_name(words(name))
    if _late(rows, name, event_time) and (distinct <= _LEVELS or points):
        points += 2
        reasons.append("empty in the newest rows, as what is not known yet is")
    return Scored(points, f"It is {' and '.join(reasons)}")


def _by_name(said: tuple[str, ...]) -> tuple[int, list[str]]:
    bare = said[1:] if said[:1] and said[0] in _BEFORE else said
    if _SURE & set(said):
        return 4, ["named like one"]
    if len(bare) == 1 and bare[0] in _LIKELY:
        return 3, ["named like an outcome"]
    return 0, []


def _late(rows: pl.DataFrame, name: str, event_time: str | None) -> bool:
    if event_time is None or not rows[name].null_count():
        return False
    at, known = naive_utc(rows, event_time), rows[name].is_not_null()
    return label_delay(at, known) is not None


def known_alike(rows: pl.DataFrame, name: str, label: str) -> bool:
    """Whether a column is null or NaN just where the label is: then it is known no sooner."""
    nulls = rows.select(label, name).with_columns(cs.float().fill_nan(None))
    missing, empty = (nulls[column].is_null().to_numpy() for column in (label, name))
    if not missing.any() or missing.all():
        return False
    return bool(np.mean(empty[missing]) > 0.95 and np.mean(empty[~missing]) < 0.05)  # noqa: PLR2004
