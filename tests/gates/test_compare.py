from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from sixgates.gates.compare import PairedEvidence, judge_comparison, paired_evidence
from sixgates.gates.errors import ContractError
from sixgates.gates.policy import ComparisonPolicy, Policies
from sixgates.gates.project import Project, Roles
from sixgates.gates.statistics.clusters import cluster_bound, holdout_clusters
from sixgates.gates.verdict import Outcome, Verdict

POLICY = ComparisonPolicy(margin=0.02)
NOISE = np.random.default_rng(3).normal(0, 0.05, 2000)
NOISE -= NOISE.mean()
CLUSTERS = np.arange(2000) % 100


def evidence(differences, clusters=CLUSTERS, **segments):
    differences = np.asarray(differences, dtype=float)
    mean = float(np.mean(differences)) if len(differences) else 0.0
    return PairedEvidence(differences, clusters, 0.2, 0.2 + mean, segments)


def judge(*args, policy=POLICY, **segments):
    return judge_comparison(evidence(*args, **segments), policy, cold_start=False)


def test_an_equal_challenger_is_not_inferior():
    verdict = judge(np.zeros(2000))
    assert verdict.passed
    assert "< margin 0.02 (n = 2,000 rows in 100 clusters)" in verdict.reason
    assert Verdict.from_dict(verdict.to_dict()) == verdict


@pytest.mark.parametrize(
    ("shift", "scale", "outcome"),
    [
        (-0.05, 1, Outcome.PASS),
        (0.0, 1, Outcome.PASS),
        (0.01, 1, Outcome.PASS),  # worse for sure, but by less than the margin
        (0.019, 1, Outcome.FAIL),  # the bound does not clear the margin, and it is worse for sure
        (0.02, 1, Outcome.FAIL),
        (0.05, 1, Outcome.FAIL),
        (0.005, 20, Outcome.INCONCLUSIVE),
        (0.03, 20, Outcome.FAIL),
    ],
)
def test_the_bound_decides_against_the_margin(shift, scale, outcome):
    assert judge(NOISE * scale + shift).outcome is outcome


def test_not_enough_evidence_says_how_much_is_needed():
    verdict = judge(NOISE * 20 + 0.005)
    assert "100 clusters seen, about " in verdict.reason
    needed = int(verdict.reason.split("about ")[1].split()[0].replace(",", ""))
    times = int(np.ceil(needed / 100))
    more = np.tile(NOISE * 20 + 0.005, times)
    codes = np.concatenate([CLUSTERS + 100 * i for i in range(times)])
    assert judge(more, codes).passed


def test_a_challenger_that_never_saw_a_class_of_the_champion_is_refused_by_its_name():
    better = replace(evidence(NOISE - 0.1), forgotten=("probe", "r2l"))
    verdict = judge_comparison(better, POLICY, cold_start=False)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.startswith("the challenger never saw probe, r2l, which the champion")
    assert verdict.reason.endswith("until its rows hold them (n = 2,000 rows of the holdout)")
    unsure = replace(evidence(NOISE * 20 + 0.005), forgotten=("u2r",))
    assert judge_comparison(unsure, POLICY, cold_start=False).outcome is Outcome.FAIL


def test_few_clusters_are_not_enough_however_many_rows():
    verdict = judge(np.zeros(2000), np.arange(2000) % 29)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "29 clusters seen, 30 needed (n = 2,000 rows)" in verdict.reason


def test_one_cluster_shows_no_spread_and_still_gives_a_storable_verdict():
    verdict = judge(np.zeros(9), np.zeros(9))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.checks[0].seen is None


def test_nan_and_no_rows_are_refused_by_name():
    broken = NOISE.copy()
    broken[:7] = np.nan
    assert "not a number on 7 of 2,000 rows" in judge(broken).reason
    assert "no rows" in judge([], np.array([])).reason
    assert judge(broken).outcome is judge([], np.array([])).outcome is Outcome.FAIL


def test_a_cold_start_follows_the_policy():
    serve = ComparisonPolicy(margin=0.02, cold_start="serve")
    assert judge_comparison(None, serve, cold_start=True).passed
    refused = judge_comparison(None, POLICY, cold_start=True)
    assert refused.outcome is Outcome.FAIL
    assert "cold_start" in refused.reason


@pytest.mark.parametrize("start", ["serve", "refuse"])
def test_a_champion_that_cannot_be_read_is_never_a_cold_start(start):
    policy = ComparisonPolicy(margin=0.02, cold_start=start)
    verdict = judge_comparison(None, policy, cold_start=False)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason == "the champion could not be read"


def masks(rows):
    mask = np.zeros(2000, dtype=bool)
    mask[:rows] = True
    return {"country=no": mask, "country=se": ~mask}


def test_a_regressed_segment_fails_and_is_named():
    found = masks(200)
    verdict = judge(NOISE + np.where(found["country=no"], 0.08, -0.02), **found)
    assert verdict.outcome is Outcome.FAIL
    assert "1 of 2 segments regressed, worst country=no" in verdict.reason


def test_a_segment_of_one_cluster_is_named_and_not_judged():
    found = masks(200)
    clusters = np.where(found["country=no"], 0, CLUSTERS)
    verdict = judge(NOISE + np.where(found["country=no"], 0.2, -0.04), clusters, **found)
    assert verdict.passed
    sentence = verdict.checks[-1].sentence
    assert sentence.startswith("none of 1 segments")
    assert sentence.endswith("all rows are of one cluster: country=no")


