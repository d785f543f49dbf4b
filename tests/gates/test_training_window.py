from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from sixgates.gates.policy import Policies
from sixgates.gates.training_window import (
    DriftWindow,
    choose_window,
    drift_window,
    largest_as_good,
    share_sizes,
    worth_of,
)
from tests.fakes import tiny_project

ROWS = np.arange(400)
CHANCE = np.random.default_rng(3).random(400)
MONDAY = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC


def test_shares_are_of_whole_rows_the_largest_first():
    assert share_sizes(10, (0.25, 1.0, 0.5, 0.5, 0.01)) == [10, 5, 2, 1]


@pytest.mark.parametrize(
    ("losses", "place"),
    [
        ([CHANCE, CHANCE], 0),
        ([CHANCE + 0.1, CHANCE, CHANCE - 1e-6 * ROWS], 2),
        ([CHANCE + 0.1, CHANCE, CHANCE[::-1]], 1),
        ([CHANCE + 0.1 * np.sin(ROWS), CHANCE], 0),
        ([np.full(400, np.nan), CHANCE], 1),
        ([np.array([np.nan]), CHANCE], 1),
        ([CHANCE, np.full(400, np.inf)], 0),
        ([np.array([np.nan]), np.array([np.nan])], 0),
    ],
)
def test_the_most_rows_are_taken_that_lose_nothing_that_can_be_seen(losses, place):
    assert largest_as_good(losses, ROWS) == place


def test_rows_that_go_together_are_less_evidence():
    better = CHANCE + 0.02 * np.sign(np.sin(ROWS / 60)) + 0.004
    assert largest_as_good([better, CHANCE], ROWS) == 1
    assert largest_as_good([better, CHANCE], ROWS // 100) == 0
    assert largest_as_good([CHANCE + 1.0, CHANCE], np.zeros(400, dtype=np.int64)) == 0


def test_without_rows_the_largest_is_taken():
    assert largest_as_good([np.array([]), np.array([])], np.array([], dtype=np.int64)) == 0


def opened(since, *, shares=(1.0,), asked=True, zone=None):
    """Return the window of a drift among a hundred hours of training rows."""
    policies = Policies.with_margin(
        0.01, training={"newest_shares": shares, "since_drift": asked}, validation={"min_rows": 10}
    )
    hours = [MONDAY + timedelta(hours=i) for i in range(100)]
    train = pl.DataFrame({"at": pl.Series(hours, dtype=pl.Datetime("us", "UTC"))})
    if zone is not None:
        train = train.with_columns(pl.col("at").dt.convert_time_zone(zone))
    project = tiny_project(policies=policies)
    return drift_window(project, train, None if since is None else MONDAY + timedelta(hours=since))


@pytest.mark.parametrize(
    ("since", "rows", "left_out"),
    [
        (60, 40, ""),
        (59.5, 40, ""),
        (90, 10, ""),
        (91, 9, "they are too few, 10 are needed (`validation.min_rows`)"),
        (99.5, 0, "all rows since then are set aside, for validation and for the holdout"),
        (400, 0, "all rows since then are set aside, for validation and for the holdout"),
        (0, 100, "a window of as many rows is tried anyway"),
        (-50, 100, "a window of as many rows is tried anyway"),
        (75, 25, "a window of as many rows is tried anyway"),
    ],
)
def test_a_drift_opens_a_window_where_enough_rows_are_left_of_it(since, rows, left_out):
    found = opened(since, shares=(1.0, 0.25))
    assert found == DriftWindow(MONDAY + timedelta(hours=since), rows, left_out)


def test_event_times_of_another_zone_are_the_same_moments():
    assert opened(60, zone="America/New_York").rows == 40


def test_no_window_opens_where_none_is_asked_for_or_no_drift_is_dated():
    assert opened(None) is opened(60, asked=False) is None


DRIFT = DriftWindow(MONDAY, 40)


@pytest.mark.parametrize(
    ("losses", "taken", "other"),
    [
        ({100: CHANCE + 0.1, 40: CHANCE}, True, 100),
        ({100: CHANCE, 40: CHANCE}, False, 100),
        ({100: CHANCE, 40: CHANCE - 1e-6 * np.sin(ROWS)}, False, 100),
        ({100: CHANCE, 40: CHANCE + 0.1}, False, 100),
        ({100: CHANCE + 0.2, 50: CHANCE + 0.1, 40: CHANCE}, True, 50),
        ({100: CHANCE + 0.2, 50: CHANCE, 40: CHANCE}, False, 50),
        ({100: CHANCE, 40: np.array([np.nan])}, False, 100),
        ({100: np.array([np.nan]), 40: CHANCE}, True, 100),
    ],
)
def test_the_rows_since_a_drift_are_taken_where_they_are_better_by_the_same_rule(
    losses, taken, other
):
    chosen = choose_window(losses, ROWS)
    found = worth_of(DRIFT, losses, ROWS, chosen)
    assert (chosen == 40, found.taken, found.other_rows) == (taken, taken, other)
    for rows, mean in ((40, found.loss), (other, found.other_loss)):
        known = losses[rows].mean()
        assert mean is None if np.isnan(known) else mean == known


def test_rows_that_were_not_tried_have_no_loss():
    left_out = DriftWindow(MONDAY, 40, "why")
    found = worth_of(left_out, {100: CHANCE + 0.1, 40: CHANCE}, ROWS, 40)
    assert (found.taken, found.loss, found.other_rows, found.left_out) == (False, None, 40, "why")
