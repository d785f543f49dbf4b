import numpy as np
import polars as pl
import pytest

from sixgates.gates.data.leaks import judge_leaks, measure_leaks
from sixgates.gates.verdict import Outcome
from tests.gates.data.feed import DAY, NOW, project, rows


def found(frame, task="binary"):
    leaks = measure_leaks(frame, project(task), NOW)
    return leaks, {e.feature: e.share for e in leaks.strongest}


def judged(frame, task="binary", limit=0.95):
    return judge_leaks(found(frame, task)[0], limit)


def test_features_that_know_nothing_explain_nothing():
    leaks, shares = found(rows())
    assert max(shares.values()) < 0.05
    assert leaks.n == 1700  # half of the 68 days whose labels are known
    (check,) = judge_leaks(leaks, 0.95)
    assert check.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("feature", "leak"),
    [
        ("x", pl.col("y").cast(pl.Float64)),
        ("x", -3.0 * pl.col("y") + 1),
        ("x", pl.when(pl.col("y") == 1).then(None).otherwise("x")),
        ("kind", pl.when(pl.col("y") == 1).then(pl.lit("yes")).otherwise(pl.lit("no"))),
    ],
)
def test_a_copy_of_the_label_is_refused_by_name(feature, leak):
    (check,) = judged(rows().with_columns(leak.alias(feature)))
    assert check.outcome is Outcome.FAIL
    assert check.name == f"label explained by one feature, {feature},"
    assert check.seen > 0.99


@pytest.mark.parametrize("leak", [pl.col("y").exp(), -pl.col("y"), pl.col("y").rank()])
def test_any_monotone_function_of_a_number_is_a_leak(leak):
    rng = np.random.default_rng(0)
    frame = rows().with_columns(y=pl.Series(rng.standard_t(3, size=3500)))
    (check,) = judged(frame.with_columns(leak.alias("x")), "regression")
    assert check.outcome is Outcome.FAIL


def test_every_leak_is_named():
    frame = rows().with_columns(x=pl.col("y") * 1.0, z=pl.col("y") * 2.0)
    assert [c.name for c in judged(frame)] == [
        "label explained by one feature, x,",
        "label explained by one feature, z,",
    ]


def test_a_strong_feature_is_no_leak():
    frame = rows().with_columns(x=pl.when(pl.col("x") < 1.6).then(pl.col("y")).otherwise(0.5))
    leaks, shares = found(frame)
    assert 0.85 < shares["x"] < 0.95
    assert judge_leaks(leaks, 0.95)[0].outcome is Outcome.PASS


def test_a_feature_that_knew_the_answers_of_the_past_alone_is_no_leak():
    old = pl.col("t") < pl.lit(NOW) - pl.duration(days=36)
    frame = rows().with_columns(x=pl.when(old).then(pl.col("y")).otherwise("x"))
    assert judged(frame)[0].outcome is Outcome.PASS


def test_names_of_things_explain_nothing():
    frame = rows().with_columns(kind=pl.lit("n") + pl.col("who"))
    assert found(frame)[1]["kind"] < 0.05


@pytest.mark.parametrize(("new", "seen"), [(0.3, True), (0.7, False)])
def test_a_leak_is_found_among_the_names_that_were_there_before(new, seen):
    late = (pl.col("t") > NOW - 36 * DAY) & (pl.int_range(pl.len()) % 100 < 100 * new)
    name = pl.when(pl.col("y") == 1).then(pl.lit("yes")).otherwise(pl.lit("no"))
    frame = rows().with_columns(kind=pl.when(late).then(pl.lit("new ") + name).otherwise(name))
    shares = found(frame)[1]
    assert shares["kind"] > 0.99 if seen else "kind" not in shares


def test_a_class_of_many_is_found_too():
    frame = rows().with_columns(y=pl.col("kind"))
    assert judged(frame, "multiclass")[0].name == "label explained by one feature, kind,"


