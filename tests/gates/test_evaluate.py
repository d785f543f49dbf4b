from dataclasses import replace

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.calibration import Calibration
from sixgates.gates.evaluate import HoldoutEvidence, judge_holdout, measure_holdout, segment_masks
from sixgates.gates.footprint import Footprint
from sixgates.gates.policy import EvaluationPolicy, Policies
from sixgates.gates.project import Project, Roles
from sixgates.gates.verdict import Outcome, Verdict

RNG = np.random.default_rng(11)
N = 1000
GOOD = HoldoutEvidence(RNG.uniform(0, 0.2, N), np.full(N, 0.25))
POLICY = EvaluationPolicy()


def judge(evidence=GOOD, **limits):
    if evidence.footprint is None:
        evidence = replace(evidence, footprint=Footprint(0.1, 1.0, 300))
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
    both = judge(segment("country=no", 800, 0.9)).reason
    assert "2 of 2 segments over their limit, worst: brier where country=no" in both


def test_a_segment_in_which_the_base_rate_loses_nothing_is_the_worst():
    found = segment("country=no", 150, 0.1)
    faultless = np.where(found.segments["country=no"], 0.0, found.base_losses)
    verdict = judge(replace(found, base_losses=faultless))
    assert verdict.outcome is Outcome.FAIL
    assert "worst: brier where country=no" in verdict.reason


def test_a_small_segment_is_not_judged():
    assert judge(segment("country=no", 99, 0.6)).passed


def test_a_segment_of_one_entity_is_named_and_not_judged():
    found = segment("region=island", 150, 0.3)
    clusters = np.maximum(np.arange(N) - 149, 0)  # the first 150 rows are one entity's
    verdict = judge(replace(found, clusters=clusters))
    assert verdict.passed
    assert "0 of 1 segments over their limit" in verdict.reason
    assert "all rows are of one cluster: region=island" in verdict.reason


def test_where_every_segment_is_of_one_entity_that_is_said():
    alone = replace(GOOD, segments={"region=island": np.arange(N) < 150})
    verdict = judge(replace(alone, clusters=np.maximum(np.arange(N) - 149, 0)))
    assert verdict.passed
    assert "no segment with 100 rows was judged; not judged, because" in verdict.reason


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


