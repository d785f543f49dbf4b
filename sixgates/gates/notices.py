"""What should have happened and did not: the cases that a person is told about, each once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sixgates.gates.explain.spans import span
from sixgates.gates.policy import GovernorPolicy


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
