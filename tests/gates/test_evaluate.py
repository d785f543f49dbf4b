from dataclasses import replace

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.evaluate import HoldoutEvidence, judge_holdout, measure_holdout, segment_masks
from sixgates.gates.policy import EvaluationPolicy, Policies
from sixgates.gates.project import Project, Roles
from sixgates.gates.verdict import Outcome, Verdict

RNG = np.random.default_rng(11)
N = 1000
GOOD = HoldoutEvidence(RNG.uniform(0, 0.2, N), np.full(N, 0.25))
POLICY = EvaluationPolicy()


def judge(evidence=GOOD, **limits):
    return judge_holdout(evidence, EvaluationPolicy(**limits), "brier")


def test_a_good_model_passes_and_says_by_how_much():
    verdict = judge(max_loss=0.15)
    assert verdict.passed
    assert "brier 0.09699 with upper 95 % bound 0.09996 <= limit 0.15 (n = 1,000)" in verdict.reason
    assert Verdict.from_dict(verdict.to_dict()) == verdict


def test_the_upper_bound_must_clear_the_limit_not_the_mean():
    mean = float(GOOD.losses.mean())
    error = float(GOOD.losses.std(ddof=1)) / np.sqrt(N)
    assert judge(max_loss=mean + 1.7 * error).passed
    assert judge(max_loss=mean + 1.6 * error).outcome is Outcome.FAIL


def test_a_model_worse_than_the_base_rate_is_refused():
    verdict = judge(replace(GOOD, base_losses=np.full(N, 0.09)))
    assert verdict.outcome is Outcome.FAIL
    assert "over base rate" in verdict.reason


def test_no_limit_at_all_is_a_named_refusal():
    verdict = judge(max_loss_over_base=None)
    assert verdict.outcome is Outcome.FAIL
    assert "no limit set" in verdict.reason


@pytest.mark.parametrize("which", ["losses", "base_losses"])
def test_nan_losses_are_refused_with_their_count(which):
    broken = getattr(GOOD, which).copy()
    broken[:3] = np.nan
    verdict = judge(replace(GOOD, **{which: broken}))
    assert verdict.outcome is Outcome.FAIL
    assert "not a number on 3 rows" in verdict.reason


@pytest.mark.parametrize("n", [0, 1, 199])
def test_too_few_rows_are_refused_with_their_number(n):
    verdict = judge(HoldoutEvidence(GOOD.losses[:n], GOOD.base_losses[:n]))
    assert verdict.outcome is Outcome.FAIL
    assert f"n = {n}" in verdict.reason


def segment(name, rows, loss):
    mask = np.zeros(N, dtype=bool)
    mask[:rows] = True
    losses = np.where(mask, loss, GOOD.losses)
    return HoldoutEvidence(losses, GOOD.base_losses, {name: mask, "all=1": np.ones(N, dtype=bool)})


def test_the_worst_segment_is_named():
    verdict = judge(segment("country=no", 150, 0.6))
    assert verdict.outcome is Outcome.FAIL
    assert "1 of 2 segments over their limit" in verdict.reason
    assert "country=no" in verdict.reason


def test_a_small_segment_is_not_judged():
    assert judge(segment("country=no", 99, 0.6)).passed


def test_segments_can_be_left_unjudged():
    assert judge(segment("country=no", 150, 0.6), max_segment_loss_over_base=None).passed


@given(
    loose=st.floats(0.01, 1), tight=st.floats(0.1, 1), over=st.floats(0.1, 2), more=st.floats(1, 3)
)
def test_tightening_never_turns_fail_into_pass(loose, tight, over, more):
    policy = {"max_loss": loose, "max_loss_over_base": over * more}
    if judge(**policy).outcome is Outcome.FAIL:
        assert judge(max_loss=loose * tight, max_loss_over_base=over).outcome is Outcome.FAIL


def test_a_lucky_small_holdout_rarely_passes():
    rng = np.random.default_rng(5)
    # the true loss is the limit: at most the nominal 5 % may pass (binomial bound, 1,000 runs)
    runs = rng.binomial(1, 0.3, size=(1000, 400)).astype(float)
    passed = sum(
        judge(HoldoutEvidence(losses, losses), max_loss=0.3, max_loss_over_base=None).passed
        for losses in runs
    )
    assert passed <= 50 + 3 * np.sqrt(1000 * 0.05 * 0.95)


def test_masks_cover_every_large_value_also_the_missing_one():
    df = pl.DataFrame({"count": ["a", "b", None, "a", None], "k": [1.0, float("nan"), 1, 1, 2]})
    masks = segment_masks(df, ["count", "k"], 2)
    assert {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()} == {
        "count=a": [0, 3],
        "count=missing": [2, 4],
        "k=1": [0, 2, 3],
    }


def test_the_holdout_becomes_losses_in_row_order():
    toy = Project(
        name="toy",
        task="binary",
        contract=pa.DataFrameSchema({c: pa.Column() for c in ("t", "x", "y", "s")}),
        roles=Roles(
            event_time="t", label="y", numeric=("x",), segments=("s",), label_horizon="P1D"
        ),
        loss="brier",
        policies=Policies.with_margin(0.01, evaluation=EvaluationPolicy(min_segment_rows=2)),
    )
    df = pl.DataFrame({"y": [1, 0, 1], "s": ["u", "v", "u"]})
    evidence = measure_holdout(toy, df, np.array([0.9, 0.2, np.nan]), np.array([[0.5]]))
    np.testing.assert_allclose(evidence.losses, [0.01, 0.04, np.nan])
    np.testing.assert_allclose(evidence.base_losses, 0.25)
    assert list(evidence.segments) == ["s=u"]
    assert evidence.n == 3
