"""What the owner of the data has to know of a refusal: which rows, since when, and what to do.

Two forms. The sentences go on record and to people; they hold counts and times, and no value of any
row, because neither can be taken back. The page lies beside the refused rows and shows some values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
import polars.selectors as cs

from sixgates.gates.data.advice import advice_on_checks, advice_on_rule
from sixgates.gates.data.rows import RULE, RowSplit
from sixgates.gates.explain.spans import percent
from sixgates.gates.project import Project
from sixgates.gates.timesplit import naive_utc
from sixgates.gates.verdict import Verdict

_EXAMPLES = 3
_RULES = 5
"""Rules that the sentences name."""
_PERIODS = 14
"""Periods with refused rows that the page shows, the newest ones."""
_WIDTH = 40
"""Characters of a value that are shown."""
_PERIOD = "__period"


@dataclass(frozen=True, slots=True)
class Refused:
    """The rows that one rule refused."""

    rule: str
    rows: int
    share: float
    """Of all rows."""
    first: datetime | None
    """Oldest event time among them; None where none has one."""
    last: datetime | None
    examples: tuple[str, ...]
    """Their most frequent values, where the rule is about a column."""
    advice: str


@dataclass(frozen=True, slots=True)
class PeriodShare:
    """How much of one period was refused."""

    start: datetime
    rows: int
    refused: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A refusal as its owner needs it."""

    rows: int
    refused: tuple[Refused, ...]
    """By rule, most rows first."""
    periods: tuple[PeriodShare, ...]
    """The newest ones with refused rows, oldest first."""
    advice: tuple[str, ...]
    """What to do about each check that failed; empty where the gate passed."""

    @property
    def to_tell(self) -> bool:
        """Whether there is anything to act on."""
        return bool(self.refused or self.advice)


def summarise(split: RowSplit, verdict: Verdict, project: Project) -> Summary:
    """Gather what the owner of the data has to know.

    Args:
        split: every row, accepted or quarantined.
        verdict: of gate 1 on these rows.
        project: says which column is the event time.
    """
    return Summary(
        rows=split.rows,
        refused=tuple(_refused(split, project)),
        periods=tuple(_periods(split, project)),
        advice=advice_on_checks(verdict, split.problems),
    )


def in_sentences(summary: Summary) -> tuple[str, ...]:
    """Return the summary without any value of a row, for the record and for messages."""
    told = [
        f"{r.rows:,} of {summary.rows:,} rows ({percent(r.share)}) break {r.rule!r}{_span(r)}:"
        f" {r.advice}."
        for r in summary.refused[:_RULES]
    ]
    more = len(summary.refused) - _RULES
    if more > 0:
        told.append(f"{more} more rules refused rows.")
    return (*told, *(f"{line}." for line in summary.advice))


def as_page(summary: Summary, model: str, verdict: Verdict) -> str:
    """Return the summary as Markdown, with examples of the values that were refused."""
    lines = [f"# {model}: the data of gate 1", "", f"{verdict.outcome}: {verdict.reason}", ""]
    if summary.advice:
        lines += ["## What to do", "", *(f"- {line}" for line in summary.advice), ""]
    if summary.refused:
        lines += [
            "## Refused rows by rule",
            "",
            "| rule | rows | share | first | last | values | to do |",
        ]
        lines += ["|---|---|---|---|---|---|---|"]
        lines += [
            f"| {_cell(r.rule)} | {r.rows:,} | {percent(r.share)} | {_moment(r.first)} |"
            f" {_moment(r.last)} | {_cell(', '.join(r.examples))} | {_cell(r.advice)} |"
            for r in summary.refused
        ]
        lines += ["", "## Refused rows by period", "", "| from | rows | refused | share |"]
        lines += ["|---|---|---|---|"]
        lines += [
            f"| {_moment(p.start)} | {p.rows:,} | {p.refused:,} | {percent(p.refused / p.rows)} |"
            for p in summary.periods
        ]
    return "\n".join(lines).rstrip() + "\n"


def _refused(split: RowSplit, project: Project) -> Iterator[Refused]:
    parts = split.quarantined.partition_by(RULE, as_dict=True)
    for rule, rows in split.by_rule.items():
        own = parts[rule,]
        first, last = _ends(own, project.roles.event_time)
        advice = advice_on_rule(rule, project)
        yield Refused(
            rule, rows, rows / split.rows, first, last, _examples(own, rule, project), advice
        )


def _ends(rows: pl.DataFrame, event_time: str) -> tuple[datetime | None, datetime | None]:
    times = naive_utc(rows, event_time).drop_nulls() if _is_time(rows, event_time) else pl.Series()
    return (None, None) if times.is_empty() else (times.sort()[0], times.sort()[-1])


def _periods(split: RowSplit, project: Project) -> Iterator[PeriodShare]:
    event_time = project.roles.event_time
    if not _is_time(split.quarantined, event_time):
        return
    length = project.period // timedelta(microseconds=1)
    counts = [
        (naive_utc(part, event_time).dt.epoch("us") // length)
        .drop_nulls()
        .alias(_PERIOD)
        .value_counts(name=name)
        for part, name in ((split.accepted, "good"), (split.quarantined, "bad"))
    ]
    joined = counts[1].join(counts[0], on=_PERIOD, how="left").fill_null(0).sort(_PERIOD)
    for period, bad, good in joined.tail(_PERIODS).iter_rows():
        start = datetime(1970, 1, 1) + period * project.period  # noqa: DTZ001 - naive UTC
        yield PeriodShare(start, good + bad, bad)


def _examples(rows: pl.DataFrame, rule: str, project: Project) -> tuple[str, ...]:
    """Return the commonest values of the column that a rule is about."""
    column = _column_of(rows, rule, project)
    if column is None:
        return ()
    common = rows[column].value_counts(sort=True)[column].head(_EXAMPLES)
    return tuple(_short(value) for value in common)


def _column_of(rows: pl.DataFrame, rule: str, project: Project) -> str | None:
    roles = project.roles
    own = {"event_time": roles.event_time, "label_early": roles.label_time}
    if rule == "not_finite":
        numbers = rows.select(*dict.fromkeys((*roles.numeric, roles.label))).select(cs.float())
        infinite = numbers.select(pl.all().is_infinite().any())
        return next((name for name in infinite.columns if infinite[name].item()), None)
    column = own.get(rule, rule.split(": ", 1)[0])
    return column if column in rows.columns else None


def _is_time(rows: pl.DataFrame, event_time: str) -> bool:
    return isinstance(rows.schema.get(event_time), pl.Datetime)


def _span(refused: Refused) -> str:
    if refused.first is None:
        return ""
    return f", from {_moment(refused.first)} to {_moment(refused.last)}"


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _short(value: object) -> str:
    words = str(value) if not isinstance(value, str) else repr(value)
    return words if len(words) <= _WIDTH else f"{words[: _WIDTH - 1]}…"


def _cell(words: str) -> str:
    return " ".join(words.replace("|", "\\|").split())
