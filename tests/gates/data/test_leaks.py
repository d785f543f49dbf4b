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
    assert leaks.n == 4_858  # every seventh of 68,000, and half of those
    assert leaks.strongest[0].share > 0.99


def test_no_limit_asks_for_nothing():
    assert judged(rows(), limit=None) == []


@pytest.mark.parametrize("name", ["count", "name"])
def test_a_category_may_have_any_name(name):
    usual = project()
    roles = usual.roles.model_copy(update={"categorical": (name,)})
    renamed = usual.model_copy(update={"roles": roles})
    leaks = measure_leaks(rows().rename({"kind": name}), renamed, NOW)
    assert {e.feature: e.share for e in leaks.strongest}[name] == found(rows())[1]["kind"]
