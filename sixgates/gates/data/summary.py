"""What the owner of the data has to know of a refusal: which rows, since when, and what to do.

Two forms. The sentences go on record and to people; they hold counts and times, and no value of any
row, because neither can be taken back. The page lies beside the refused rows and shows some values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sixgates.gates.data.advice import advice_on_checks, advice_on_rule
from sixgates.gates.data.refusals import Refusals
from sixgates.gates.explain.spans import percent
from sixgates.gates.project import Project
from sixgates.gates.verdict import Verdict

_EXAMPLES = 3
_RULES = 5
"""Rules that the sentences name."""
_WIDTH = 40
"""Characters of a value that are shown."""
_PERIODS = 14
"""Periods with refused rows that the page shows, the newest ones."""


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


def summarise(
    refusals: Refusals, problems: Sequence[str], verdict: Verdict, project: Project
) -> Summary:
    """Gather what the owner of the data has to know.

    Args:
        refusals: what was refused of all rows.
        problems: what is wrong with the table as a whole.
        verdict: of gate 1 on these rows.
        project: names its columns.
    """
    return Summary(
        rows=refusals.rows,
        refused=tuple(_refused(refusals, project)),
        periods=tuple(_periods(refusals, project)),
        advice=advice_on_checks(verdict, problems),
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


def _refused(refusals: Refusals, project: Project) -> Iterator[Refused]:
    for rule, found in refusals.by_rule.items():
        commonest = sorted(found.values.items(), key=lambda item: (-item[1], item[0]))
        examples = tuple(_short(value) for value, _ in commonest[:_EXAMPLES])
        share = found.rows / refusals.rows
        advice = advice_on_rule(rule, project)
        yield Refused(rule, found.rows, share, found.first, found.last, examples, advice)


def _periods(refusals: Refusals, project: Project) -> Iterator[PeriodShare]:
    for period in sorted(refusals.refused)[-_PERIODS:]:
        start = datetime(1970, 1, 1) + period * project.period  # noqa: DTZ001 - naive UTC
        bad = refusals.refused[period]
        yield PeriodShare(start, refusals.accepted[period] + bad, bad)


def _span(refused: Refused) -> str:
    if refused.first is None:
        return ""
    return f", from {_moment(refused.first)} to {_moment(refused.last)}"


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _short(words: str) -> str:
    return words if len(words) <= _WIDTH else f"{words[: _WIDTH - 1]}…"


def _cell(words: str) -> str:
    return " ".join(words.replace("|", "\\|").split())
