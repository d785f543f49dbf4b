"""What should have happened and did not: the cases that a person is told about, each once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sixgates.gates.explain.spans import span
from sixgates.gates.policy import GovernorPolicy, ValidationPolicy

WAITS_TOO_LONG = timedelta(hours=1)
"""What was sealed and is not in a table after so long waits for a compaction that does not run."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """What may be overdue for one model."""

    model: str
    newest_run: datetime | None
    """Event time at which a run began last; None where none ever did."""
    alert: int | None
    """Ledger entry of an alert that nobody has answered; None where there is none."""
    waiting_since: datetime | None
    """Since when that alert could have been answered."""


@dataclass(frozen=True, slots=True)
class Uncompacted:
    """What of one stream of the log is sealed and not in its table yet."""

    model: str
    stream: str
    rows: int
    since: datetime | None
    """Wall time at which the oldest of it was received; None where there is nothing."""


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Which predictions of one model wait for their labels."""

    model: str
    newest_label: datetime | None
    """Event time at which the newest label became known; None where none ever came."""
    since: datetime | None
    """Event time of the oldest prediction after that; None where there is none."""
    due: timedelta
    """Age at which a prediction ought to have its label."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One case."""

    case: str
    """What kind of case it is."""
    about: str
    """What tells this case from others of its kind: the same case is written once."""
    reason: str


def notices(overdue: Overdue, policy: GovernorPolicy, now: datetime) -> tuple[Notice, ...]:
    """Return the cases that stand now, whether or not they were written before."""
    return (*_missed_schedule(overdue, policy, now), *_unanswered_alert(overdue, policy, now))


def late_compaction(found: Uncompacted, now: datetime) -> Iterator[Notice]:
    """Yield the case that a stream waits for a compaction which does not come.

    Args:
        found: What waits.
        now: Wall time, naive UTC.
    """
    if found.since is None or now - found.since <= WAITS_TOO_LONG:
        return
    yield Notice(
        "late compaction",
        f"{found.stream} {found.since.isoformat()}",
        f"{found.stream} wait for compaction (rows: {found.rows:,}), the oldest for"
        f" {(now - found.since) / timedelta(hours=1):.1f} hours: run"
        f" `sixgates compact --project {found.model}`, or schedule the deployment compact",
    )


def missing_labels(found: Unlabelled, period: timedelta, now: datetime) -> Iterator[Notice]:
    """Yield the case that no labels come while predictions go on.

    Args:
        found: What waits for its labels.
        period: The project's: labels may be late by two of them.
        now: Event time, naive UTC.
    """
    patience = found.due + 2 * period
    if found.since is None or now - found.since <= patience:
        return
    newest = found.newest_label
    last = "ever came" if newest is None else f"came since {newest:%Y-%m-%d %H:%M} UTC"
    yield Notice(
        "missing labels",
        "never" if newest is None else newest.isoformat(),
        f"no label of {found.model} {last}, and predictions wait for theirs since"
        f" {found.since:%Y-%m-%d %H:%M} UTC, longer than {span(patience)} (label age and two"
        " periods): nobody sees what they lose until you mend what sends labels to the gateway, or"
        f" give a file with `sixgates labels --project {found.model} FILE`",
    )


def stale_rows(
    model: str, newest: datetime | None, policy: ValidationPolicy, now: datetime
) -> Iterator[Notice]:
    """Yield the case that the newest row is older than gate 1 allows.

    Args:
        model: Whose rows.
        newest: Event time of the newest row up to now; None where there is none.
        policy: Says how old that may be; where it asks for no freshness, this does not either.
        now: Event time, naive UTC.
    """
    if policy.max_age is None or (newest is not None and now - newest <= policy.max_age):
        return
    seen = (
        f"{model} has no row at all"
        if newest is None
        else f"the newest row of {model} is of {newest:%Y-%m-%d %H:%M} UTC, older than"
        f" {span(policy.max_age)} (validation.max_age)"
    )
    yield Notice(
        "stale rows",
        "never" if newest is None else newest.isoformat(),
        f"{seen}: gate 1 refuses every run until newer ones come, so look at what fills the source",
    )


def _missed_schedule(overdue: Overdue, policy: GovernorPolicy, now: datetime) -> Iterator[Notice]:
    model, last, every = overdue.model, overdue.newest_run, policy.retrain_every
    if every is None or (last is not None and now - last <= every):
        return
    since = "ever began" if last is None else f"began since {last:%Y-%m-%d %H:%M} UTC"
    yield Notice(
        "missed schedule",
        "never" if last is None else last.isoformat(),
        f"no run of {model} {since}, and one is expected every {span(every)}"
        f" (governor.retrain_every): start `sixgates retrain --project {model}`, and look at the"
        " schedule",
    )


def _unanswered_alert(overdue: Overdue, policy: GovernorPolicy, now: datetime) -> Iterator[Notice]:
    model, alert, since = overdue.model, overdue.alert, overdue.waiting_since
    if alert is None or since is None or now - since <= policy.answer_within:
        return
    yield Notice(
        "unanswered alert",
        str(alert),
        f"alert {alert} of {model} waits since {since:%Y-%m-%d %H:%M} UTC, longer than"
        f" {span(policy.answer_within)} (governor.answer_within): answer it with"
        f" `sixgates retrain --project {model} --alert {alert}`, and look at the automation",
    )
