import polars as pl

from sixgates.gates.data.hindsight import judge_null_jump, measure_null_jump
from sixgates.gates.verdict import Outcome
from tests.gates.data.feed import DAY, NOW, project, rows


def known(frame):
    """Return the rows as they are known: no label in the last two days."""
    young = pl.col("t") > NOW - 2 * DAY
    return frame.with_columns(y=pl.when(young).then(None).otherwise("y"))


def judged(frame, toy=None):
    return judge_null_jump(measure_null_jump(frame, toy or project(), NOW))


def test_features_that_are_always_there_pass():
    (check,) = judged(known(rows()))
    assert check.outcome is Outcome.PASS
    assert check.n == 100


def test_a_feature_that_comes_with_the_label_is_refused():
    young = pl.col("t") > NOW - 2 * DAY
    frame = known(rows()).with_columns(z=pl.when(young).then(None).otherwise("z"))
    (check,) = judged(frame)
    assert check.outcome is Outcome.FAIL
    assert check.name == "nulls until the label is known, z,"
    assert "null in 1 of the rows without a label yet, in 0 of those just older" in check.sentence


def test_nan_is_null_too():
    young = pl.col("t") > NOW - 2 * DAY
    frame = known(rows()).with_columns(z=pl.when(young).then(float("nan")).otherwise("z"))
    assert judged(frame)[0].outcome is Outcome.FAIL


def test_a_feature_that_is_null_at_any_age_is_no_leak():
    often = pl.int_range(pl.len()) % 10 < 8
    frame = known(rows()).with_columns(z=pl.when(often).then(None).otherwise("z"))
    assert judged(frame)[0].outcome is Outcome.PASS


def test_a_feature_that_was_not_there_long_ago_is_no_leak():
    old = pl.col("t") < NOW - 20 * DAY
    frame = known(rows()).with_columns(z=pl.when(old).then(None).otherwise("z"))
    assert judged(frame)[0].outcome is Outcome.PASS


def test_labels_that_tell_their_time_show_it_row_by_row():
    toy = project(label_time=True)
    due = pl.col("t") + pl.duration(hours=pl.int_range(pl.len()) % 72)
    frame = rows().with_columns(known=pl.when(due <= NOW).then(due))
    frame = frame.with_columns(y=pl.when(pl.col("known").is_not_null()).then("y"))
    assert judged(frame, toy)[0].outcome is Outcome.PASS
    hidden = frame.with_columns(z=pl.when(pl.col("y").is_not_null()).then("z"))
    assert judged(hidden, toy)[0].outcome is Outcome.FAIL


def test_where_every_label_is_known_there_is_nothing_to_compare():
    assert judged(rows()) == []
    assert judged(known(rows()).filter(pl.col("t") > NOW - 2 * DAY)) == []
    assert judged(rows().clear()) == []
