import numpy as np
import pytest

from sixgates.gates.compare import PairedEvidence, judge_comparison
from sixgates.gates.differences import ALL, differences
from sixgates.gates.policy import ComparisonPolicy

POLICY = ComparisonPolicy(margin=0.02)
RNG = np.random.default_rng(5)
NOISE = RNG.normal(0.0, 0.05, 1_000)
CLUSTERS = np.arange(1_000) % 100


def evidence(values=NOISE, clusters=CLUSTERS, **segments):
    return PairedEvidence(np.asarray(values), clusters, 0.2, 0.2, segments)


def first(n):
    return np.arange(1_000) < n


def test_the_upper_end_over_all_rows_is_what_gate_4_judges_by():
    found = evidence()
    (every,) = differences(found, POLICY)
    verdict = judge_comparison(found, POLICY, cold_start=False)
    assert every.rows == ALL
    assert every.high == verdict.checks[0].seen
    assert every.low + every.high == pytest.approx(2 * every.mean)
    assert (every.n, every.clusters) == (1_000, 100)


def test_segments_follow_by_name_as_far_as_they_are_large_enough():
    found = differences(
        evidence(**{"b=1": first(200), "a=1": first(100), "c=1": first(99)}), POLICY
    )
    assert [(d.rows, d.n) for d in found] == [(ALL, 1_000), ("a=1", 100), ("b=1", 200)]
    assert found[2].mean == pytest.approx(NOISE[:200].mean())


def test_one_cluster_has_no_interval():
    (every,) = differences(evidence(clusters=np.zeros(1_000)), POLICY)
    assert (every.low, every.high, every.clusters) == (None, None, 1)


@pytest.mark.parametrize("values", [[], [np.nan] * 1_000])
def test_without_rows_or_with_losses_that_are_no_numbers_there_is_nothing_to_show(values):
    clusters = CLUSTERS[: len(values)]
    assert differences(evidence(values, clusters), POLICY) == ()
