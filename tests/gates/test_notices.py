from datetime import datetime, timedelta

import pytest

from sixgates.gates.notices import Overdue, notices
from sixgates.gates.policy import GovernorPolicy

NOW = datetime(2026, 1, 7, 12)  # noqa: DTZ001 - event time is naive UTC
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WEEKLY = GovernorPolicy(retrain_every=7 * DAY)


@pytest.mark.parametrize(
    ("run", "alert", "since", "policy", "cases"),
    [
        (None, None, None, GovernorPolicy(), []),
        (None, None, None, WEEKLY, [("missed schedule", "never")]),
        (NOW - 7 * DAY, None, None, WEEKLY, []),
        (NOW - 8 * DAY, None, None, WEEKLY, [("missed schedule", "2025-12-30T12:00:00")]),
        (NOW - 8 * DAY, None, None, GovernorPolicy(), []),
        (NOW, 5, NOW - HOUR, WEEKLY, []),
        (NOW, 5, NOW - HOUR - timedelta(seconds=1), WEEKLY, [("unanswered alert", "5")]),
        (NOW, 5, NOW - 5 * HOUR, GovernorPolicy(answer_within=6 * HOUR), []),
    ],
)
def test_what_is_overdue(run, alert, since, policy, cases):
    found = notices(Overdue("loans", run, alert, since), policy, NOW)
    assert [(notice.case, notice.about) for notice in found] == cases


def test_a_notice_says_what_is_missing_and_what_to_do():
    overdue = Overdue("loans", NOW - 8 * DAY, 5, NOW - 2 * HOUR)
    schedule, alert = (notice.reason for notice in notices(overdue, WEEKLY, NOW))
    assert schedule == (
        "no run of loans began since 2025-12-30 12:00 UTC, and one is expected every 7 days"
        " (governor.retrain_every): start `sixgates retrain --project loans`, and look at the"
        " schedule"
    )
    assert alert == (
        "alert 5 of loans waits since 2026-01-07 10:00 UTC, longer than 1 hour"
        " (governor.answer_within): answer it with `sixgates retrain --project loans --alert 5`,"
        " and look at the automation"
    )
