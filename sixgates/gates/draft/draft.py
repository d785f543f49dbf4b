"""A whole draft of a project: every guess together."""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl
import polars.selectors as cs

from sixgates.gates.card import Task
from sixgates.gates.draft.answers import without_answers
from sixgates.gates.draft.comments import duration
from sixgates.gates.draft.conversions import Conversion, conversions_of, yes_or_no
from sixgates.gates.draft.costs import Costs, guess_costs
from sixgates.gates.draft.features import Parts, guess_entity, guess_parts
from sixgates.gates.draft.guess import UNKNOWN_LABEL, UNKNOWN_TIME, Guess
from sixgates.gates.draft.label import guess_label, guess_task
from sixgates.gates.draft.moments import guess_event_time, guess_label_time, label_delay
from sixgates.gates.draft.pace import Pace, guess_pace
from sixgates.gates.draft.table import Table
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import LossName
from sixgates.gates.timesplit import naive_utc

_ASSUMED_DELAY = timedelta(days=1)
_TOLD = 3
"""Columns that a refusal names."""
_UNKNOWN_COSTS = Costs(LossName.BRIER, None, 0.005, "It comes from nowhere")
"""Where there is no label to look at."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a first project file says, each part with its reason."""

    name: str
    table: Table
    """With its columns converted, in the order of event time."""
    conversions: tuple[Conversion, ...]
    event_time: Guess
    label: Guess
    label_time: Guess | None
    label_horizon: tuple[timedelta, str] | None
    """Given where there is no label time."""
    entity: Guess | None
    parts: Parts
    task: tuple[Task, str]
    costs: Costs
    pace: Pace | None

    @property
    def open(self) -> tuple[str, ...]:
        """The roles that could not be guessed."""
        unknown = {"event_time": UNKNOWN_TIME, "label": UNKNOWN_LABEL}
        said = {"event_time": self.event_time.value, "label": self.label.value}
        return tuple(role for role, name in unknown.items() if said[role] == name)

    @property
    def features(self) -> tuple[str, ...]:
        """Numeric, then categorical."""
        return tuple(g.value for g in (*self.parts.numeric, *self.parts.categorical))

    @property
    def guesses(self) -> tuple[tuple[str, Guess], ...]:
        """What to look at first, by role or setting: not every column."""
        task, costs = self.task, self.costs
        found = [("event_time", self.event_time), ("label", self.label)]
        if self.label_time is not None:
            found.append(("label_time", self.label_time))
        if self.label_horizon is not None:
            horizon, why = self.label_horizon
            found.append(("label_horizon", Guess(duration(horizon), why)))
        found.append(("entity", self.entity or Guess("none", "No column says who a row is about")))
        found.append(("task", Guess(task[0], task[1])))
        found.append(("margin", Guess(f"{costs.margin} ({costs.loss})", costs.why)))
        found += [("ignored", guess) for guess in self.parts.ignored]
        found += [("left out", guess) for guess in self.parts.unusable]
        return tuple(found)


def draft_of(table: Table, name: str) -> Draft:
    """Guess what every column of a table is for.

    Args:
        table: Rows to look at.
        name: Of the project.

    Raises:
        ConfigurationError: no column could be a feature.
    """
    conversions = conversions_of(table.rows)
    rows = table.rows.with_columns(c.expression for c in conversions)
    event_time = guess_event_time(rows)
    timed = event_time.value != UNKNOWN_TIME
    if timed:
        rows = rows.drop_nulls(event_time.value).sort(event_time.value, maintain_order=True)
    known = rows.with_columns(cs.float().fill_nan(None))
    label = guess_label(known, event_time.value if timed else None)
    labelled = label.value != UNKNOWN_LABEL
    if labelled and (answer := yes_or_no(rows[label.value])) is not None:
        conversions.append(answer)
        rows, known = (frame.with_columns(answer.expression) for frame in (rows, known))
    label_time, horizon = _label_age(known, event_time, label)
    taken = {g.value for g in (event_time, label, label_time) if g is not None}
    entity = guess_entity(rows, taken)
    if entity is not None:
        taken.add(entity.value)
    table = table.with_rows(rows)
    parts = guess_parts(table, label.value if labelled else None, taken)
    task = guess_task(known[label.value]) if labelled else (Task.BINARY, "There is no label yet")
    costs = guess_costs(known[label.value], task[0]) if labelled else _UNKNOWN_COSTS
    if labelled:
        parts = without_answers(
            parts, known, label=label.value, event_time=event_time.value, task=task[0], costs=costs
        )
    pace = guess_pace(naive_utc(rows, event_time.value), table.total) if timed else None
    draft = Draft(
        name, table, tuple(conversions), event_time, label, label_time, horizon, entity, parts,
        task, costs, pace,
    )  # fmt: skip
    if not draft.features:
        told = [f"{g.value}: {g.why}" for g in (*parts.ignored, *parts.unusable)][:_TOLD]
        raise ConfigurationError(
            f"no column can be a feature of {name} ({'; '.join(told) or 'there is no other'}): give"
            " data with numbers or texts beside label and time"
        )
    return draft


def _label_age(
    rows: pl.DataFrame, event_time: Guess, label: Guess
) -> tuple[Guess | None, tuple[timedelta, str] | None]:
    """Return the label time, or else the age at which labels are known, and why."""
    if event_time.value != UNKNOWN_TIME and label.value != UNKNOWN_LABEL:
        told = guess_label_time(rows, event_time.value, label.value)
        if told is not None:
            return told, None
        at = naive_utc(rows, event_time.value)
        delay = label_delay(at, rows[label.value].is_not_null())
        if delay is not None:
            why = "Labels are missing among the newest rows, so they take at least that long"
            return None, (delay, why)
    why = (
        "The newest labels are there too, so the data does not say when they became known, and one"
        " day is no guess. Too short a time lets a backtest use labels before they were there"
    )
    return None, (_ASSUMED_DELAY, why)
