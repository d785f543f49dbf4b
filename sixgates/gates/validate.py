"""Gate 1: may this data be trusted? Every row is accepted, or quarantined under a named rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import polars.selectors as cs

from sixgates.gates.card import Task
from sixgates.gates.contract import RuleError, row_rules, table_problems
from sixgates.gates.encoding import category_levels
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.policy import ValidationPolicy
from sixgates.gates.project import Project
from sixgates.gates.timesplit import label_present, matured, naive_utc
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict, at_least, at_most, number

RULE = "rule"
"""Column of the quarantined rows that names the first rule which refused them."""
BROKEN_FEED = "broken_feed"
"""Rule that refuses what came while the feed was broken: its owner knows of it already."""

Stretch = tuple[datetime, datetime]
"""Event times after which it begins, and at which it ends; naive UTC."""

_TOP = 3
"""How many rules, columns or problems a sentence names."""


@dataclass(frozen=True, slots=True)
class RowSplit:
    """The input in two parts: accepted and quarantined rows together are all of it, unchanged."""

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    """The source's columns and `rule`."""
    problems: tuple[str, ...]
    """What is wrong with the table as a whole; any of them quarantines every row."""
    by_rule: dict[str, int]
    """Quarantined rows of each rule, most first."""


def split_rows(
    df: pl.DataFrame, project: Project, now: datetime, broken: Sequence[Stretch] = ()
) -> RowSplit:
    """Hold every row against the contract and the roles, as known at `now` (naive UTC).

    Besides the contract's rules: `event_time` is missing or after now, `broken_feed`,
    `label_missing` though it should be known by now, `not_finite` numbers. NaN counts as null, and
    a label that cannot be known yet may be null whatever the contract says.

    Args:
        df: Every row.
        project: Names contract and roles.
        now: The present, naive UTC.
        broken: Stretches of time in which the watch found the feed broken.

    Raises:
        ConfigurationError: the source has a column named `rule`.
    """
    if RULE in df.columns:
        raise ConfigurationError(
            f"the source has a column {RULE!r}: quarantine needs it, rename it"
        )
    problems = table_problems(df, project)
    refusals: list[tuple[str, np.ndarray]] = []
    if not problems:
        try:
            refusals = list(_refusals(df, project, now, broken))
        except RuleError as exc:
            problems = [str(exc)]
    if problems:
        refusals = [("schema", np.ones(df.height, dtype=bool))]
    first = np.full(df.height, -1)
    for position, (_, refused) in reversed(list(enumerate(refusals))):
        first[refused] = position
    bad = first >= 0
    rules = pl.Series(RULE, [refusals[i][0] for i in first[bad]], dtype=pl.String)
    return RowSplit(
        accepted=df.filter(~bad),
        quarantined=df.filter(bad).with_columns(rules),
        problems=tuple(problems),
        by_rule=dict(rules.value_counts(sort=True).iter_rows()),
    )


def judge_validation(
    split: RowSplit, project: Project, now: datetime, new_after: datetime | None = None
) -> Verdict:
    """Judge whether what was accepted is enough, fresh, and not what was left of a broken feed.

    Args:
        split: every row, accepted or quarantined.
        project: names the limits in `policies.validation`.
        now: the present, naive UTC.
        new_after: newest event time that the champion learned from. Rows after it must also keep
            the limits by themselves, because a long clean history hides a feed that just broke.
    """
    policy = project.policies.validation
    accepted, total = split.accepted, split.accepted.height + split.quarantined.height
    if split.problems:
        sentence = f"the table breaks the contract: {_some(list(split.problems))} (n = {total:,})"
        return Verdict.of(
            Gate.VALIDATE, [Check("schema", Outcome.FAIL, None, None, total, sentence)]
        )
    if total == 0:
        sentence = f"the source has no rows up to {now:%Y-%m-%d %H:%M}"
        return Verdict.of(Gate.VALIDATE, [Check("rows", Outcome.FAIL, 0, 1, 0, sentence)])
    known = matured(accepted, project, now)
    checks = [
        Check("schema", Outcome.PASS, None, None, total, "columns and types keep the contract"),
        at_least("accepted rows with a known label", known.height, policy.min_rows, total),
        _quarantined(split, policy, ""),
        *_nulls(accepted, project, ""),
        _labels(known, project),
    ]
    if new_after is not None:
        recent = _newer(split, project, new_after)
        if recent.accepted.height + recent.quarantined.height:
            checks.append(_quarantined(recent, policy, " of new rows"))
            checks.extend(_nulls(recent.accepted, project, " of new rows"))
    if policy.max_age is not None:
        checks.append(_freshness(accepted, project, policy.max_age, now))
    return Verdict.of(Gate.VALIDATE, checks)