def test_what_is_missing_is_one_segment_however_it_is_written():
    df = pl.DataFrame({"k": [1.0, float("nan"), None, 1.0, None]})
    masks = segment_masks(df, ["k"], 3)
    assert {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()} == {
        "k=missing": [1, 2, 4]
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


def calibrated(predicted, happened, **more):
    losses = (predicted - happened) ** 2
    base = (happened.mean() - happened) ** 2
    return HoldoutEvidence(
        losses, base, calibration=(Calibration("", predicted, happened),), **more
    )


def checks_of(verdict):
    return {check.name: check for check in verdict.checks}


def said_and_came(n=4000, *, shift=0.0, squeeze=1.0, seed=2):
    rng = np.random.default_rng(seed)
    true = rng.uniform(0.1, 0.9, n)
    happened = (rng.random(n) < true).astype(float)
    return np.clip(0.5 + squeeze * (true - 0.5) + shift, 0, 1), happened


def test_a_calibrated_model_passes_with_its_n():
    verdict = judge(calibrated(*said_and_came()))
    assert verdict.passed
    for name in ("calibration in the large", "calibration error"):
        assert checks_of(verdict)[name].n == 4000
        assert checks_of(verdict)[name].seen < 0.06


@pytest.mark.parametrize("limit", [0.2, 0.1])
def test_a_perfect_ranking_with_wrong_figures_is_refused(limit):
    # every figure is 0.25 too high: the order of the rows, and so any ranking metric, is unchanged
    verdict = judge(calibrated(*said_and_came(shift=0.25)), max_calibration_error=limit)
    assert checks_of(verdict)["calibration in the large"].outcome is Outcome.FAIL
    assert checks_of(verdict)["calibration error"].outcome is Outcome.FAIL


def test_overconfidence_that_is_right_in_the_mean_is_seen_by_the_bins_alone():
    verdict = judge(calibrated(*said_and_came(squeeze=2.5)), max_calibration_error=0.1)
    assert checks_of(verdict)["calibration in the large"].outcome is Outcome.PASS
    assert checks_of(verdict)["calibration error"].outcome is Outcome.FAIL


def test_the_limit_on_calibration_can_be_taken_away():
    verdict = judge(calibrated(*said_and_came(shift=0.25)), max_calibration_error=None)
    assert not any(name.startswith("calibration") for name in checks_of(verdict))


def test_a_few_rows_do_not_prove_calibration():
    verdict = judge(calibrated(*said_and_came(n=40)), min_rows=10, max_calibration_error=0.1)
    assert checks_of(verdict)["calibration error"].outcome is Outcome.FAIL


def test_a_model_off_by_the_limit_rarely_passes_calibration():
    passed = 0
    for seed in range(200):
        evidence = calibrated(*said_and_came(n=600, shift=0.08, seed=seed))
        found = judge(evidence, max_calibration_error=0.08)
        passed += checks_of(found)["calibration in the large"].outcome is Outcome.PASS
    assert passed <= 10 + 3 * np.sqrt(200 * 0.05 * 0.95)


def test_of_several_classes_the_worst_is_named():
    predicted, happened = said_and_came()
    off = np.clip(predicted + 0.3, 0, 1)
    found = (Calibration("cat", predicted, happened), Calibration("dog", off, happened))
    verdict = judge(replace(calibrated(predicted, happened), calibration=found))
    assert verdict.outcome is Outcome.FAIL
    assert "mean probability of dog" in verdict.reason


@pytest.mark.parametrize(
    ("footprint", "words"),
    [
        (Footprint(21.0, 1.0, 300), "single-row latency in ms 21 > limit 20 (n = 300)"),
        (Footprint(0.1, 201.0, 300), "model size in MB 201 > limit 200 (n = 300)"),
        (Footprint(float("nan"), 1.0, 300), "single-row latency in ms is nan"),
        (Footprint(0.1, 1.0, 0), "has no rows behind it"),
    ],
)
def test_a_model_over_its_budget_is_refused(footprint, words):
    verdict = judge(replace(GOOD, footprint=footprint))
    assert verdict.outcome is Outcome.FAIL
    assert words in verdict.reason


def test_a_budget_that_was_not_measured_is_refused():
    verdict = judge_holdout(GOOD, POLICY, "brier")
    assert verdict.outcome is Outcome.FAIL
    assert "latency in ms could not be measured" in verdict.reason
    free = EvaluationPolicy(max_latency_ms=None, max_size_mb=None)
    assert judge_holdout(GOOD, free, "brier").passed


def test_the_baselines_are_reported_and_refuse_nothing():
    better = replace(GOOD, last_label_losses=np.full(N, 0.01))
    check = checks_of(judge(better))["baselines"]
    assert check.outcome is Outcome.PASS
    assert check.sentence == (
        "brier 0.09699; always the base rate 0.25; the last known label 0.01 "
        "(n = 1,000; reported only, refuses nothing)"
    )


def test_rows_of_one_entity_count_together():
    rng = np.random.default_rng(9)
    entity = np.repeat(np.arange(25), 40)
    losses = np.clip(0.2 + rng.normal(0, 0.1, 25)[entity], 0, 1)
    limit = losses.mean() + 0.015
    assert judge(HoldoutEvidence(losses, np.full(N, 0.25)), max_loss=limit).passed
    together = HoldoutEvidence(losses, np.full(N, 0.25), clusters=entity)
    verdict = judge(together, max_loss=limit)
    assert verdict.outcome is Outcome.FAIL
    assert "n = 1,000 rows of 25 entities" in verdict.reason


def test_one_entity_alone_proves_nothing():
    verdict = judge(replace(GOOD, clusters=np.zeros(N, dtype=int)))
    assert verdict.outcome is Outcome.FAIL
    assert "1,000 rows of 1 entities" in verdict.reason


def test_a_segment_must_clear_its_limit_with_its_upper_bound():
    rng = np.random.default_rng(4)
    mask = np.arange(N) < 150
    losses = np.where(mask, rng.binomial(1, 0.3, N), GOOD.losses)
    evidence = HoldoutEvidence(losses, np.full(N, 0.25), {"country=no": mask})
    mean = losses[mask].mean()
    error = losses[mask].std(ddof=1) / np.sqrt(150)
    for room, outcome in ((1.7, Outcome.PASS), (1.6, Outcome.FAIL)):
        factor = (mean + room * error) / 0.25
        found = checks_of(judge(evidence, max_segment_loss_over_base=factor))["segments"]
        assert found.outcome is outcome
        assert found.n == 150
