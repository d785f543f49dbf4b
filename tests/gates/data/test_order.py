import polars as pl
import pytest

from sixgates.gates.data.order import judge_order, measure_order
from sixgates.gates.verdict import Outcome
from tests.gates.data.feed import DAY, NOW, rows


def judged(frame, new_after=NOW - 10 * DAY):
    return judge_order(measure_order(frame["t"], new_after))


def shuffled(frame, since):
    late = frame.filter(pl.col("t") > since)
    return pl.concat(
        [frame.filter(pl.col("t") <= since), late.sample(fraction=1, shuffle=True, seed=1)]
    )


@pytest.mark.parametrize("new_after", [None, NOW - 10 * DAY])
def test_rows_in_order_pass(new_after):
    (check,) = judged(rows(), new_after)
    assert (check.outcome, check.seen) == (Outcome.PASS, 0.0)
    assert check.n == (500 if new_after else 700)


@pytest.mark.parametrize("new_after", [None, NOW - 10 * DAY])
def test_new_rows_out_of_order_are_refused_where_the_old_ones_keep_it(new_after):
    (check,) = judged(shuffled(rows(), NOW - 10 * DAY), new_after)
    assert check.outcome is Outcome.FAIL
    assert check.seen > 0.3


def test_a_few_late_rows_are_no_disorder():
    frame = rows()
    check = judged(pl.concat([frame[:-20], frame[-10:], frame[-20:-10]]))[0]
    assert (check.outcome, check.seen) == (Outcome.PASS, 0.02)


def test_a_block_that_was_appended_late_is_refused():
    frame = rows()
    block = pl.col("t").is_between(NOW - 8 * DAY, NOW - 6 * DAY)
    check = judged(pl.concat([frame.filter(~block), frame.filter(block)]))[0]
    assert (check.outcome, check.seen) == (Outcome.FAIL, 0.2)


def test_a_source_that_never_was_in_order_says_nothing():
    assert judged(rows().sample(fraction=1, shuffle=True, seed=1)) == []


def test_without_new_rows_there_is_nothing_to_say():
    assert judged(rows(), NOW) == []
    assert judged(rows()[:1]) == []
    assert judge_order(None) == []
