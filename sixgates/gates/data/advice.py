"""What the owner of the data can do about each refusal of gate 1."""

from collections.abc import Sequence

from sixgates.gates.data import (
    hindsight,
    label_delay,
    label_rate,
    leaks,
    order,
    repeats,
    skew,
    volume,
)
from sixgates.gates.data.rows import BROKEN_FEED
from sixgates.gates.explain.spans import span
from sixgates.gates.project import Project
from sixgates.gates.verdict import Outcome, Verdict

_BY_CHECK = {
    "schema": "deliver the columns and types of the contract, or correct the contract",
    "rows": "find out whether the source is the right one, and fill it",
    "accepted rows with a known label": "wait for more labels, or lower validation.min_rows",
    "quarantined share": "mend the rows that its rules refused",
    "null share": "mend what fills the column, or raise validation.max_null_share",
    "label classes": "correct the label: a model can learn nothing from it",
    "known labels": "wait for labels",
    "hours since the newest row": "find out why the feed stands still",
    volume.NAME: (
        "deliver the missing rows, or take out those that are too many; where the number is right,"
        " wait until the period is none of the newest, or raise validation.max_volume_ratio"
    ),
    order.NAME: "find out which rows came late or twice, and sort the source by event time",
    repeats.ROWS: (
        "take out the batch that was delivered twice; where such rows are right, raise"
        " validation.max_repeat_rise"
    ),
    repeats.KEYS: (
        "take out the rows that share a key; where they are right, raise validation.max_repeat_rise"
    ),
    label_rate.NAME: (
        "look at the join that fills in the label; where the rate is right, raise"
        " validation.max_label_odds"
    ),
    label_delay.NAME: "state a label_horizon in place of the label time",
    leaks.NAME: (
        "list the feature as ignored; where every request knows its value before the label, raise"
        " validation.max_explained"
    ),
    hindsight.NAME: "list the feature as ignored, or mend its feed",
    skew.NAME: "fill the feature in requests as in the source",
}
"""By the beginning of a check's name; the longest that fits counts."""
_NAMED = 3
"""Problems of the table that the sentence of its check names."""


def advice_on_checks(verdict: Verdict, problems: Sequence[str]) -> tuple[str, ...]:
    """Return what to do about each failed check, each piece of advice once."""
    told: dict[str, str] = {}
    for check in verdict.checks:
        if check.outcome is not Outcome.FAIL or check.muted:
            continue
        fitting = [name for name in _BY_CHECK if check.name.startswith(name)]
        advice = _BY_CHECK[max(fitting, key=len)] if fitting else "see its sentence"
        told.setdefault(advice, f"{check.name.rstrip(',')}: {advice}")
    return (*told.values(), *problems[_NAMED:])


def advice_on_rule(rule: str, project: Project) -> str:
    """Return what to do about the rows that one rule refused."""
    roles = project.roles
    if rule == "label_missing":
        late = "its label time" if roles.label_horizon is None else span(roles.label_horizon)
        return f"deliver {roles.label!r} by {late}, or state a label_horizon that it keeps"
    return {
        "event_time": f"fill in {roles.event_time!r} in UTC, and never later than now",
        BROKEN_FEED: "mend the feed; the next watch looks again",
        "label_early": f"correct {roles.label_time!r}: no label is known before its event",
        "not_finite": "write null in place of infinity",
        "schema": "deliver the columns and types of the contract",
    }.get(rule) or _of_contract(rule)


def _of_contract(rule: str) -> str:
    column, _, check = rule.partition(": ")
    if check == "not_nullable":
        return f"fill in {column!r}, or declare it nullable"
    if check.startswith("unique"):
        return "deliver each key once"
    return "correct the values at the source, or the rule where they are right"
