"""What does a model have to offer over rules that need none?

Two rules: always the base rate, and the last label of the same entity (overall, where the project
has no entity) that was known when the row happened. They are reported beside the model.
"""

import numpy as np
import polars as pl

from sixgates.gates.card import Task
from sixgates.gates.encoding import label_array
from sixgates.gates.losses import row_losses
from sixgates.gates.project import Project
from sixgates.gates.timesplit import naive_utc
from sixgates.gates.verdict import Check, Outcome, numbers


def last_label_losses(
    project: Project,
    history: pl.DataFrame,
    df: pl.DataFrame,
    base_prediction: np.ndarray,
    classes: tuple[str, ...] = (),
) -> np.ndarray:
    """Return what each row loses when the last known label answers it.

    A label counts from its label time, or from its event time plus the label horizon, and only
    strictly before the row that it answers. Rows without one are answered by the base rate.

    Args:
        project: names label, entity, times and loss.
        history: rows with known labels, `df` among them.
        df: the rows to answer.
        base_prediction: of shape (1, outputs).
        classes: multiclass labels in the order of the outputs.
    """
    entity = project.roles.entity
    by = [] if entity is None else [pl.Series("entity", history[entity])]
    known = pl.DataFrame(
        [_known_at(project, history), pl.Series("row", np.arange(history.height)), *by]
    ).sort("at", "row")
    asked = pl.DataFrame(
        [
            naive_utc(df, project.roles.event_time).alias("at"),
            pl.Series("order", np.arange(df.height)),
            *([] if entity is None else [pl.Series("entity", df[entity])]),
        ]
    ).sort("at")
    found = asked.join_asof(
        known,
        on="at",
        by=None if entity is None else "entity",
        allow_exact_matches=False,
        check_sortedness=False,  # sorted above; polars cannot see it within groups
    ).sort("order")
    rows = found["row"].fill_null(-1).to_numpy()
    answers = _answers(project, label_array(project, history), rows, base_prediction, classes)
    return row_losses(project, label_array(project, df), answers, classes)


def report_baselines(
    loss_name: str, means: tuple[float, float, float | None], n: int, *, entity: bool
) -> Check:
    """Say what the model loses beside the naive rules. Reported only: it passes always.

    Args:
        loss_name: Of the project.
        means: What the model, the base rate and the last known label lose; None if not known.
        n: Rows.
        entity: Whether that label is the entity's own.
    """
    whose = " of the entity" if entity else ""
    names = (loss_name, "always the base rate", f"the last known label{whose}")
    known = [mean for mean in means if mean is not None]
    parts = map(" ".join, zip(names, numbers(*known), strict=False))
    sentence = f"{'; '.join(parts)} (n = {n:,}; reported only, refuses nothing)"
    return Check("baselines", Outcome.PASS, means[0], None, n, sentence)


def _known_at(project: Project, df: pl.DataFrame) -> pl.Series:
    roles = project.roles
    happened = naive_utc(df, roles.event_time)
    if roles.label_time is None:
        return (happened + roles.label_horizon).alias("at")
    told = naive_utc(df, roles.label_time)
    # No label is known before its row has happened.
    return pl.DataFrame([happened.alias("a"), told.alias("b")]).select(
        at=pl.max_horizontal("a", "b")
    )["at"]


def _answers(
    project: Project,
    labels: np.ndarray,
    rows: np.ndarray,
    base_prediction: np.ndarray,
    classes: tuple[str, ...],
) -> np.ndarray:
    answers = np.repeat(base_prediction, len(rows), axis=0).astype(np.float64)
    known = rows >= 0
    last = labels[rows[known]]
    if project.task is Task.MULTICLASS:
        answers[known] = np.stack([last == name for name in classes], axis=1)
    else:
        answers[known, 0] = last
    return answers
