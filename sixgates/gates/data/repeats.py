"""Did rows come twice? Repeated rows and keys of the newest periods against the usual share."""

from dataclasses import dataclass
from datetime import timedelta

from sixgates.gates.data.periods import FEWEST, Periods, not_judged
from sixgates.gates.project import Project
from sixgates.gates.verdict import Check, Outcome, number, numbers

ROWS, KEYS = "repeated rows", "repeated keys"


@dataclass(frozen=True, slots=True)
class _Kind:
    """One way of coming twice."""

    name: str
    what: str
    again: tuple[int, ...]
    """Rows of each period that did."""


def judge_repeats(periods: Periods | None, project: Project) -> list[Check]:
    """Refuse a period in which far more rows came again than in any period before.

    Rows with few or coarse features repeat by nature, so there is no fixed limit on the share: it
    may exceed the largest of the history by `max_repeat_rise`. Where that leaves no room below 1,
    rows that came twice cannot be told from rows that are alike, and nothing is judged.
    """
    limit = project.policies.validation.max_repeat_rise
    if limit is None:
        return []
    if periods is None or not periods.recent:
        return [not_judged(name, "no whole new period yet", 0) for name in (ROWS, KEYS)]
    filled = sum(periods.rows[i] > 0 for i in periods.before)
    if filled < FEWEST:
        why = f"{filled} periods before, {FEWEST} needed"
        return [not_judged(name, why, filled) for name in (ROWS, KEYS)]
    kinds = (
        _Kind(ROWS, "had the features of an earlier row", periods.repeated),
        _Kind(KEYS, "shared their key with another", periods.same_key),
    )
    return [_judge(kind, periods, project.period, limit) for kind in kinds]


def _judge(kind: _Kind, periods: Periods, length: timedelta, limit: float) -> Check:
    shares = [a / rows if rows else 0.0 for a, rows in zip(kind.again, periods.rows, strict=True)]
    usual = max(shares[i] for i in periods.before)
    allowed, place = usual + limit, max(periods.recent, key=lambda i: shares[i])
    n, seen = periods.rows[place], shares[place]
    if allowed >= 1:
        return not_judged(kind.name, f"a share of {number(usual)} is usual", len(periods.before))
    passed = seen <= allowed
    share, at = numbers(seen, allowed)
    sentence = (
        f"{kind.name}: of the period from {periods.start(place, length):%Y-%m-%d %H:%M} a share of"
        f" {share} {kind.what}, {'<=' if passed else '>'} limit {at} (the"
        f" largest before, {number(usual)}, and {number(limit)}; n = {n:,})"
    )
    return Check(kind.name, Outcome.PASS if passed else Outcome.FAIL, seen, allowed, n, sentence)
