from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from sixgates.gates.data.skew import Skew, judge_skew, measure_skew, pair_rows
from sixgates.gates.verdict import Outcome
from tests.gates.data.feed import START, project, rows

FRAME = rows([40] * 10)


def champion(frame):
    """Answer by steps in x, by kind, and hardly at all by z; a missing x counts as low."""
    x = frame["x"].cast(pl.Float64).fill_null(-9.0).to_numpy()
    kind = frame["kind"].replace_strict({"a": 0.0, "b": 0.1}, default=0.3).to_numpy()
    z = frame["z"].cast(pl.Float64).fill_null(0.0).to_numpy()
    return (0.2 + 0.3 * (np.round(x * 2) / 2 > 0) + 0.1 * (x > 1) + kind + 1e-6 * (z > 0))[:, None]


def logged(sent, *, toy=None, **changes):
    """Return what the champion said when it was sent some rows."""
    toy = toy or project()
    n = sent.height
    entity = sent["who"] if toy.roles.entity else [f"r/{i}" for i in range(n)]
    record = {
        "entity": entity,
        "at": sent["t"].dt.epoch("us") / 1e6,
        "epoch": [1] * n,
        "error": [""] * n,
        "values": champion(sent).tolist(),
    }
    return pl.DataFrame({**record, **changes})


def measured(sent, stored=FRAME, toy=None, **changes):
    toy = toy or project()
    said = logged(sent, toy=toy, **changes)
    return measure_skew(pair_rows(stored, said, toy), said.height, toy, champion)


def judged(sent, limit=0.1, **given):
    (check,) = judge_skew(measured(sent, **given), limit)
    return check


def test_a_gateway_that_is_sent_what_is_stored_passes():
    check = judged(FRAME)
    assert (check.outcome, check.seen, check.n) == (Outcome.PASS, 0.0, 400)
    assert check.sentence.endswith(
        "a share of 0 of the stored rows otherwise, <= limit 0.1 (n = 400)"
    )


@pytest.mark.parametrize(
    ("feature", "sent"),
    [
        ("x", pl.lit(0.0)),
        ("x", pl.lit(None, pl.Float64)),
        ("x", pl.col("x") * 1000),
        ("x", pl.col("x").shift(1, fill_value=0.0)),
        ("kind", pl.lit("a")),
        ("kind", pl.lit(None, pl.String)),
    ],
)
def test_a_feature_that_is_sent_otherwise_is_named(feature, sent):
    check = judged(FRAME.with_columns(sent.alias(feature)))
    assert check.outcome is Outcome.FAIL
    assert check.seen > 0.2
    assert check.sentence.endswith(f": it was sent another {feature} than is stored")


def test_two_features_at_once_are_refused_without_a_name():
    check = judged(FRAME.with_columns(x=pl.lit(None, pl.Float64), kind=pl.lit("a")))
    assert check.outcome is Outcome.FAIL
    assert check.sentence.endswith("no single feature explains it")


def test_what_hardly_matters_to_the_champion_is_not_seen():
    assert judged(FRAME.with_columns(z=pl.lit(-1.0))).seen == 0.0


def test_a_few_rows_may_differ():
    few = pl.int_range(pl.len()) % 20 == 0
    check = judged(FRAME.with_columns(x=pl.when(few).then(-pl.col("x")).otherwise("x")))
    assert check.outcome is Outcome.PASS
    assert 0 < check.seen <= 0.05


def test_an_answer_that_is_no_number_differs():
    assert judged(FRAME, values=[[float("nan")]] * 400).seen == 1.0


def test_rows_pair_by_entity_and_time_to_the_millisecond():
    late = FRAME.with_columns(t=pl.col("t") + timedelta(seconds=1))
    assert measured(late).pairs == 0
    assert measured(FRAME.with_columns(who=pl.lit("x") + pl.col("who"))).pairs == 0
    zoned = FRAME.with_columns(pl.col("t").dt.replace_time_zone("UTC"))
    assert measured(FRAME, stored=zoned).pairs == 400


def test_without_an_entity_the_time_alone_pairs():
    toy = project(entity=None)
    assert measured(FRAME, toy=toy).pairs == 400


def test_rows_that_cannot_be_told_apart_are_left_out_and_the_first_answer_counts():
    twice = pl.concat([FRAME, FRAME[:10]])
    assert measured(FRAME, stored=twice).pairs == 390
    said = pl.concat([logged(FRAME), logged(FRAME.with_columns(x=-pl.col("x")))])
    pairs = pair_rows(FRAME, said, project())
    assert measure_skew(pairs, 800, project(), champion).differing == 0.0


@pytest.mark.parametrize("change", [{"epoch": [0] * 400}, {"error": ["slow"] * 400}])
def test_failures_and_answers_to_tests_are_no_evidence(change):
    assert measured(FRAME, **change).pairs == 0


def test_too_few_pairs_are_said_and_decide_nothing():
    check = judged(FRAME[:29])
    assert (check.outcome, check.muted) == (Outcome.INCONCLUSIVE, True)
    assert "of 29 logged answers 29 match a stored row and 30 are needed" in check.sentence
    assert judge_skew(None, 0.1)[0].muted


def test_only_the_newest_pairs_are_compared():
    stored = rows([300] * 10)
    old = stored["t"] < START + timedelta(days=3)
    sent = stored.with_columns(x=pl.when(old).then(-pl.col("x")).otherwise("x"))
    assert measured(sent, stored=stored) == Skew(2_000, 3_000, 0.0, ())


def test_no_limit_asks_for_nothing():
    assert judge_skew(measured(FRAME), None) == []
