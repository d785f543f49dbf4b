"""Since when labels of predictions can have come to the log."""

from datetime import datetime, timedelta

import pytest

from sixgates.gates.maturity import CLOCK_SLACK, labels_since
from tests.fakes import DAY, day, said


@pytest.mark.parametrize(
    ("happened", "received", "since"),
    [
        pytest.param(5, 5 * DAY, 5, id="at the time"),
        pytest.param(5, 9 * DAY, 5, id="its record came after its label"),
        pytest.param(5, 2 * DAY, 2, id="in a simulated time"),
    ],
)
def test_labels_come_after_the_request_whichever_time_tells_it(happened, received, since):
    later = {"request": "b", "at": 30.0, "received": 30 * DAY}
    rows = said({"at": happened, "received": received}, later)
    assert labels_since(rows) == day(since) - CLOCK_SLACK


def test_a_clock_that_is_ahead_does_not_hide_the_others():
    rows = said({"at": 5, "received": 99 * DAY}, {"request": "b", "at": 6, "received": 6 * DAY})
    assert labels_since(rows) == day(5) - timedelta(days=1)


def test_without_predictions_there_are_no_labels_to_look_for():
    assert labels_since(said().clear()) == datetime.max  # noqa: DTZ901 - naive UTC