def test_a_segment_worse_by_less_than_the_margin_or_too_small_is_not_flagged():
    found = masks(200)
    assert judge(NOISE + np.where(found["country=no"], 0.015, -0.02), **found).passed
    found = masks(99)
    assert judge(NOISE + np.where(found["country=no"], 0.2, -0.02), **found).passed


@given(
    shift=st.floats(-0.05, 0.05),
    scale=st.floats(0.1, 30),
    margin=st.floats(0.001, 0.1),
    tighter=st.floats(0.1, 1),
    alpha=st.floats(0.001, 0.4),
)
def test_tightening_never_turns_a_refusal_into_a_pass(shift, scale, margin, tighter, alpha):
    loose = ComparisonPolicy(margin=margin, alpha=alpha)
    if not judge(NOISE * scale + shift, policy=loose).passed:
        for tight in (
            ComparisonPolicy(margin=margin * tighter, alpha=alpha),
            ComparisonPolicy(margin=margin, alpha=alpha * tighter),
            ComparisonPolicy(margin=margin, alpha=alpha, min_clusters=90),
        ):
            assert not judge(NOISE * scale + shift, policy=tight).passed


def test_with_a_row_a_cluster_the_bound_is_the_paired_t():
    rows = NOISE[:50] + 0.01
    bound = cluster_bound(rows, np.arange(50), 0.05)
    assert bound.se == pytest.approx(rows.std(ddof=1) / np.sqrt(50))
    assert bound.upper == pytest.approx(rows.mean() + 1.6765509 * bound.se)


def test_the_bound_depends_on_who_goes_together_not_on_the_codes():
    names = np.array([f"user {c}" for c in CLUSTERS])
    assert cluster_bound(NOISE, names, 0.05) == cluster_bound(NOISE, CLUSTERS, 0.05)


def test_a_cluster_code_per_difference_is_required():
    with pytest.raises(ContractError, match="3 differences met 2"):
        cluster_bound(np.zeros(3), np.zeros(2), 0.05)


def test_a_model_worse_by_the_margin_passes_at_most_as_often_as_stated():
    rng = np.random.default_rng(17)
    runs, groups, size, correlation, margin = 2000, 60, 50, 0.2, 0.02
    shared = rng.normal(0, np.sqrt(correlation), (runs, groups, 1))
    rows = margin + 0.3 * (shared + rng.normal(0, np.sqrt(1 - correlation), (runs, groups, size)))
    codes = np.repeat(np.arange(groups), size)
    uppers = np.array([cluster_bound(run.ravel(), codes, 0.05).upper for run in rows])
    passed = int((uppers < margin).sum())
    assert abs(passed - 0.05 * runs) <= 3.3 * np.sqrt(runs * 0.05 * 0.95)
    flat = rows.reshape(runs, -1)
    naive = flat.mean(axis=1) + stdtrit(groups * size - 1, 0.95) * flat.std(axis=1) / np.sqrt(
        groups * size
    )
    assert (naive < margin).mean() > 0.15  # what the clusters protect from


def test_segments_of_equal_models_are_rarely_flagged():
    rng = np.random.default_rng(23)
    codes, runs = np.repeat(np.arange(60), 20), 400
    segments = {f"s={i}": np.arange(1200) % 6 == i for i in range(6)}
    policy = ComparisonPolicy(margin=1e-9)
    flagged = 0
    for _ in range(runs):
        differences = np.repeat(rng.normal(0, 0.1, 60), 20) + rng.normal(0, 0.2, 1200)
        found = PairedEvidence(differences, codes, 0.2, 0.2, segments)
        checks = judge_comparison(found, policy, cold_start=False).checks
        flagged += any(c.name == "segments" and c.outcome is Outcome.FAIL for c in checks)
    assert flagged <= 0.05 * runs + 3.3 * np.sqrt(runs * 0.05 * 0.95)


START = datetime(2024, 1, 1)  # noqa: DTZ001 - event time is naive UTC


def project(*, entity):
    return Project(
        name="toy",
        task="binary",
        contract=pa.DataFrameSchema({c: pa.Column() for c in ("t", "x", "y", "who")}),
        roles=Roles(
            event_time="t",
            label="y",
            numeric=("x",),
            segments=() if entity else ("who",),
            entity="who" if entity else None,
            label_horizon="P1D",
        ),
        loss="brier",
        policies=Policies.with_margin(0.01),
    )


DF = pl.DataFrame(
    {
        "t": [START + timedelta(hours=h) for h in (0, 23, 24, 47, 48)],
        "who": ["b", "a", None, "b", None],
    }
)


def test_the_entity_is_no_segment():
    roles = project(entity=True).roles.model_copy(update={"segments": ("who",)})
    with pytest.raises(ValueError, match="the entity 'who' is a segment"):
        Project(**{**dict(project(entity=True)), "roles": roles})


def test_entities_are_clusters_and_rows_without_one_go_together():
    assert holdout_clusters(DF, project(entity=True)).tolist() == [2, 1, 0, 2, 0]


def test_without_an_entity_periods_are_clusters():
    codes = holdout_clusters(DF, project(entity=False))
    assert (codes - codes[0]).tolist() == [0, 0, 1, 1, 2]


def test_pairs_are_taken_row_by_row():
    challenger, champion = np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.full(5, 0.2)
    pairs = paired_evidence(project(entity=True), DF, champion=champion, challenger=challenger)
    np.testing.assert_allclose(pairs.differences, [-0.1, 0, 0.1, 0.2, 0.3])
    assert (pairs.champion_loss, pairs.challenger_loss) == pytest.approx((0.2, 0.3))
    assert pairs.segments == {}
