from datetime import timedelta

import pytest

from sixgates.adapters.past_log import PastLog
from tests.fakes import DAY, FakeLog, day, known, said

LABELS = known()


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


MINUTES = range(0, 240, 10)
"""Of two kinds: at each a gateway answers once, and a minute later a tick looks."""


def views(stamp, reader=lambda minute: minute):
    """Return what each tick of four hours sees, where clocks show what the functions say."""
    seen = []
    for tick in MINUTES:
        until = [m for m in MINUTES if m <= tick]
        answers = said(
            *({"request": str(m), "at": 0.0, "received": stamp(m) * 60.0} for m in until)
        )
        read = day(0) + timedelta(minutes=reader(tick) + 1)
        rows = PastLog(FakeLog(answers, LABELS), day(9), read).predictions("m", day(0))
        assert rows["request"].is_unique().all()
        seen.append({int(request) for request in rows["request"]})
    return dict(zip(MINUTES, seen, strict=True))


def answered(until):
    return {m for m in MINUTES if m <= until}


def test_right_clocks_show_each_answer_to_the_next_tick():
    assert views(lambda m: m) == {tick: answered(tick) for tick in MINUTES}


def test_a_gateway_an_hour_ahead_is_an_hour_late_and_loses_nothing():
    assert views(lambda m: m + 60) == {tick: answered(tick - 60) for tick in MINUTES}


def test_a_gateway_whose_lead_is_corrected_catches_up_and_loses_nothing():
    found = views(lambda m: m + 60 if m < 120 else m)
    assert found[120] == answered(60) | {120}
    assert all(found[tick] == answered(tick) for tick in MINUTES if tick >= 180)


def test_a_gateway_that_is_set_back_an_hour_counts_at_once():
    assert views(lambda m: m if m < 120 else m - 60) == {t: answered(t) for t in MINUTES}


def test_a_machine_that_is_set_back_an_hour_sees_all_again_once_the_hour_has_passed():
    def clock(minute):
        return minute if minute < 120 else minute - 60

    found = views(clock, reader=clock)
    assert found[110] == answered(110)
    assert found[120] == answered(60) | {120}
    assert all(found[tick] == answered(tick) for tick in MINUTES if tick >= 170)


def test_the_beginning_is_the_logs_own_affair(log):
    past = PastLog(log, day(3), day(9))
    assert past.predictions("m", day(2) - timedelta(hours=1))["request"].to_list() == ["2", "3"]
