"""Gate 1: may this data be trusted?"""

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import polars.selectors as cs

from sixgates.gates.card import Task
from sixgates.gates.data.evidence import DataEvidence
from sixgates.gates.data.hindsight import judge_null_jump
from sixgates.gates.data.label_delay import judge_delays
from sixgates.gates.data.label_rate import judge_label_rate
from sixgates.gates.data.leaks import judge_leaks
from sixgates.gates.data.order import judge_order
from sixgates.gates.data.repeats import judge_repeats
from sixgates.gates.data.rows import BROKEN_FEED, RULE, RowSplit, count_rules
from sixgates.gates.data.skew import judge_skew
from sixgates.gates.data.volume import judge_volume
from sixgates.gates.encoding import category_levels
from sixgates.gates.policy import ValidationPolicy
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured, naive_utc
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, at_least, at_most, number

_TOP = 3
"""How many rules, columns or problems a sentence names."""


def judge_validation(
    split: RowSplit,
    data: DataEvidence,
    project: Project,
    now: datetime,
    new_after: datetime | None = None,
) -> Verdict:
    """Judge whether what was accepted is enough, fresh, and not what was left of a broken feed.

    A check that could not be judged for want of history, of labels or of answers says so and is
    muted: a first model must be possible.

    Args:
        split: every row, accepted or quarantined.
        data: what was measured of them beyond single rows.
        project: names the limits in `policies.validation`.
        now: the present, naive UTC.
        new_after: newest event time that the champion learned from. Rows after it must also keep
            the limits by themselves, because a long clean history hides a feed that just broke.
    """
    if split.problems:
        sentence = (
            f"the table breaks the contract: {_some(list(split.problems))} (n = {split.rows:,})"
        )
        return Verdict.of(
            Gate.VALIDATE, [Check("schema", Outcome.FAIL, None, None, split.rows, sentence)]
        )
    if split.rows == 0:
        sentence = f"the source has no rows up to {now:%Y-%m-%d %H:%M}"
        return Verdict.of(Gate.VALIDATE, [Check("rows", Outcome.FAIL, 0, 1, 0, sentence)])
    checks = _of_rows(split, project, now, new_after)
    return Verdict.of(Gate.VALIDATE, [*checks, *_of_data(data, project)])


def _of_rows(
    split: RowSplit, project: Project, now: datetime, new_after: datetime | None
) -> list[Check]:
    policy, accepted = project.policies.validation, split.accepted
    known = accepted[project.roles.label].filter(is_matured(accepted, project, now))
    schema = "columns and types keep the contract"
    checks = [
        Check("schema", Outcome.PASS, None, None, split.rows, schema),
        at_least("accepted rows with a known label", len(known), policy.min_rows, split.rows),
        _quarantined(split, policy, ""),
        *_nulls(accepted, project, ""),
        _labels(known, project),
    ]
    if new_after is not None:
        recent = _newer(split, project, new_after)
        if recent.rows:
            checks.append(_quarantined(recent, policy, " of new rows"))
            checks.extend(_nulls(recent.accepted, project, " of new rows"))
    if policy.max_age is not None:
        checks.append(_freshness(accepted, project, policy.max_age, now))
    return checks


def _of_data(data: DataEvidence, project: Project) -> list[Check]:
    policy = project.policies.validation
    return [
        *judge_volume(data.periods, project),
        *judge_order(data.order),
        *judge_repeats(data.periods, project),
        *judge_label_rate(data.periods, project),
        *judge_delays(data.delays),
        *judge_leaks(data.leaks, policy.max_explained),
        *judge_null_jump(data.null_jump),
        *judge_skew(data.skew, policy.max_skew),
    ]


def _newer(split: RowSplit, project: Project, after: datetime) -> RowSplit:
    """Return the part after a moment; rows without an event time may be new, so they are."""
    parts = [
        part.filter((naive_utc(part, project.roles.event_time) > after).fill_null(value=True))
        for part in (split.accepted, split.quarantined)
    ]
    by_rule = count_rules(parts[1][RULE])
    return RowSplit(parts[0], parts[1], split.problems, by_rule)


def _quarantined(split: RowSplit, policy: ValidationPolicy, whose: str) -> Check:
    # What came while the feed was known to be broken says nothing of the rest.
    known = split.by_rule.get(BROKEN_FEED, 0)
    total = split.rows - known
    share = (split.quarantined.height - known) / total if total else None
    check = at_most(f"quarantined share{whose}", share, policy.max_quarantined_share, total)
    if not split.by_rule:
        return check
    rules = _some([f"{rule} ({rows:,})" for rule, rows in split.by_rule.items()])
    sentence = f"{check.sentence}, by {rules}"
    return Check(check.name, check.outcome, check.seen, check.required, check.n, sentence)


def _nulls(accepted: pl.DataFrame, project: Project, whose: str) -> list[Check]:
    limit, n = project.policies.validation.max_null_share, accepted.height
    if n == 0:
        return [at_most(f"null share{whose}", None, limit, 0)]
    features = accepted.select(project.roles.features)
    nans = features.select(cs.float().is_nan().sum()).to_dict(as_series=False)
    shares = {f: (features[f].null_count() + nans.get(f, [0])[0]) / n for f in features.columns}
    failed = [f for f, share in shares.items() if share > limit]
    if failed:
        return [at_most(f"null share of {f}{whose}", shares[f], limit, n) for f in failed]
    worst = max(shares, key=lambda f: shares[f])
    return [at_most(f"largest null share{whose}, of {worst},", shares[worst], limit, n)]


def _labels(known: pl.Series, project: Project) -> Check:
    name, n = project.roles.label, len(known)
    if project.task is Task.REGRESSION:
        return at_least("known labels", n, 1, n)
    label = known.cast(pl.Int8) if known.dtype == pl.Boolean else known
    classes = category_levels(label.to_frame(), [name])[name]
    strange = [c for c in classes if c not in {"0", "1"}]
    if project.task is Task.BINARY and strange:
        sentence = f"binary label {name!r} holds {_some(strange)}, not only 0 and 1 (n = {n:,})"
        return Check("label classes", Outcome.FAIL, None, None, n, sentence)
    check = at_least("label classes", len(classes), 2, n)
    if len(classes) != 1:
        return check
    return replace(check, sentence=f"{check.sentence}: every known label is {classes[0]!r}")


def _freshness(
    accepted: pl.DataFrame, project: Project, max_age: timedelta, now: datetime
) -> Check:
    newest = naive_utc(accepted, project.roles.event_time).max()
    age = (now - newest) / timedelta(hours=1) if isinstance(newest, datetime) else None
    limit = max_age / timedelta(hours=1)
    return at_most("hours since the newest row", age, limit, accepted.height)


def _some(things: list[str]) -> str:
    rest = len(things) - _TOP
    return ", ".join(things[:_TOP]) + (f" and {number(rest)} more" if rest > 0 else "")