def _refusals(
    df: pl.DataFrame, project: Project, now: datetime, broken: Sequence[Stretch]
) -> Iterator[tuple[str, np.ndarray]]:
    roles = project.roles
    at = naive_utc(df, roles.event_time)
    yield "event_time", (at.is_null() | (at > now).fill_null(value=True)).to_numpy()
    stretches = np.zeros(df.height, dtype=bool)
    for start, end in broken:
        stretches |= at.is_between(start, end, closed="right").fill_null(value=False).to_numpy()
    yield BROKEN_FEED, stretches
    known = naive_utc(df, roles.label_time) if roles.label_time else at
    known += roles.label_horizon or timedelta(0)
    due = (known <= now).fill_null(value=False)
    yield "label_missing", (due & ~label_present(df, project)).to_numpy()
    numbers = [name for name in (*roles.numeric, roles.label) if df[name].dtype.is_float()]
    infinite = np.zeros(df.height, dtype=bool)
    for name in numbers:
        infinite |= df[name].is_infinite().fill_null(value=False).to_numpy()
    yield "not_finite", infinite
    yield from row_rules(df.with_columns(cs.float().fill_nan(None)), project)


def _newer(split: RowSplit, project: Project, after: datetime) -> RowSplit:
    """Return the part after a moment; rows without an event time may be new, so they are."""
    parts = [
        part.filter((naive_utc(part, project.roles.event_time) > after).fill_null(value=True))
        for part in (split.accepted, split.quarantined)
    ]
    by_rule = dict(parts[1][RULE].value_counts(sort=True).iter_rows())
    return RowSplit(parts[0], parts[1], split.problems, by_rule)


def _quarantined(split: RowSplit, policy: ValidationPolicy, whose: str) -> Check:
    # What came while the feed was known to be broken says nothing of the rest.
    known = split.by_rule.get(BROKEN_FEED, 0)
    total = split.accepted.height + split.quarantined.height - known
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
    features = accepted.select(project.roles.features).with_columns(cs.float().fill_nan(None))
    shares = {name: features[name].null_count() / n for name in features.columns}
    failed = [f for f, share in shares.items() if share > limit]
    if failed:
        return [at_most(f"null share of {f}{whose}", shares[f], limit, n) for f in failed]
    worst = max(shares, key=lambda f: shares[f])
    return [at_most(f"largest null share{whose}, of {worst},", shares[worst], limit, n)]


def _labels(known: pl.DataFrame, project: Project) -> Check:
    name, n = project.roles.label, known.height
    if project.task is Task.REGRESSION:
        return at_least("known labels", n, 1, n)
    label = known[name].cast(pl.Int8) if known[name].dtype == pl.Boolean else known[name]
    classes = category_levels(label.to_frame(), [name])[name]
    strange = [c for c in classes if c not in {"0", "1"}]
    if project.task is Task.BINARY and strange:
        sentence = f"binary label {name!r} holds {_some(strange)}, not only 0 and 1 (n = {n:,})"
        return Check("label classes", Outcome.FAIL, None, None, n, sentence)
    return at_least("label classes", len(classes), 2, n)


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
