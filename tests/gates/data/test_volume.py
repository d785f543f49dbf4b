import numpy as np
import pytest

from sixgates.gates.data.period_counts import measure_periods
from sixgates.gates.data.volume import judge_volume
from sixgates.gates.verdict import Outcome
from tests.gates.data.feed import DAY, START, project, rows

WEEK = [100, 110, 120, 110, 100, 20, 10]


def judged(counts, limit=2.0, new_after=None):
    """Judge days with so many rows each; one more row closes the last of them."""
    counts = [*counts, 1]
    end = START + len(counts) * DAY
    toy = project(max_volume_ratio=limit)
    (check,) = judge_volume(measure_periods(rows(counts), toy, end, new_after), toy)
    return check


def of_days(*last):
    return [50] * (60 - len(last)) + list(last)


def test_an_even_feed_passes_with_its_figures():
    check = judged(of_days())
    assert (check.outcome, check.seen, check.required, check.n) == (Outcome.PASS, 1.0, 2.0, 52)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (
            (20,),
            "a collapse of rows: the period from 2026-03-05 00:00 has 20 rows, 50 usual: 2.5 >",
        ),
        ((0,), "a collapse of rows: the period from 2026-03-05 00:00 has no rows, 50 usual: 50 >"),
        ((120,), "a burst of rows: the period from 2026-03-05 00:00 has 120 rows, 50 usual: 2.4 >"),
        ((20, 50, 50, 50), "has 20 rows"),
    ],
)
def test_a_collapse_or_a_burst_is_refused_with_figures(last, words):
    check = judged(of_days(*last))
    assert check.outcome is Outcome.FAIL
    assert words in check.sentence


def test_a_fault_that_is_over_for_a_week_holds_up_nothing():
    assert judged(of_days(1, *[50] * 6)).outcome is Outcome.FAIL
    assert judged(of_days(1, *[50] * 7)).outcome is Outcome.PASS


def test_only_what_the_champion_has_not_seen_is_judged():
    end = START + 61 * DAY
    counts = of_days(1, 50, 50)
    assert judged(counts, new_after=end - 3.5 * DAY).outcome is Outcome.PASS
    assert judged(counts, new_after=end - 4.5 * DAY).outcome is Outcome.FAIL


def test_each_day_of_the_week_has_its_own_usual_number():
    weeks = WEEK * 9
    assert judged(weeks).outcome is Outcome.PASS
    monday_like_a_sunday = [*weeks, 10]
    assert "10 rows, 100 usual" in judged(monday_like_a_sunday).sentence
    sunday_like_a_monday = [*weeks[:-1], 100]
    assert "a burst" in judged(sunday_like_a_monday).sentence


def test_a_day_on_which_the_feed_was_known_to_be_broken_is_not_judged_again():
    counts = [*of_days(0, 50, 50), 1]
    end = START + len(counts) * DAY
    stretch = [(end - 4 * DAY, end - 3 * DAY)]
    periods = measure_periods(rows(counts), project(), end, None, stretch)
    (check,) = judge_volume(periods, project())
    assert check.outcome is Outcome.PASS


def test_a_few_rows_more_or_fewer_are_never_too_many():
    assert judged([2] * 59 + [12]).outcome is Outcome.PASS
    assert judged([2] * 59 + [13]).outcome is Outcome.FAIL


def test_a_feed_that_always_leaps_may_leap():
    rng = np.random.default_rng(1)
    leaping = np.round(100 * np.exp(rng.normal(size=61))).astype(int).tolist()
    assert judged([*leaping[:-1], 500]).outcome is Outcome.PASS
    assert judged([*leaping[:-1], 50_000]).outcome is Outcome.FAIL


def test_chance_alone_is_hardly_ever_refused():
    rng = np.random.default_rng(2)
    feeds = [rng.poisson(mean, 60).tolist() for mean in (5, 20, 40, 200) for _ in range(25)]
    assert sum(judged(feed).outcome is Outcome.FAIL for feed in feeds) == 0


def test_too_little_history_is_said_and_decides_nothing():
    check = judged([50] * 15)
    assert (check.outcome, check.muted) == (Outcome.INCONCLUSIVE, True)
    assert check.sentence == "rows by period not judged: 7 periods before, 14 needed (n = 7)"
    assert "no whole new period" in judge_volume(None, project())[0].sentence


def test_no_limit_asks_for_nothing():
    assert judge_volume(None, project(max_volume_ratio=None)) == []