@pytest.mark.parametrize("labels", [pl.lit(0), pl.lit(None, pl.Int64)])
def test_labels_that_are_nearly_all_alike_are_not_judged(labels):
    (check,) = judged(rows().with_columns(y=labels))
    assert (check.outcome, check.muted) == (Outcome.INCONCLUSIVE, True)
    assert "nearly all alike" in check.sentence


def test_a_large_history_is_thinned_evenly():
    frame = rows([1_000] * 70)
    leaks, _ = found(frame.with_columns(x=pl.col("y") * 1.0))
    assert leaks.n == 4_421  # every fifth of 20,200, every tenth of 47,800, and half of those
    assert leaks.strongest[0].share > 0.99


@pytest.mark.parametrize("share", [0.005, 0.01, 0.05, 0.2])
def test_a_label_that_is_a_feature_above_a_limit_is_explained_however_rare(share):
    frame = rows([1_500] * 70)
    above = frame["x"].quantile(1 - share)
    for label in (pl.col("x") > above, pl.col("x") < -above, pl.col("x").abs() < share):
        (check,) = judged(frame.with_columns(y=label.cast(pl.Int64)))
        assert check.outcome is Outcome.FAIL
        assert check.name.endswith(", x,")


def test_the_name_of_a_rare_class_is_found_among_many():
    frame = rows([1_500] * 70)
    rng = np.random.default_rng(1)
    label = pl.Series((rng.random(frame.height) < 0.002).astype(np.int64))
    other = pl.Series([f"k{i}" for i in rng.integers(0, 200, frame.height)])
    kind = pl.when(label == 1).then(pl.lit("fraud")).otherwise(other)
    assert judged(frame.with_columns(y=label, kind=kind))[0].name.endswith(", kind,")


@pytest.mark.parametrize("share", [0.01, 0.2])
@pytest.mark.parametrize(("apart", "most"), [(1.8, 0.7), (3.5, 0.95)], ids=["area .9", "area .99"])
def test_a_feature_that_is_honest_is_no_leak_of_a_rare_class(share, apart, most):
    frame = rows([1_500] * 70)
    label = pl.Series((np.random.default_rng(1).random(frame.height) < share).astype(np.int64))
    leaks, shares = found(frame.with_columns(y=label, x=pl.col("x") + apart * label))
    assert 0.02 < shares["x"] < most
    assert judge_leaks(leaks, 0.95)[0].outcome is Outcome.PASS


def test_what_is_explained_is_of_all_rows_not_of_as_many_of_each_class():
    frame = rows([1_500] * 70)
    label = pl.Series((np.random.default_rng(1).random(frame.height) < 0.01).astype(np.int64))
    wrong = pl.int_range(pl.len()) % 100 == 0
    shares = found(frame.with_columns(y=label, x=pl.when(wrong).then(1 - label).otherwise(label)))
    assert shares[1]["x"] == pytest.approx(0.49, abs=0.1)  # every second that it tells is none


@pytest.mark.parametrize("way", [1, -1])
def test_a_leak_whose_numbers_rise_or_fall_with_time_is_found(way):
    day = (pl.col("t") - NOW).dt.total_days()
    frame = rows().with_columns(x=way * (day.abs() + 1_000 * pl.col("y")))
    assert judged(frame)[0].outcome is Outcome.FAIL


def test_no_limit_asks_for_nothing():
    assert judged(rows(), limit=None) == []


@pytest.mark.parametrize("name", ["count", "name"])
def test_a_category_may_have_any_name(name):
    usual = project()
    roles = usual.roles.model_copy(update={"categorical": (name,)})
    renamed = usual.model_copy(update={"roles": roles})
    leaks = measure_leaks(rows().rename({"kind": name}), renamed, NOW)
    assert {e.feature: e.share for e in leaks.strongest}[name] == found(rows())[1]["kind"]
