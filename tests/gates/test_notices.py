from datetime import datetime, timedelta

import pytest

from sixgates.gates.notices import (
    Overdue,
    Uncompacted,
    Unlabelled,
    late_compaction,
    missing_labels,
    notices,
    stale_rows,
)
from sixgates.gates.policy import GovernorPolicy, ValidationPolicy

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


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("since", "about"),
    [(None, []), (NOW - HOUR, []), (NOW - HOUR - MINUTE, ["labels 2026-01-07T10:59:00"])],
)
def test_when_a_compaction_is_late(since, about):
    found = late_compaction(Uncompacted("loans", "labels", 7, since), NOW)
    assert [notice.about for notice in found] == about


@pytest.mark.parametrize(
    ("newest", "since", "about"),
    [
        (NOW - 9 * DAY, None, []),  # nothing was predicted since: no label can be missing
        (NOW - 9 * DAY, NOW - 4 * DAY, []),
        (NOW - 9 * DAY, NOW - 4 * DAY - MINUTE, ["2025-12-29T12:00:00"]),
        (NOW - DAY, NOW - HOUR, []),
        (None, NOW - 4 * DAY, []),
        (None, NOW - 5 * DAY, ["never"]),
    ],
)
def test_when_labels_are_missing(newest, since, about):
    found = missing_labels(Unlabelled("loans", newest, since, 2 * DAY), DAY, NOW)
    assert [notice.about for notice in found] == about


@pytest.mark.parametrize(
    ("newest", "max_age", "about"),
    [
        (NOW - 9 * DAY, None, []),
        (None, None, []),
        (NOW - DAY, DAY, []),
        (NOW - DAY - MINUTE, DAY, ["2026-01-06T11:59:00"]),
        (None, DAY, ["never"]),
    ],
)
def test_when_rows_are_stale(newest, max_age, about):
    found = stale_rows("loans", newest, ValidationPolicy(max_age=max_age), NOW)
    assert [notice.about for notice in found] == about


def test_a_notice_of_silence_says_what_to_do():
    (late,) = late_compaction(Uncompacted("loans", "labels", 1_234, NOW - 2 * HOUR), NOW)
    assert late.reason == (
        "labels wait for compaction (rows: 1,234), the oldest for 2.0 hours: run"
        " `sixgates compact --project loans`, or schedule the deployment compact"
    )
    (labels,) = missing_labels(Unlabelled("loans", None, NOW - 9 * DAY, 2 * DAY), DAY, NOW)
    assert labels.reason == (
        "no label of loans ever came, and predictions wait for theirs since 2025-12-29 12:00 UTC,"
        " longer than 4 days (label age and two periods): nobody sees what they lose until you mend"
        " what sends labels to the gateway, or give a file with"
        " `sixgates labels --project loans FILE`"
    )
    (rows,) = stale_rows("loans", NOW - 2 * DAY, ValidationPolicy(max_age=DAY), NOW)
    assert rows.reason == (
        "the newest row of loans is of 2026-01-05 12:00 UTC, older than 1 day"
        " (validation.max_age): gate 1 refuses every run until newer ones come, so look at what"
        " fills the source"
    )
