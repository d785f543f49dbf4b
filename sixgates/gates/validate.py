"""Gate 1: may this data be trusted?"""

from dataclasses import replace
from datetime import datetime, timedelta

from sixgates.gates.card import Task
from sixgates.gates.data.counts import RowCounts, SplitCounts, count_split
from sixgates.gates.data.evidence import DataEvidence
from sixgates.gates.data.hindsight import judge_null_jump
from sixgates.gates.data.label_delay import judge_delays
from sixgates.gates.data.label_rate import judge_label_rate
from sixgates.gates.data.leaks import judge_leaks
from sixgates.gates.data.order import judge_order
from sixgates.gates.data.repeats import judge_repeats
from sixgates.gates.data.rows import BROKEN_FEED, RowSplit
from sixgates.gates.data.skew import judge_skew
from sixgates.gates.data.volume import judge_volume
from sixgates.gates.policy import ValidationPolicy
from sixgates.gates.project import Project
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
    return judge_counts(count_split(split, project, now, new_after), data, project, now)


def judge_counts(
    counts: SplitCounts, data: DataEvidence, project: Project, now: datetime
) -> Verdict:
    """Judge as `judge_validation` does, by what was counted of the rows, wherever they are."""
    rows = counts.whole.rows
    if counts.problems:
        sentence = f"the table breaks the contract: {_some(list(counts.problems))} (n = {rows:,})"
        return Verdict.of(
            Gate.VALIDATE, [Check("schema", Outcome.FAIL, None, None, rows, sentence)]
        )
    if rows == 0:
        sentence = f"the source has no rows up to {now:%Y-%m-%d %H:%M}"
        return Verdict.of(Gate.VALIDATE, [Check("rows", Outcome.FAIL, 0, 1, 0, sentence)])
    return Verdict.of(Gate.VALIDATE, [*row_checks(counts, project, now), *_of_data(data, project)])


def row_checks(counts: SplitCounts, project: Project, now: datetime) -> list[Check]:
    """Judge what single rows tell, where the table as a whole keeps the contract."""
    policy, whole = project.policies.validation, counts.whole
    schema = "columns and types keep the contract"
    checks = [
        Check("schema", Outcome.PASS, None, None, whole.rows, schema),
        at_least("accepted rows with a known label", whole.known, policy.min_rows, whole.rows),
        _quarantined(whole, policy, ""),
        *_nulls(whole, policy, ""),
        _labels(whole, project),
    ]
    if counts.new is not None and counts.new.rows:
        checks.append(_quarantined(counts.new, policy, " of new rows"))
        checks.extend(_nulls(counts.new, policy, " of new rows"))
    if policy.max_age is not None:
        checks.append(_freshness(whole, policy.max_age, now))
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


def _quarantined(counts: RowCounts, policy: ValidationPolicy, whose: str) -> Check:
    # What came while the feed was known to be broken says nothing of the rest.
    known = counts.by_rule.get(BROKEN_FEED, 0)
    total = counts.rows - known
    share = (counts.refused - known) / total if total else None
    check = at_most(f"quarantined share{whose}", share, policy.max_quarantined_share, total)
    if not counts.by_rule:
        return check
    rules = _some([f"{rule} ({rows:,})" for rule, rows in counts.by_rule.items()])
    sentence = f"{check.sentence}, by {rules}"
    return Check(check.name, check.outcome, check.seen, check.required, check.n, sentence)


def _nulls(counts: RowCounts, policy: ValidationPolicy, whose: str) -> list[Check]:
    limit, n = policy.max_null_share, counts.accepted
    if n == 0:
        return [at_most(f"null share{whose}", None, limit, 0)]
    shares = {feature: nulls / n for feature, nulls in counts.nulls.items()}
    failed = [f for f, share in shares.items() if share > limit]
    if failed:
        return [at_most(f"null share of {f}{whose}", shares[f], limit, n) for f in failed]
    worst = max(shares, key=lambda f: shares[f])
    return [at_most(f"largest null share{whose}, of {worst},", shares[worst], limit, n)]


def _labels(counts: RowCounts, project: Project) -> Check:
    name, n, classes = project.roles.label, counts.known, sorted(counts.classes)
    if project.task is Task.REGRESSION:
        return at_least("known labels", n, 1, n)
    strange = [c for c in classes if c not in {"0", "1"}]
    if project.task is Task.BINARY and strange:
        sentence = f"binary label {name!r} holds {_some(strange)}, not only 0 and 1 (n = {n:,})"
        return Check("label classes", Outcome.FAIL, None, None, n, sentence)
    check = at_least("label classes", len(classes), 2, n)
    if len(classes) != 1:
        return check
    return replace(check, sentence=f"{check.sentence}: every known label is {classes[0]!r}")


def _freshness(counts: RowCounts, max_age: timedelta, now: datetime) -> Check:
    age = None if counts.newest is None else (now - counts.newest) / timedelta(hours=1)
    limit = max_age / timedelta(hours=1)
    return at_most("hours since the newest row", age, limit, counts.accepted)


def _some(things: list[str]) -> str:
    rest = len(things) - _TOP
    return ", ".join(things[:_TOP]) + (f" and {number(rest)} more" if rest > 0 else "")
