from datetime import timedelta

import pytest

from sixgates.adapters.past_log import PastLog
from tests.fakes import DAY, FakeLog, day, known, said


@pytest.fixture
def log():
    """One answer and one label a day, each received a day after it happened."""
    days = range(1, 6)
    answers = said(*({"request": f"{d}", "at": d, "received": (d + 1) * DAY} for d in days))
    labels = known(*((f"{d}", 1, d) for d in days)).with_columns(received=answers["received"])
    return FakeLog(answers, labels)


@pytest.mark.parametrize(
    ("at", "read", "seen"),
    [(3, 9, ["1", "2", "3"]), (9, 3, ["1", "2"]), (9, 9, ["1", "2", "3", "4", "5"]), (0, 9, [])],
)
def test_what_came_later_is_not_there(log, at, read, seen):
    past = PastLog(log, day(at), day(read))
    assert past.predictions("m", day(0))["request"].to_list() == seen
    assert past.labels("m")["request"].to_list() == seen


def test_the_beginning_is_the_logs_own_affair(log):
    past = PastLog(log, day(3), day(9))
    assert past.predictions("m", day(2) - timedelta(hours=1))["request"].to_list() == ["2", "3"]
