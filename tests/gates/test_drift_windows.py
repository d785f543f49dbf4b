from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from sixgates.gates.drift.windows import places, training_windows, whole_windows

START = datetime(2026, 1, 1)  # noqa: DTZ001 - event times are naive UTC
DAY = timedelta(days=1)


def rows(days, per_day=10, first=0):
    at = [START + d * DAY + i * DAY / per_day for d in range(first, days) for i in range(per_day)]
    return pl.DataFrame({"at": at, "n": range(len(at))})


def test_windows_end_with_the_newest_row_and_hold_every_row_once():
    df = rows(6)
    found = list(training_windows(df.sample(fraction=1, shuffle=True, seed=1), 2 * DAY, "at"))
    assert found[-1][1] == df["at"].max()
    assert [end - start for start, end, _ in found] == [2 * DAY] * 3
    assert all(a[1] == b[0] for a, b in pairwise(found))
    assert [part.height for _, _, part in found] == [20, 20, 20]
    for start, end, part in found:
        assert part["at"].is_between(start, end, closed="right").all()
        assert part.columns == df.columns


def test_a_cut_window_and_rows_without_a_time_are_left_out():
    df = rows(5)
    late = pl.DataFrame({"at": [START - DAY, None], "n": [-1, -2]}, schema=df.schema)
    found = list(training_windows(pl.concat([late, df]), DAY, "at"))
    assert sum(part.height for _, _, part in found) == 50
    assert list(training_windows(df.head(0), DAY, "at")) == []


def test_a_sunday_is_kept_and_an_outage_is_not():
    sunday, outage = rows(3, per_day=2, first=2), rows(4, per_day=2, first=3).head(1)
    df = pl.concat([rows(2, per_day=20), sunday, outage, rows(7, per_day=20, first=4)])
    assert [part.height for _, _, part in training_windows(df, DAY, "at")][:3] == [20, 20, 2]
    assert len(list(training_windows(df, DAY, "at"))) == 6


def test_the_oldest_window_is_cut_with_less_than_half_of_the_usual_rows():
    whole = rows(6, per_day=20)
    assert [len(list(training_windows(whole.tail(n), DAY, "at"))) for n in (111, 109)] == [6, 5]


def test_a_window_is_whole_only_when_it_is_over():
    ends = [end for _, end in whole_windows(START, START + 3 * DAY - timedelta(seconds=1), DAY)]
    assert ends == [START + DAY, START + 2 * DAY]


@pytest.mark.parametrize(
    ("past", "window", "season", "expected"),
    [
        (21, DAY, 7 * DAY, [0, 1, 2, 3, 4, 5, 6, 0]),
        (14, DAY, 7 * DAY, [0, 1, 2, 3, 4, 5, 6, 0]),
        (13, DAY, 7 * DAY, [0] * 8),  # fewer than two seasons
        (30, 2 * DAY, 7 * DAY, [0] * 8),  # no whole windows in a season
        (30, 7 * DAY, 7 * DAY, [0] * 8),  # one window is a season
    ],
)
def test_the_place_in_the_season_goes_by_time(past, window, season, expected):
    ends = [START + i * window for i in range(40)]
    assert places(ends, past, window, season)[:8] == expected


def test_a_window_that_is_left_out_moves_no_other():
    ends = [START + i * DAY for i in range(40) if i != 3]
    assert places(ends, 30, DAY, 7 * DAY)[:5] == [0, 1, 2, 4, 5]
